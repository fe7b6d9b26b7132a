import unittest

from crm.tags.export import tags_csv
from crm.tags.filters import by_color
from crm.tags.service import TagService


class TagServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = TagService()
        self.tag = self.service.create("name0", "color1", "group2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.tag.id), self.tag)

    def test_filter(self):
        self.assertEqual(by_color([self.tag], "color1"), [self.tag])

    def test_export(self):
        self.assertTrue(tags_csv([self.tag]).startswith("name,color,group\n"))

    def test_remove(self):
        self.service.remove(self.tag.id)
        self.assertEqual(self.service.repository.all(), [])
