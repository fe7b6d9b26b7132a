import unittest

from taskq import Job, Queue, Worker


class QueueTest(unittest.TestCase):
    def test_equal_priorities_keep_their_order(self):
        queue = Queue()
        for name in "abc":
            queue.add(name)
        self.assertEqual([queue.pop().name for _ in range(3)], ["a", "b", "c"])
        self.assertIsNone(queue.pop())

    def test_worker_retries(self):
        calls = []

        def flaky():
            calls.append(1)
            if len(calls) < 2:
                raise OSError("no")

        queue = Queue()
        job = queue.add("flaky")
        self.assertEqual(Worker(queue, {"flaky": flaky}).run(), 2)
        self.assertEqual(job.state, "done")

    def test_delays(self):
        from taskq.backoff import delays
        self.assertEqual(len(delays(4)), 4)


if __name__ == "__main__":
    unittest.main()
