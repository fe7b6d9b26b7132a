"""Campaigns as CSV."""

import csv
import io

from crm.campaigns.views import campaign_table


def campaigns_csv(campaigns):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(campaign_table(campaigns))
    return out.getvalue()
