import unittest

from crm.contacts.duplicates import duplicates
from crm.contacts.importer import import_rows


class ImporterTest(unittest.TestCase):
    def test_normalize_phone_is_used(self):
        rows = [{"name": "Ann", "email": "a@x.org", "phone": "030 1"}, {"name": "Bob", "email": "b@x.org", "phone": "+49301"}]
        contacts = import_rows(rows)
        self.assertEqual([contact.phone for contact in contacts], ["+49301", "+49301"])
        self.assertEqual(duplicates(contacts), [(contacts[0], contacts[1])])
