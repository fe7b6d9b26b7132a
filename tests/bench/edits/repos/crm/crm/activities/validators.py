"""Which activitys are accepted."""


def validate_activity(activity):
    problems = []
    if activity.subject in (None, ""):
        problems.append("subject is missing")
    if activity.minutes < 0:
        problems.append("minutes is negative")
    return problems
