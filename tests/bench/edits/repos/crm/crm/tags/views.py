"""How tags are shown."""


def tag_row(tag):
    return [str(tag.name), str(tag.color), str(tag.group)]


def tag_table(tags):
    head = ["name", "color", "group"]
    return [head] + [tag_row(tag) for tag in tags]
