"""How tasks are shown."""


def task_row(task):
    return [str(task.title), str(task.priority), str(task.assignee)]


def task_table(tasks):
    head = ["title", "priority", "assignee"]
    return [head] + [task_row(task) for task in tasks]
