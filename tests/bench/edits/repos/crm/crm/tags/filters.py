"""Choosing among tags."""


def by_color(tags, color):
    return [tag for tag in tags if tag.color == color]


def by_group(tags, group):
    return [tag for tag in tags if tag.group == group]
