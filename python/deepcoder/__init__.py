"""deepcoder: instructed edits of git repositories by a code model on your own machine.

>>> import deepcoder
>>> edit = deepcoder.Repo(".").edit("add type hints to every function", paths=["src/util.py"])
>>> print(edit.diff)
>>> edit.apply()
>>> edit.undo()

Nothing is written before :meth:`Edit.apply`, and everything that was written can be undone. The daemon does the work, which
is started when it is needed; or this process, with a model that it has loaded (:meth:`Model.load`). ``AsyncRepo`` and
``AsyncModel`` offer the same for asyncio.

:class:`Client` works through the daemon, which is started when it is needed, keeps a model warm for everybody, and does
what is queued in the background:

>>> job = deepcoder.Client().jobs.add("add docstrings to public functions", ["src/**/*.py"], repo=".")
>>> print(job.wait().diff)
>>> job.accept()

``AsyncClient`` is the same for asyncio: ``await job``, ``async for event in job``. In notebooks diffs and jobs are shown
in colours, and ``%load_ext deepcoder`` brings ``%%deepcoder``.
"""

from typing import Any

from deepcoder._aio import AsyncEdit, AsyncModel, AsyncRefactor, AsyncRepo, AsyncTask
from deepcoder._aio_client import AsyncClient, AsyncJob, AsyncJobs
from deepcoder._core import (
    Cancel,
    Cancelled,
    Client,
    DaemonError,
    DeepcoderError,
    Edit,
    EditError,
    Finding,
    Generation,
    HistoryEntry,
    Job,
    JobEvent,
    JobEvents,
    Jobs,
    Model,
    ModelError,
    Refactor,
    Refactoring,
    Repo,
    RepositoryError,
    Stream,
    Task,
    TokenEvent,
    Watched,
    __version__,
)
from deepcoder._progress import Progress

__all__ = [
    "AsyncClient",
    "AsyncEdit",
    "AsyncJob",
    "AsyncJobs",
    "AsyncModel",
    "AsyncRefactor",
    "AsyncRepo",
    "AsyncTask",
    "Cancel",
    "Cancelled",
    "Client",
    "DaemonError",
    "DeepcoderError",
    "Edit",
    "EditError",
    "Finding",
    "Generation",
    "HistoryEntry",
    "Job",
    "JobEvent",
    "JobEvents",
    "Jobs",
    "Model",
    "ModelError",
    "Progress",
    "Refactor",
    "Refactoring",
    "Repo",
    "RepositoryError",
    "Stream",
    "Task",
    "TokenEvent",
    "Watched",
    "__version__",
]


def load_ipython_extension(ipython: Any) -> None:
    """What ``%load_ext deepcoder`` calls: brings the cell magic ``%%deepcoder``."""
    from deepcoder._magic import register

    register(ipython)
