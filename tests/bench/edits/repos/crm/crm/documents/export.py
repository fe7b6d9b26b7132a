"""Documents as CSV."""

import csv
import io

from crm.documents.views import document_table


def documents_csv(documents):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(document_table(documents))
    return out.getvalue()
