import unittest

from crm.forecasts.export import forecasts_csv
from crm.forecasts.filters import by_amount
from crm.forecasts.service import ForecastService


class ForecastServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = ForecastService()
        self.forecast = self.service.create("quarter0", 2.0, "author2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.forecast.id), self.forecast)

    def test_filter(self):
        self.assertEqual(by_amount([self.forecast], 2.0), [self.forecast])

    def test_export(self):
        self.assertTrue(forecasts_csv([self.forecast]).startswith("quarter,amount,author\n"))

    def test_remove(self):
        self.service.remove(self.forecast.id)
        self.assertEqual(self.service.repository.all(), [])
