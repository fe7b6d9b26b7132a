"""Small helpers for lists and text."""


def mean(values):
    """The arithmetic mean; 0.0 for no values."""
    if not values:
        return 0.0
    return sum(values) / len(values)


def chunks(items, size):
    """Split items into lists of at most size."""
    if size < 1:
        raise ValueError("size must be positive")
    return [items[i : i + size] for i in range(0, len(items), size)]


def slug(title):
    """A title as it may stand in an address."""
    words = "".join(c.lower() if c.isalnum() else " " for c in title).split()
    return "-".join(words)
