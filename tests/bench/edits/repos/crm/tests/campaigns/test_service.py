import unittest

from crm.campaigns.export import campaigns_csv
from crm.campaigns.filters import by_budget
from crm.campaigns.service import CampaignService


class CampaignServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = CampaignService()
        self.campaign = self.service.create("title0", 2.0, "channel2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.campaign.id), self.campaign)

    def test_filter(self):
        self.assertEqual(by_budget([self.campaign], 2.0), [self.campaign])

    def test_export(self):
        self.assertTrue(campaigns_csv([self.campaign]).startswith("title,budget,channel\n"))

    def test_remove(self):
        self.service.remove(self.campaign.id)
        self.assertEqual(self.service.repository.all(), [])
