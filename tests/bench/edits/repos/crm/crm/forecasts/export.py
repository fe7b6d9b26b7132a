"""Forecasts as CSV."""

import csv
import io

from crm.forecasts.views import forecast_table


def forecasts_csv(forecasts):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(forecast_table(forecasts))
    return out.getvalue()
