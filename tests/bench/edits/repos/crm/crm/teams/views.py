"""How teams are shown."""


def team_row(team):
    return [str(team.name), str(team.lead), str(team.size)]


def team_table(teams):
    head = ["name", "lead", "size"]
    return [head] + [team_row(team) for team in teams]
