"""A repository per test, and the real model, loaded once."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

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
