import unittest

from crm.notes.export import notes_csv
from crm.notes.filters import by_body
from crm.notes.service import NoteService


class NoteServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = NoteService()
        self.note = self.service.create("title0", "body1", "author2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.note.id), self.note)

    def test_filter(self):
        self.assertEqual(by_body([self.note], "body1"), [self.note])

    def test_export(self):
        self.assertTrue(notes_csv([self.note]).startswith("title,body,author\n"))

    def test_remove(self):
        self.service.remove(self.note.id)
        self.assertEqual(self.service.repository.all(), [])
