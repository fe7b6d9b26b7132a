"""A repository per test, and the real model, loaded once."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_daemon import FakeDaemon

import deepcoder

NAME = "qwen2.5-coder-0.5b-instruct"


def git(folder: Path, *args: str) -> str:
    """Run git with a fixed identity."""
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    return subprocess.run(
        ["git", *identity, *args], cwd=folder, check=True, capture_output=True, text=True, timeout=60
    ).stdout


@pytest.fixture
def make_repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, bytes]], Path]:
    """Make a committed repository of the given files. The history of edits goes to a folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def make(files: dict[str, bytes]) -> Path:
        root = tmp_path / "repo"
        for name, data in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        root.mkdir(exist_ok=True)
        git(root, "init", "-q", "-b", "main")
        git(root, "add", "-A")
        git(root, "commit", "-q", "--allow-empty", "-m", "start")
        return root

    return make


@pytest.fixture(scope="session")
def model() -> deepcoder.Model:
    """The default model; `make test` has installed it."""
    return deepcoder.Model.load(NAME)


@pytest.fixture(scope="module")
def served() -> Iterator[Path]:
    """A home without a daemon, but with the models, and the command that starts one on the path. It is ended after."""
    home = os.environ.get("DEEPCODER_HOME")
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share", "deepcoder")
    models = (Path(home) if home else data) / "models"
    command = os.environ.get("DEEPCODER_TEST_COMMAND") or shutil.which("deepcoder")
    assert command, "DEEPCODER_TEST_COMMAND must name the deepcoder command"
    # Not below pytest's own folder, whose path may be too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="dc-"))
    (folder / "models").symlink_to(models)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPCODER_HOME", str(folder))
        patch.setenv("DEEPCODER_MODEL", NAME)
        patch.setenv("PATH", os.pathsep.join([str(Path(command).parent), os.environ["PATH"]]))
        patch.delenv("DEEPCODER_NO_DAEMON", raising=False)
        yield folder
        subprocess.run([command, "stop"], check=True, capture_output=True, timeout=60)
    shutil.rmtree(folder)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of the test's own, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="dc-"))
    monkeypatch.setenv("DEEPCODER_HOME", str(folder))
    monkeypatch.delenv("DEEPCODER_NO_DAEMON", raising=False)
    (folder / "deepcoder").write_text("#!/bin/sh\nexit 3\n")
    (folder / "deepcoder").chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def daemon(home: Path) -> Iterator[FakeDaemon]:
    """A fake daemon at the home's socket."""
    fake = FakeDaemon(home, home / "deepcoder")
    yield fake
    fake.close()


@pytest.fixture
def client(daemon: FakeDaemon, home: Path) -> deepcoder.Client:
    """A client of the fake."""
    return deepcoder.Client(command=home / "deepcoder")
