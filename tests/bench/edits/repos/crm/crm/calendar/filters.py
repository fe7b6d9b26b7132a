"""Choosing among meetings."""


def by_room(meetings, room):
    return [meeting for meeting in meetings if meeting.room == room]


def by_minutes(meetings, minutes):
    return [meeting for meeting in meetings if meeting.minutes == minutes]
