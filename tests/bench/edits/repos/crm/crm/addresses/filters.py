"""Choosing among addresss."""


def by_city(addresss, city):
    return [address for address in addresss if address.city == city]


def by_postcode(addresss, postcode):
    return [address for address in addresss if address.postcode == postcode]
