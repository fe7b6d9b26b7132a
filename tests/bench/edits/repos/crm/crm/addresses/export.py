"""Addresss as CSV."""

import csv
import io

from crm.addresses.views import address_table


def addresss_csv(addresss):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(address_table(addresss))
    return out.getvalue()
