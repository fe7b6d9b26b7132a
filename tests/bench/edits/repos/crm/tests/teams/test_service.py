import unittest

from crm.teams.export import teams_csv
from crm.teams.filters import by_lead
from crm.teams.service import TeamService


class TeamServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = TeamService()
        self.team = self.service.create("name0", "lead1", 3.0)

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.team.id), self.team)

    def test_filter(self):
        self.assertEqual(by_lead([self.team], "lead1"), [self.team])

    def test_export(self):
        self.assertTrue(teams_csv([self.team]).startswith("name,lead,size\n"))

    def test_remove(self):
        self.service.remove(self.team.id)
        self.assertEqual(self.service.repository.all(), [])
