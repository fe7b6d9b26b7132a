"""Choosing among campaigns."""


def by_budget(campaigns, budget):
    return [campaign for campaign in campaigns if campaign.budget == budget]


def by_channel(campaigns, channel):
    return [campaign for campaign in campaigns if campaign.channel == channel]
