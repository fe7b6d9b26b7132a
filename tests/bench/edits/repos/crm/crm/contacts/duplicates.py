"""Contacts that are there twice."""

from crm.contacts.phones import same_phone


def duplicates(contacts):
    found = []
    for index, left in enumerate(contacts):
        for right in contacts[index + 1 :]:
            if left.phone and right.phone and same_phone(left.phone, right.phone):
                found.append((left, right))
    return found
