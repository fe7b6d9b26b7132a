"""How documents are shown."""


def document_row(document):
    return [str(document.title), str(document.size), str(document.folder)]


def document_table(documents):
    head = ["title", "size", "folder"]
    return [head] + [document_row(document) for document in documents]
