"""Choosing among notes."""


def by_body(notes, body):
    return [note for note in notes if note.body == body]


def by_author(notes, author):
    return [note for note in notes if note.author == author]
