"""How accounts are shown."""


def account_row(account):
    return [str(account.name), str(account.industry), str(account.website)]


def account_table(accounts):
    head = ["name", "industry", "website"]
    return [head] + [account_row(account) for account in accounts]
