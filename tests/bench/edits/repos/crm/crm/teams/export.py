"""Teams as CSV."""

import csv
import io

from crm.teams.views import team_table


def teams_csv(teams):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(team_table(teams))
    return out.getvalue()
