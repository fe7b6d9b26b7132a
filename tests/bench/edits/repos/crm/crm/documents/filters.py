"""Choosing among documents."""


def by_size(documents, size):
    return [document for document in documents if document.size == size]


def by_folder(documents, folder):
    return [document for document in documents if document.folder == folder]
