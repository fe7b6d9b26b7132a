"""Which projects are accepted."""


def validate_project(project):
    problems = []
    if project.title in (None, ""):
        problems.append("title is missing")
    if project.budget < 0:
        problems.append("budget is negative")
    return problems
