"""How deals are shown."""


def deal_row(deal):
    return [str(deal.title), str(deal.amount), str(deal.stage)]


def deal_table(deals):
    head = ["title", "amount", "stage"]
    return [head] + [deal_row(deal) for deal in deals]
