from weather.readings import by_station
from weather.stats import extremes, mean


def describe(readings):
    """A line for each station: count, mean, lowest and highest temperature."""
    lines = []
    for station, group in sorted(by_station(readings).items()):
        low, high = extremes(group)
        average = mean([reading.temperature for reading in group])
        lines.append(f"{station}: {len(group)} readings, {average:.1f} C ({low:.1f} to {high:.1f})")
    return lines


def warnings(readings, limit=35.0):
    """Stations with a temperature above the limit."""
    return sorted({reading.station for reading in readings if reading.temperature > limit})
