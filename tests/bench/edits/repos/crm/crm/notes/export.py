"""Notes as CSV."""

import csv
import io

from crm.notes.views import note_table


def notes_csv(notes):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(note_table(notes))
    return out.getvalue()
