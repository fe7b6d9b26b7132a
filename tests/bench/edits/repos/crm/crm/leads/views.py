"""How leads are shown."""


def lead_row(lead):
    return [str(lead.name), str(lead.source), str(lead.score)]


def lead_table(leads):
    head = ["name", "source", "score"]
    return [head] + [lead_row(lead) for lead in leads]
