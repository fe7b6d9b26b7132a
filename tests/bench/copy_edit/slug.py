"""Slugs for titles of articles, unique within one site."""

import re
import unicodedata

SEPARATORS = re.compile(r"[\s_\-]+")
UNWANTED = re.compile(r"[^a-z0-9\-]")
MAX_LENGTH = 80


class SlugError(ValueError):
    """A title from which no slug can be made."""


def normalise(title):
    text = unicodedata.normalize("NFKD", title)
    text = text.encode("ascii", "ignore").decode("ascii")
    return text.strip().lower()


def slugify(title, max_length=MAX_LENGTH):
    text = SEPARATORS.sub("-", normalise(title))
    text = UNWANTED.sub("", text)
    text = re.sub(r"-{2,}", "-", text).strip("-")
    if not text:
        raise SlugError(f"no slug for {title!r}")
    if len(text) > max_length:
        text = shorten(text, max_length)
    return text


def shorten(slug, max_length):
    """Cut at a hyphen where one is near the end."""
    cut = slug[:max_length]
    last = cut.rfind("-")
    if last > max_length // 2:
        cut = cut[:last]
    return cut.strip("-")


class SlugRegistry:
    """Hands out slugs that nobody else has."""

    def __init__(self, taken=()):
        self._taken = set(taken)

    def __contains__(self, slug):
        return slug in self._taken

    def claim(self, title):
        base = slugify(title)
        slug = base
        number = 2
        while slug in self._taken:
            suffix = f"-{number}"
            slug = shorten(base, MAX_LENGTH - len(suffix)) + suffix
            number += 1
        self._taken.add(slug)
        return slug

    def release(self, slug):
        self._taken.discard(slug)
