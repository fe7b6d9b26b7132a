import unittest

from crm.projects.export import projects_csv
from crm.projects.filters import by_budget
from crm.projects.service import ProjectService


class ProjectServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = ProjectService()
        self.project = self.service.create("title0", 2.0, "manager2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.project.id), self.project)

    def test_filter(self):
        self.assertEqual(by_budget([self.project], 2.0), [self.project])

    def test_export(self):
        self.assertTrue(projects_csv([self.project]).startswith("title,budget,manager\n"))

    def test_remove(self):
        self.service.remove(self.project.id)
        self.assertEqual(self.service.repository.all(), [])
