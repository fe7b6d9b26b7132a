"""Products as CSV."""

import csv
import io

from crm.catalog.views import product_table


def products_csv(products):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(product_table(products))
    return out.getvalue()
