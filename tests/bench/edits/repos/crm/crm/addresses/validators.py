"""Which addresss are accepted."""


def validate_address(address):
    problems = []
    if address.street in (None, ""):
        problems.append("street is missing")
    return problems
