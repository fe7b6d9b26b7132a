"""deepcoder: instructed edits of git repositories by a code model that runs in your own process.

>>> import deepcoder
>>> edit = deepcoder.Repo(".").edit("add type hints to every function", paths=["src/util.py"])
>>> print(edit.diff)
>>> edit.apply()
>>> edit.undo()

Nothing is written before :meth:`Edit.apply`, and everything that was written can be undone. ``AsyncRepo`` and
``AsyncModel`` offer the same for asyncio.
"""

from deepcoder._aio import AsyncEdit, AsyncModel, AsyncRepo
from deepcoder._core import (
    Cancel,
    Cancelled,
    DeepcoderError,
    Edit,
    EditError,
    Finding,
    Generation,
    HistoryEntry,
    Model,
    ModelError,
    Repo,
    RepositoryError,
    Stream,
    TokenEvent,
    __version__,
)

__all__ = [
    "AsyncEdit",
    "AsyncModel",
    "AsyncRepo",
    "Cancel",
    "Cancelled",
    "DeepcoderError",
    "Edit",
    "EditError",
    "Finding",
    "Generation",
    "HistoryEntry",
    "Model",
    "ModelError",
    "Repo",
    "RepositoryError",
    "Stream",
    "TokenEvent",
    "__version__",
]
