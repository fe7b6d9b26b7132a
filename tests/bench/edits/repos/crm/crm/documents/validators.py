"""Which documents are accepted."""


def validate_document(document):
    problems = []
    if document.title in (None, ""):
        problems.append("title is missing")
    if document.size < 0:
        problems.append("size is negative")
    return problems
