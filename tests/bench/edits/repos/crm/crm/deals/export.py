"""Deals as CSV."""

import csv
import io

from crm.deals.views import deal_table


def deals_csv(deals):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(deal_table(deals))
    return out.getvalue()
