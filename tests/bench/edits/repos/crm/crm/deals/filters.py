"""Choosing among deals."""


def by_amount(deals, amount):
    return [deal for deal in deals if deal.amount == amount]


def by_stage(deals, stage):
    return [deal for deal in deals if deal.stage == stage]
