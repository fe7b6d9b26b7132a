"""Which tasks are accepted."""


def validate_task(task):
    problems = []
    if task.title in (None, ""):
        problems.append("title is missing")
    if task.priority < 0:
        problems.append("priority is negative")
    return problems
