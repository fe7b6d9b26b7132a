"""How forecasts are shown."""


def forecast_row(forecast):
    return [str(forecast.quarter), str(forecast.amount), str(forecast.author)]


def forecast_table(forecasts):
    head = ["quarter", "amount", "author"]
    return [head] + [forecast_row(forecast) for forecast in forecasts]
