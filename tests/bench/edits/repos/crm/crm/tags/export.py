"""Tags as CSV."""

import csv
import io

from crm.tags.views import tag_table


def tags_csv(tags):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(tag_table(tags))
    return out.getvalue()
