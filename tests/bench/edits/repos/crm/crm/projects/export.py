"""Projects as CSV."""

import csv
import io

from crm.projects.views import project_table


def projects_csv(projects):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(project_table(projects))
    return out.getvalue()
