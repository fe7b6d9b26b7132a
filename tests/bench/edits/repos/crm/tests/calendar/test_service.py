import unittest

from crm.calendar.export import meetings_csv
from crm.calendar.filters import by_room
from crm.calendar.service import MeetingService


class MeetingServiceTest(unittest.TestCase):
    def setUp(self):
        self.service = MeetingService()
        self.meeting = self.service.create("title0", "room1", 3.0)

    def test_create(self):
        self.assertEqual(self.service.repository.get(self.meeting.id), self.meeting)

    def test_filter(self):
        self.assertEqual(by_room([self.meeting], "room1"), [self.meeting])

    def test_export(self):
        self.assertTrue(meetings_csv([self.meeting]).startswith("title,room,minutes\n"))

    def test_remove(self):
        self.service.remove(self.meeting.id)
        self.assertEqual(self.service.repository.all(), [])
