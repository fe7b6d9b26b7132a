import unittest

from crm.contacts.phones import normalize_phone, same_phone


class NormalizePhoneTest(unittest.TestCase):
    def test_normalize_phone(self):
        self.assertEqual(normalize_phone("030 / 12 34"), "+49301234")

    def test_normalize_phone_with_country(self):
        self.assertEqual(normalize_phone("0043 1 22"), "+43122")
        self.assertEqual(normalize_phone("+43 1 22"), "+43122")

    def test_same_phone(self):
        self.assertTrue(same_phone("030 1234", "+49 30 1234"))
