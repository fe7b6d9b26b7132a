"""What can be done with campaigns."""

from crm.campaigns.models import Campaign
from crm.campaigns.repository import CampaignRepository
from crm.campaigns.validators import validate_campaign


class CampaignService:
    def __init__(self, repository=None):
        self.repository = repository or CampaignRepository()
        self._next = 1

    def create(self, title, budget, channel):
        campaign = Campaign(self._next, title, budget, channel)
        problems = validate_campaign(campaign)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(campaign)
        return campaign

    def remove(self, id):
        self.repository.delete(id)
