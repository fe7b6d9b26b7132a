"""Choosing among accounts."""


def by_industry(accounts, industry):
    return [account for account in accounts if account.industry == industry]


def by_website(accounts, website):
    return [account for account in accounts if account.website == website]
