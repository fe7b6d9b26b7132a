"""Contracts as CSV."""

import csv
import io

from crm.contracts.views import contract_table


def contracts_csv(contracts):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(contract_table(contracts))
    return out.getvalue()
