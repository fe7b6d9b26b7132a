"""How notes are shown."""


def note_row(note):
    return [str(note.title), str(note.body), str(note.author)]


def note_table(notes):
    head = ["title", "body", "author"]
    return [head] + [note_row(note) for note in notes]
