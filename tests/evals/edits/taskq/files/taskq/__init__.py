from taskq.job import Job
from taskq.queue import Queue
from taskq.worker import Worker
