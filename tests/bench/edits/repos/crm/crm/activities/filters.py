"""Choosing among activitys."""


def by_minutes(activitys, minutes):
    return [activity for activity in activitys if activity.minutes == minutes]


def by_kind(activitys, kind):
    return [activity for activity in activitys if activity.kind == kind]
