"""Which contracts are accepted."""


def validate_contract(contract):
    problems = []
    if contract.title in (None, ""):
        problems.append("title is missing")
    if contract.months < 0:
        problems.append("months is negative")
    return problems
