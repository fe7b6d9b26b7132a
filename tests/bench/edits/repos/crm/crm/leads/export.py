"""Leads as CSV."""

import csv
import io

from crm.leads.views import lead_table


def leads_csv(leads):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lead_table(leads))
    return out.getvalue()
