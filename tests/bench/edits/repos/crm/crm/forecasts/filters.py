"""Choosing among forecasts."""


def by_amount(forecasts, amount):
    return [forecast for forecast in forecasts if forecast.amount == amount]


def by_author(forecasts, author):
    return [forecast for forecast in forecasts if forecast.author == author]
