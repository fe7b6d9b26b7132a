import itertools
import time

_ids = itertools.count(1)


class Job:
    """Work with a name, a priority and a number of attempts."""

    def __init__(self, name, priority=0, attempts=3):
        self.id = next(_ids)
        self.name = name
        self.priority = priority
        self.attempts = attempts
        self.state = "waiting"
        self.error = None

    def start(self):
        if self.state != "waiting":
            raise RuntimeError("job is not waiting")
        self.state = "running"

    def finish(self):
        self.state = "done"

    def fail(self, error):
        self.error = str(error)
        self.attempts -= 1
        self.state = "waiting" if self.attempts > 0 else "failed"

    def __repr__(self):
        return f"Job({self.id}, {self.name!r}, {self.state})"
