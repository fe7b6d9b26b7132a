"""What can be done with forecasts."""

from crm.forecasts.models import Forecast
from crm.forecasts.repository import ForecastRepository
from crm.forecasts.validators import validate_forecast


class ForecastService:
    def __init__(self, repository=None):
        self.repository = repository or ForecastRepository()
        self._next = 1

    def create(self, quarter, amount, author):
        forecast = Forecast(self._next, quarter, amount, author)
        problems = validate_forecast(forecast)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(forecast)
        return forecast

    def remove(self, id):
        self.repository.delete(id)
