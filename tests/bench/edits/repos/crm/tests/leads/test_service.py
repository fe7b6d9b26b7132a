import unittest

from crm.leads.export import leads_csv
from crm.leads.filters import by_source
from crm.leads.service import LeadService


class LeadServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = LeadService()
        self.lead = self.service.create("name0", "source1", 3.0)

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.lead.id), self.lead)

    def test_filter(self):
        self.assertEqual(by_source([self.lead], "source1"), [self.lead])

    def test_export(self):
        self.assertTrue(leads_csv([self.lead]).startswith("name,source,score\n"))

    def test_remove(self):
        self.service.remove(self.lead.id)
        self.assertEqual(self.service.repository.all(), [])
