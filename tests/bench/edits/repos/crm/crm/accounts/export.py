"""Accounts as CSV."""

import csv
import io

from crm.accounts.views import account_table


def accounts_csv(accounts):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(account_table(accounts))
    return out.getvalue()
