from taskq.queue import Queue


class Worker:
    """Runs jobs by the handler of their name."""

    def __init__(self, queue, handlers):
        self.queue = queue
        self.handlers = handlers
        self.done = []

    def step(self):
        """Run one job. False when there is none."""
        job = self.queue.pop()
        if job is None:
            return False
        job.start()
        try:
            self.handlers[job.name]()
        except Exception as e:
            job.fail(e)
            if job.state == "waiting":
                self.queue.push(job)
        else:
            job.finish()
            self.done.append(job)
        return True

    def run(self, limit=1000):
        n = 0
        while n < limit and self.step():
            n += 1
        return n
