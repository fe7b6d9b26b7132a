"""What can be done with meetings."""

from crm.calendar.models import Meeting
from crm.calendar.repository import MeetingRepository
from crm.calendar.validators import validate_meeting


class MeetingService:
    def __init__(self, repository=None):
        self.repository = repository or MeetingRepository()
        self._next = 1

    def create(self, title, room, minutes):
        meeting = Meeting(self._next, title, room, minutes)
        problems = validate_meeting(meeting)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(meeting)
        return meeting

    def remove(self, id):
        self.repository.delete(id)
