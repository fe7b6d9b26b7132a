"""Which tags are accepted."""


def validate_tag(tag):
    problems = []
    if tag.name in (None, ""):
        problems.append("name is missing")
    return problems
