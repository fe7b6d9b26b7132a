"""Choosing among projects."""


def by_budget(projects, budget):
    return [project for project in projects if project.budget == budget]


def by_manager(projects, manager):
    return [project for project in projects if project.manager == manager]
