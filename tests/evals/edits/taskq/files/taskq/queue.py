import heapq

from taskq.job import Job


class Queue:
    def __init__(self):
        self._heap = []
        self._count = 0

    def push(self, job):
        """Put a job in; a greater priority comes out first, and equal ones in their order."""
        heapq.heappush(self._heap, (job.priority, self._count, job))
        self._count += 1

    def pop(self):
        if not self._heap:
            return None
        return heapq.heappop(self._heap)[2]

    def __len__(self):
        return len(self._heap)

    def add(self, name, **options):
        job = Job(name, **options)
        self.push(job)
        return job
