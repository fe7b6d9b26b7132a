"""Contacts from rows of a table."""

from crm.contacts.contact import Contact
from crm.contacts.phones import normalize_phone


def import_rows(rows):
    contacts = []
    for number, row in enumerate(rows, start=1):
        phone = normalize_phone(row["phone"]) if row.get("phone") else ""
        contacts.append(Contact(number, row["name"], row["email"], phone))
    return contacts
