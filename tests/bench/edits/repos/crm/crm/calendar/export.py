"""Meetings as CSV."""

import csv
import io

from crm.calendar.views import meeting_table


def meetings_csv(meetings):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(meeting_table(meetings))
    return out.getvalue()
