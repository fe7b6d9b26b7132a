"""Choosing among payments."""


def by_method(payments, method):
    return [payment for payment in payments if payment.method == method]


def by_reference(payments, reference):
    return [payment for payment in payments if payment.reference == reference]
