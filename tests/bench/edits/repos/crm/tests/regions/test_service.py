import unittest

from crm.regions.export import regions_csv
from crm.regions.filters import by_country
from crm.regions.service import RegionService


class RegionServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = RegionService()
        self.region = self.service.create("name0", "country1", "manager2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.region.id), self.region)

    def test_filter(self):
        self.assertEqual(by_country([self.region], "country1"), [self.region])

    def test_export(self):
        self.assertTrue(regions_csv([self.region]).startswith("name,country,manager\n"))

    def test_remove(self):
        self.service.remove(self.region.id)
        self.assertEqual(self.service.repository.all(), [])
