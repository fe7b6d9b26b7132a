"""How campaigns are shown."""


def campaign_row(campaign):
    return [str(campaign.title), str(campaign.budget), str(campaign.channel)]


def campaign_table(campaigns):
    head = ["title", "budget", "channel"]
    return [head] + [campaign_row(campaign) for campaign in campaigns]
