import unittest

from crm.tasks.export import tasks_csv
from crm.tasks.filters import by_priority
from crm.tasks.service import TaskService


class TaskServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = TaskService()
        self.task = self.service.create("title0", 2.0, "assignee2")

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.task.id), self.task)

    def test_filter(self):
        self.assertEqual(by_priority([self.task], 2.0), [self.task])

    def test_export(self):
        self.assertTrue(tasks_csv([self.task]).startswith("title,priority,assignee\n"))

    def test_remove(self):
        self.service.remove(self.task.id)
        self.assertEqual(self.service.repository.all(), [])
