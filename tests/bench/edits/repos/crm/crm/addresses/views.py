"""How addresss are shown."""


def address_row(address):
    return [str(address.street), str(address.city), str(address.postcode)]


def address_table(addresss):
    head = ["street", "city", "postcode"]
    return [head] + [address_row(address) for address in addresss]
