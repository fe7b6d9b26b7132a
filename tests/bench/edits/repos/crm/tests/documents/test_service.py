import unittest

from crm.documents.export import documents_csv
from crm.documents.filters import by_size
from crm.documents.service import DocumentService


class DocumentServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = DocumentService()
        self.document = self.service.create("title0", 2.0, "folder2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.document.id), self.document)

    def test_filter(self):
        self.assertEqual(by_size([self.document], 2.0), [self.document])

    def test_export(self):
        self.assertTrue(documents_csv([self.document]).startswith("title,size,folder\n"))

    def test_remove(self):
        self.service.remove(self.document.id)
        self.assertEqual(self.service.repository.all(), [])
