"""Processes that fork: a child gets a state of its own or an error, and ends."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_daemon import FakeDaemon

import deepcoder

MakeRepo = Callable[[dict[str, bytes]], Path]

HERE = Path(__file__).parent

CODE = "def f():\n    return 1\n"


def said(*args: str | Path) -> list[str]:
    """The lines of a program of forked.py."""
    paths = os.pathsep.join([str(HERE.parent), str(HERE)])
    # A fork of a process with threads is what this is about; Python 3.12 and later warn of it.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(HERE / "forked.py"), *map(str, args)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_a_child_has_a_history_of_its_own(make_repo: MakeRepo) -> None:
    """Protects programs that fork: the child reads the history, whether its parent has used it or not, and both end."""
    assert said("history", make_repo({})) == ["0", "child: 0", "ended 7", "child: 0", "ended 7", "0"]


def test_a_history_is_not_used_where_its_locks_are_lost(make_repo: MakeRepo) -> None:
    """Protects the history: SQLite's locks do not pass on to a child, so one that got an open history is refused."""
    first, *rest = said("torn", make_repo({}))
    assert first.startswith("child: RepositoryError: this process was forked") and "spawn" in first
    assert rest == ["ended 7", first, "ended 7", "0"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing(make_repo: MakeRepo, method: str) -> None:
    """Protects pools: their workers use the repository, inherited or their own, by each way of starting them."""
    assert said("pool", method, make_repo({})) == ["[0, 0, 0, 0]", "0"]


def test_a_child_loads_a_model_of_its_own(model: deepcoder.Model) -> None:
    """Protects programs that fork beside a model and a live stream: an error at once where the engine's threads would be
    waited for, a model of the child's own works, the parent's goes on, and the child ends with its own status."""
    lines = said("model", model.name)
    assert [line for line in lines if line.startswith("ended")] == ["ended 7"] * 4
    first, name, generated, streamed, loaded, last = [line for line in lines if not line.startswith("ended")]
    assert (first, name, loaded, last) == ("begun", f"child: {model.name}", "child: length", "goes on")
    assert generated.startswith("child: ModelError: the model belongs to the process") and "spawn" in generated
    assert streamed.startswith("child: ModelError: the generation belongs to the process")


def test_a_child_has_connections_of_its_own(daemon: FakeDaemon, home: Path, make_repo: MakeRepo) -> None:
    """Protects the daemon's clients: a child asks on a connection of its own, and lands what its parent proposed."""
    root = make_repo({"a.py": CODE.encode()})
    daemon.answer = "```python\n" + CODE.replace("1", "2") + "```\n"
    lines = said("daemon", root, home / "deepcoder")
    count, queued, own, applied, followed, anew, last = [line for line in lines if not line.startswith("ended")]
    assert (count, own) == ("1", "child: 1") and (queued, anew) == ("queued", "child: queued")
    assert applied == "child: True" and (root / "a.py").read_text() == CODE.replace("1", "2")
    assert followed.startswith("child: DaemonError: the events belong to the process")
    assert last == "1 1 queued"
