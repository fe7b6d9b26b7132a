"""How meetings are shown."""


def meeting_row(meeting):
    return [str(meeting.title), str(meeting.room), str(meeting.minutes)]


def meeting_table(meetings):
    head = ["title", "room", "minutes"]
    return [head] + [meeting_row(meeting) for meeting in meetings]
