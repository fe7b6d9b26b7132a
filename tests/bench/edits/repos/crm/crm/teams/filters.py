"""Choosing among teams."""


def by_lead(teams, lead):
    return [team for team in teams if team.lead == lead]


def by_size(teams, size):
    return [team for team in teams if team.size == size]
