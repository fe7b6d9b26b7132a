"""Which regions are accepted."""


def validate_region(region):
    problems = []
    if region.name in (None, ""):
        problems.append("name is missing")
    return problems
