"""Activitys as CSV."""

import csv
import io

from crm.activities.views import activity_table


def activitys_csv(activitys):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(activity_table(activitys))
    return out.getvalue()
