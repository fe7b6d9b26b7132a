"""Programs of test_fork.py, run as ``python forked.py NAME ARGUMENTS``: each forks, and says what its children say."""

import ctypes
import multiprocessing
import os
import sys
import time
from collections.abc import Callable

import deepcoder

REPO: deepcoder.Repo | None = None


def child(work: Callable[[], object], *, fork: Callable[[], int] = os.fork) -> None:
    """Print what ``work`` comes to in a child that ends as a program ends, by itself and in time."""
    sys.stdout.flush()
    pid = fork()
    if pid == 0:
        try:
            print(f"child: {work()}")
        except deepcoder.DeepcoderError as error:
            print(f"child: {type(error).__name__}: {error}".replace("\n", " "))
        sys.exit(7)
    deadline = time.monotonic() + 60
    while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            sys.exit("the child hangs")
        time.sleep(0.01)
    print("ended", os.waitstatus_to_exitcode(ended[1]))


def history(root: str) -> None:
    """A history that parent and child use in turn."""
    repo = deepcoder.Repo(root)
    print(len(repo.log()))
    child(lambda: len(repo.log()))
    child(lambda: len(deepcoder.Repo(root).log()))
    print(len(repo.log()))


def torn(root: str) -> None:
    """A fork of which Python's hooks hear nothing, while a history is open."""
    repo = deepcoder.Repo(root)
    repo.log()
    fork = ctypes.PyDLL(None).fork
    child(lambda: repo.log(), fork=fork)
    child(lambda: deepcoder.Repo(root).log(), fork=fork)
    print(len(repo.log()))


def model(name: str) -> None:
    """A model in this process, and a generation that goes on."""
    model = deepcoder.Model.load(name)
    stream = model.stream("Count from 1 to 1000.", max_tokens=3000)
    print("begun" if next(stream) else "")
    child(lambda: model.name)
    child(lambda: model.generate("Say hi.", max_tokens=1))
    child(lambda: next(stream))
    child(lambda: deepcoder.Model.load(name).generate("Say hi.", max_tokens=1).finish)
    print("goes on" if next(stream) else "")


def daemon(root: str, command: str) -> None:
    """A client, a model of the daemon, an edit, and a job that is followed."""
    client = deepcoder.Client(command=command)
    model = client.model()
    print(model.count_tokens("a"))
    edit = client.edit("return two", "a.py", repo=root, model=model)
    job = client.jobs.add("do it", repo=root)
    events = job.events()
    print(next(events))
    child(lambda: model.count_tokens("a"))
    child(lambda: edit.apply() == edit.id)
    child(lambda: next(events))
    child(lambda: next(job.events()))
    print(model.count_tokens("a"), len(client.repo(root).log()), client.jobs.get(job.id).state)


def entries(root: str) -> int:
    """The work of a worker, on the repository that it inherited, if it did."""
    return len((REPO or deepcoder.Repo(root)).log())


def pool(method: str, root: str) -> None:
    """Workers of multiprocessing."""
    global REPO
    REPO = deepcoder.Repo(root)
    REPO.log()
    with multiprocessing.get_context(method).Pool(2) as workers:
        print(workers.map(entries, [root] * 4))
    print(len(REPO.log()))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
