"""How projects are shown."""


def project_row(project):
    return [str(project.title), str(project.budget), str(project.manager)]


def project_table(projects):
    head = ["title", "budget", "manager"]
    return [head] + [project_row(project) for project in projects]
