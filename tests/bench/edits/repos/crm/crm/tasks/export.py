"""Tasks as CSV."""

import csv
import io

from crm.tasks.views import task_table


def tasks_csv(tasks):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(task_table(tasks))
    return out.getvalue()
