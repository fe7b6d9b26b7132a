"""Which deals are accepted."""


def validate_deal(deal):
    problems = []
    if deal.title in (None, ""):
        problems.append("title is missing")
    if deal.amount < 0:
        problems.append("amount is negative")
    return problems
