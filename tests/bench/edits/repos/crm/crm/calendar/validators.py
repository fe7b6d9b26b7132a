"""Which meetings are accepted."""


def validate_meeting(meeting):
    problems = []
    if meeting.title in (None, ""):
        problems.append("title is missing")
    if meeting.minutes < 0:
        problems.append("minutes is negative")
    return problems
