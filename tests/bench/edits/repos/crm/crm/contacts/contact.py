"""One person."""

from dataclasses import dataclass

from crm.contacts.phones import normalize_phone


@dataclass
class Contact:
    id: int
    name: str
    email: str
    phone: str = ""

    def clean(self):
        """Bring the fields into their usual form."""
        self.phone = normalize_phone(self.phone)
        self.email = self.email.strip().lower()
