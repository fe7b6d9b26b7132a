"""Choosing among regions."""


def by_country(regions, country):
    return [region for region in regions if region.country == country]


def by_manager(regions, manager):
    return [region for region in regions if region.manager == manager]
