"""Which campaigns are accepted."""


def validate_campaign(campaign):
    problems = []
    if campaign.title in (None, ""):
        problems.append("title is missing")
    if campaign.budget < 0:
        problems.append("budget is negative")
    return problems
