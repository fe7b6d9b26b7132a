"""What can be done with activitys."""

from crm.activities.models import Activity
from crm.activities.repository import ActivityRepository
from crm.activities.validators import validate_activity


class ActivityService:
    def __init__(self, repository=None):
        self.repository = repository or ActivityRepository()
        self._next = 1

    def create(self, subject, minutes, kind):
        activity = Activity(self._next, subject, minutes, kind)
        problems = validate_activity(activity)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(activity)
        return activity

    def remove(self, id):
        self.repository.delete(id)
