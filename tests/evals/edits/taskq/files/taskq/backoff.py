def delay(attempt, base=1.0, factor=2.0, most=60.0):
    """Seconds to wait before the attempt with this number, from 1."""
    return min(base * factor ** attempt, most)


def delays(count, **options):
    return [delay(attempt, **options) for attempt in range(1, count + 1)]
