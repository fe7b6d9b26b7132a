"""How contracts are shown."""


def contract_row(contract):
    return [str(contract.title), str(contract.months), str(contract.signer)]


def contract_table(contracts):
    head = ["title", "months", "signer"]
    return [head] + [contract_row(contract) for contract in contracts]
