"""Which payments are accepted."""


def validate_payment(payment):
    problems = []
    if payment.amount in (None, ""):
        problems.append("amount is missing")
    if payment.amount < 0:
        problems.append("amount is negative")
    return problems
