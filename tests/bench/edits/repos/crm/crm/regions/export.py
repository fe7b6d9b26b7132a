"""Regions as CSV."""

import csv
import io

from crm.regions.views import region_table


def regions_csv(regions):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(region_table(regions))
    return out.getvalue()
