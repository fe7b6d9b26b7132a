"""Reads the station's CSV files."""

import csv
import os
from collections import namedtuple
import datetime

Reading = namedtuple("Reading", "station time temperature humidity")


def parse_time(text):
    return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M")


def parse_row(row):
    """A reading of a row with station, time, temperature and humidity."""
    station, time, temperature, humidity = row
    return Reading(station.strip(), parse_time(time), float(temperature), int(humidity))


def read_file(path):
    """All readings of a file; lines that are empty or start with # are left out."""
    with open(path, newline="") as file:
        rows = csv.reader(line for line in file if line.strip() and not line.startswith("#"))
        return [parse_row(row) for row in rows]


def by_station(readings):
    groups = {}
    for reading in readings:
        groups.setdefault(reading.station, []).append(reading)
    return groups
