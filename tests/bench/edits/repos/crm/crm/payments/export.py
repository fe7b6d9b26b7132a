"""Payments as CSV."""

import csv
import io

from crm.payments.views import payment_table


def payments_csv(payments):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(payment_table(payments))
    return out.getvalue()
