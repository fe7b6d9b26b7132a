"""Which leads are accepted."""


def validate_lead(lead):
    problems = []
    if lead.name in (None, ""):
        problems.append("name is missing")
    if lead.score < 0:
        problems.append("score is negative")
    return problems
