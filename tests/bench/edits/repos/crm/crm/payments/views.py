"""How payments are shown."""


def payment_row(payment):
    return [str(payment.amount), str(payment.method), str(payment.reference)]


def payment_table(payments):
    head = ["amount", "method", "reference"]
    return [head] + [payment_row(payment) for payment in payments]
