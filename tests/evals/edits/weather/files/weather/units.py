ABSOLUTE_ZERO = -273.15


def to_fahrenheit(celsius):
    return celsius * 9 / 5 + 32


def to_celsius(fahrenheit):
    return (fahrenheit - 32) * 5 / 9


def to_kelvin(celsius):
    return celsius - ABSOLUTE_ZERO


def dew_point(celsius, humidity):
    """A rough dew point: one degree less for each five percent of humidity below 100."""
    return celsius - (100 - humidity) / 5
