def mean(values):
    """The arithmetic mean."""
    return sum(values) / len(values)


def median(values):
    """The middle value, or the mean of the two middle ones."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle] + ordered[middle + 1]) / 2


def extremes(readings):
    x = [reading.temperature for reading in readings]
    return min(x), max(x)


def moving_average(values, size=3):
    """Means of `size` values next to each other."""
    return [mean(values[at:at + size]) for at in range(len(values) - size + 1)]
