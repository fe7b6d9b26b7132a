"""Choosing among tasks."""


def by_priority(tasks, priority):
    return [task for task in tasks if task.priority == priority]


def by_assignee(tasks, assignee):
    return [task for task in tasks if task.assignee == assignee]
