"""Choosing among contracts."""


def by_months(contracts, months):
    return [contract for contract in contracts if contract.months == months]


def by_signer(contracts, signer):
    return [contract for contract in contracts if contract.signer == signer]
