import unittest

from crm.activities.export import activitys_csv
from crm.activities.filters import by_minutes
from crm.activities.service import ActivityService


class ActivityServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = ActivityService()
        self.activity = self.service.create("subject0", 2.0, "kind2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.activity.id), self.activity)

    def test_filter(self):
        self.assertEqual(by_minutes([self.activity], 2.0), [self.activity])

    def test_export(self):
        self.assertTrue(activitys_csv([self.activity]).startswith("subject,minutes,kind\n"))

    def test_remove(self):
        self.service.remove(self.activity.id)
        self.assertEqual(self.service.repository.all(), [])
