"""Which teams are accepted."""


def validate_team(team):
    problems = []
    if team.name in (None, ""):
        problems.append("name is missing")
    if team.size < 0:
        problems.append("size is negative")
    return problems
