"""Edits from Python, on real weights."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import deepcoder

MakeRepo = Callable[[dict[str, bytes]], Path]

SOURCE = b"def add(a, b):\r\n    return a + b\r\n\r\n\r\ndef greet(name):\r\n    return 'hello ' + name\r\n"


def test_edit_apply_undo(make_repo: MakeRepo, model: deepcoder.Model) -> None:
    """Protects the promise of the package: a diff first, then the write, then every byte back."""
    root = make_repo({"util.py": SOURCE, "other.py": b"x = 1\n"})
    repo = deepcoder.Repo(root, model=model)
    lines: list[str] = []
    edit = repo.edit("rename the function greet to welcome", paths=["util.py"], progress=lines.append)
    assert edit.changed and edit.verified and edit.files == ["util.py"]
    assert "+def welcome(name):" in edit.diff
    assert (root / "util.py").read_bytes() == SOURCE, "nothing is written before apply"
    assert lines

    edit.apply(reviewed=True)
    after = (root / "util.py").read_bytes()
    assert b"def welcome(name):\r\n" in after
    assert after.count(b"\n") == after.count(b"\r\n"), "line endings are the file's own"
    (entry,) = repo.log()
    assert (entry.id, entry.undoable, entry.changed_since) == (edit.id, True, [])
    assert (repo.file_of(entry.id, "util.py"), repo.file_of(entry.id, "util.py", state="after")) == (SOURCE, after)
    (root / "util.py").write_bytes(b"mine")
    with pytest.raises(deepcoder.EditError) as caught:
        edit.undo()
    assert "deepcoder restore" in (caught.value.hint or "") and repo.log()[0].changed_since == ["util.py"]
    restoring = repo.restore(entry.id, ["util.py"])
    assert restoring and (root / "util.py").read_bytes() == SOURCE
    repo.undo(restoring)
    assert (root / "util.py").read_bytes() == b"mine"
    repo.restore(entry.id, ["util.py"], state="after")
    edit.undo()
    assert (root / "util.py").read_bytes() == SOURCE
    assert "<pre class=\"deepcoder-diff\"" in edit._repr_html_()


def test_a_stale_edit_is_refused(make_repo: MakeRepo, model: deepcoder.Model) -> None:
    """Protects a user's own work: what they wrote in the meantime is never overwritten."""
    root = make_repo({"util.py": SOURCE})
    edit = deepcoder.Repo(root, model=model).edit("rename the function greet to welcome", paths=["util.py"])
    mine = SOURCE + b"# mine\r\n"
    (root / "util.py").write_bytes(mine)
    with pytest.raises(deepcoder.EditError, match="changed"):
        edit.apply(reviewed=True)
    assert (root / "util.py").read_bytes() == mine


def test_errors_have_types_and_hints(make_repo: MakeRepo, tmp_path: Path, model: deepcoder.Model) -> None:
    """Protects callers: what is wrong with a path is a RepositoryError, before any model is asked."""
    bare = tmp_path / "plain"
    bare.mkdir()
    with pytest.raises(deepcoder.RepositoryError) as caught:
        deepcoder.Repo(bare)
    assert caught.value.hint
    repo = deepcoder.Repo(make_repo({"a.py": b"x = 1\n"}), model=model)
    for outside in ["../x.py", "/etc/passwd", ".git/config"]:
        with pytest.raises(deepcoder.RepositoryError):
            repo.edit("change it", paths=[outside])
    with pytest.raises(deepcoder.EditError, match="empty"):
        repo.edit("  ", paths=["a.py"])


def test_an_exception_of_the_callback_is_raised(make_repo: MakeRepo, model: deepcoder.Model) -> None:
    """Protects callers: their own exception comes out of the call, and ends the work."""
    repo = deepcoder.Repo(make_repo({"a.py": SOURCE}), model=model)

    def fail(_line: str) -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        repo.edit("add docstrings", paths=["a.py"], progress=fail)


def test_asyncio(make_repo: MakeRepo, model: deepcoder.Model) -> None:
    """Protects event loops: work goes on beside them, streams arrive one by one, and a cancelled task ends the work."""
    root = make_repo({"util.py": SOURCE})

    async def main() -> None:
        repo = deepcoder.AsyncRepo(root, model=model)
        edit = await repo.edit("rename the function greet to welcome", paths=["util.py"])
        await edit.apply(reviewed=True)
        assert b"welcome" in (root / "util.py").read_bytes()
        await edit.undo()
        assert (root / "util.py").read_bytes() == SOURCE

        shared = deepcoder.AsyncModel(model)
        texts = [event.text async for event in shared.stream("Say hi.", max_tokens=8)]
        assert texts
        task = asyncio.create_task(shared.generate("Count from 1 to 10000.", max_tokens=4000))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await shared.generate("Say hi.", max_tokens=2)).usage["completion_tokens"] <= 2

    asyncio.run(main())
