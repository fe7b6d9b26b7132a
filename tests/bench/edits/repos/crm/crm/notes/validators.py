"""Which notes are accepted."""


def validate_note(note):
    problems = []
    if note.title in (None, ""):
        problems.append("title is missing")
    return problems
