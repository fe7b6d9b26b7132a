"""Which accounts are accepted."""


def validate_account(account):
    problems = []
    if account.name in (None, ""):
        problems.append("name is missing")
    return problems
