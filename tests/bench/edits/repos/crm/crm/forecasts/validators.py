"""Which forecasts are accepted."""


def validate_forecast(forecast):
    problems = []
    if forecast.quarter in (None, ""):
        problems.append("quarter is missing")
    if forecast.amount < 0:
        problems.append("amount is negative")
    return problems
