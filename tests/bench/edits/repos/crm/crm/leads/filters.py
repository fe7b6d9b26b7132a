"""Choosing among leads."""


def by_source(leads, source):
    return [lead for lead in leads if lead.source == source]


def by_score(leads, score):
    return [lead for lead in leads if lead.score == score]
