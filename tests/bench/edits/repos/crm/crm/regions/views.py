"""How regions are shown."""


def region_row(region):
    return [str(region.name), str(region.country), str(region.manager)]


def region_table(regions):
    head = ["name", "country", "manager"]
    return [head] + [region_row(region) for region in regions]
