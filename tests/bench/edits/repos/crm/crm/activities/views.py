"""How activitys are shown."""


def activity_row(activity):
    return [str(activity.subject), str(activity.minutes), str(activity.kind)]


def activity_table(activitys):
    head = ["subject", "minutes", "kind"]
    return [head] + [activity_row(activity) for activity in activitys]
