"""The surface of the package: its documentation, its arguments, and its use of the environment."""

import ast
import asyncio
import inspect
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_daemon import HELD, FakeDaemon

import deepcoder

MakeRepo = Callable[[dict[str, bytes]], Path]

PACKAGE = Path(deepcoder.__file__).parent

CODE = "def f():\n    return 1\n\n\ndef g():\n    return 3\n"


def classes() -> list[type]:
    """The public classes."""
    return [value for name in deepcoder.__all__ if isinstance(value := getattr(deepcoder, name), type)]


def members(cls: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that a class has itself."""
    for name, value in vars(cls).items():
        if name == "_repr_html_" or not name.startswith("_"):
            yield name, value


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_everything_has_a_docstring(cls: type) -> None:
    """Protects `help()`: each public class, method and property says what it is, at run time."""
    assert cls.__doc__ and cls.__doc__.strip()
    bare = [name for name, value in members(cls) if name != "hint" and not (inspect.getdoc(value) or "").strip()]
    assert not bare, bare


def test_docstrings_are_those_of_the_stubs() -> None:
    """Protects readers: editors, which read the stubs, and `help()` say the same."""
    stubs = ast.parse((PACKAGE / "_core.pyi").read_text(encoding="utf-8"))
    seen = 0
    for stub in stubs.body:
        if not isinstance(stub, ast.ClassDef) or stub.name.endswith("Error") or stub.name == "Cancelled":
            continue
        cls = getattr(deepcoder, stub.name)
        assert inspect.getdoc(cls) == ast.get_docstring(stub), stub.name
        for member in stub.body:
            if isinstance(member, ast.FunctionDef) and (doc := ast.get_docstring(member)):
                assert inspect.getdoc(getattr(cls, member.name)) == doc, f"{stub.name}.{member.name}"
                seen += 1
        listed = {member.name for member in stub.body if isinstance(member, ast.FunctionDef)}
        assert {name for name, _ in members(cls)} <= listed, stub.name
    assert seen > 100


def test_variables_need_not_be_text(tmp_path: Path) -> None:
    """Protects users with an odd environment: a variable that is not UTF-8 is nobody's concern."""
    code = "import deepcoder\ntry:\n    deepcoder.Model.load('not-there')\nexcept deepcoder.ModelError as e:\n    print(e.hint)"
    env = os.environb | {b"ODD": b"caf\xe9", b"ODD\xff": b"x", b"DEEPCODER_HOME": os.fsencode(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, env=env, capture_output=True, timeout=60)
    assert done.returncode == 0 and b"deepcoder" in done.stdout, done


def test_a_folder_need_not_be_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects paths: the root of a repository is what `os.fsdecode` makes of it, so that `open` finds it again."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    subprocess.run(["git", "init", "-q", folder], check=True, timeout=60)
    repo = deepcoder.Repo(folder)
    assert os.path.samefile(repo.root, folder) and repo.log() == []
    assert "Repo(" in repr(repo)


def test_paths_are_one_or_several(make_repo: MakeRepo) -> None:
    """Protects callers: a path alone is a path, and a wrong one is called by its name; no model is asked for that."""
    repo = deepcoder.Repo(make_repo({"a.py": CODE.encode()}), model="not-there")
    for paths in ["a.py", Path("a.py"), ["a.py"], ("a.py", Path("a.py")), (path for path in ["a.py"]), {"a.py"}]:
        with pytest.raises(deepcoder.ModelError):
            repo.edit("do it", paths)
        with pytest.raises(deepcoder.ModelError):
            repo.explain("why", paths)
    wrong: Any
    for wrong, name in [(5, "int"), ([1], "int"), (b"a.py", "bytes"), (["a.py", b"b"], "bytes"), ([None], "NoneType")]:
        with pytest.raises(TypeError, match=f"a path .*, not {name}\n.*'paths'"):
            repo.edit("do it", wrong)
    with pytest.raises(TypeError, match="or a sequence of paths, not int"):
        repo.restore("1", 5)  # type: ignore[arg-type]
    with pytest.raises(deepcoder.RepositoryError, match="missing"):
        repo.edit("do it", "a.py", read="missing.py")


def test_new_files_are_asked_for(make_repo: MakeRepo) -> None:
    """Protects from typing errors: a path that does not exist is an error, and `new` lets the edit make it."""
    root = make_repo({"a.py": CODE.encode()})
    repo = deepcoder.Repo(root, model="not-there")
    with pytest.raises(deepcoder.RepositoryError) as missing:
        repo.edit("do it", "b.py")
    assert "new=True" in (missing.value.hint or "")
    with pytest.raises(deepcoder.ModelError):
        repo.edit("do it", "b.py", new=True)


def test_an_edit_has_its_own_model_and_options(
    daemon: FakeDaemon, client: deepcoder.Client, home: Path, make_repo: MakeRepo
) -> None:
    """Protects the arguments of `edit`, in all its forms: the model that is named is asked, the options arrive, and what may
    be read is not changed."""
    root = make_repo({"a.py": CODE.encode(), "b.py": b"from a import f\n"})
    daemon.answer = "```python\n" + CODE.replace("return 1", "return 2") + "```\n"

    def asked() -> set[str]:
        return {do["generate"]["model"] for do in daemon.asked if isinstance(do, dict) and "generate" in do}

    one = client.model("one")
    edit = client.edit("return two", "a.py", repo=root, model=one, read=["b.py", "a.py"])
    assert edit.files == ["a.py"] and asked() == {"one"}
    assert client.repo(root).edit("return two", "a.py", model=client.model("two")).changed and asked() == {"one", "two"}
    with pytest.raises(deepcoder.EditError, match="comments"):
        client.edit("return two", "a.py", repo=root, model=one, options={"comments": 5})
    with pytest.raises(TypeError):
        client.edit("return two", "a.py", repo=root, options={"comments": object()})

    async def main() -> None:
        other = deepcoder.AsyncClient(command=home / "deepcoder")
        three = await other.model("three")
        edit = await other.edit("return two", "a.py", repo=deepcoder.AsyncRepo(root), model=three, read="b.py")
        assert edit.files == ["a.py"] and edit.applicability == "safe" and "AsyncEdit" in repr(edit)
        assert (await other.repo(root).edit("return two", ["a.py"], model=await other.model("four"))).changed
        with pytest.raises(deepcoder.EditError, match="comments"):
            await other.edit("return two", "a.py", repo=root, model=three, options={"comments": 5})

    asyncio.run(main())
    assert asked() == {"one", "two", "three", "four"}


def test_what_needs_a_review_is_not_applied_unseen(
    daemon: FakeDaemon, client: deepcoder.Client, home: Path, make_repo: MakeRepo
) -> None:
    """Protects trees from scripts: an edit that the command line does not apply with --yes, `apply` refuses as well, until
    somebody has looked at it."""
    root = make_repo({"a.py": CODE.encode()})
    daemon.answer = "```python\ndef f():\n    return 2\n```\n"
    edit = client.edit("return two", "a.py", repo=root, model=client.model())
    assert (edit.applicability, edit.verified, edit.files) == ("needs-review", True, ["a.py"])
    assert any("`g`" in reason for reason in edit.reasons) and "g" in edit.rationale
    evidence = edit.evidence
    assert evidence["reason"] and evidence["checks"] == [] and evidence["likely_right"] is None
    assert {finding.severity for finding in edit.findings} <= {"review", "warning"}
    for how in [{}, {"commit": True}, {"unverified": True}]:
        with pytest.raises(deepcoder.EditError, match="not applied: it needs a review: ") as refused:
            edit.apply(**how)
        assert "reviewed=True" in (refused.value.hint or "")
    assert (root / "a.py").read_text() == CODE and edit.id is None and client.repo(root).log() == []
    assert edit.apply(reviewed=True) == edit.id and (root / "a.py").read_text() != CODE
    edit.undo()

    async def main() -> None:
        asking = deepcoder.AsyncClient(command=home / "deepcoder")
        other = await asking.edit("return two", "a.py", repo=root, model=await asking.model())
        with pytest.raises(deepcoder.EditError, match="not applied: it needs a review"):
            await other.apply()
        assert await other.apply(reviewed=True) == other.id

    asyncio.run(main())


def test_what_failed_verification_says_how_in_python(
    daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo
) -> None:
    """Protects users of Python from hints for the command line."""
    root = make_repo({"a.py": CODE.encode()})
    daemon.answer = "```python\n" + CODE.replace("return 1", "return (") + "```\n"
    edit = client.edit("return two", "a.py", repo=root, model=client.model())
    assert not edit.verified and "error" in {finding.severity for finding in edit.findings}
    with pytest.raises(deepcoder.EditError, match="not applied: a.py") as refused:
        edit.apply(reviewed=True)
    assert "unverified=True" in (refused.value.hint or "") and "--" not in (refused.value.hint or "")


@pytest.mark.filterwarnings("ignore:the model is old")
def test_any_verb_of_a_plugin_is_carried_out(
    daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo
) -> None:
    """Protects users of a new plugin: its verbs and parameters need no code of the package, and wrong ones are named."""
    repo = client.repo(make_repo({"a.py": CODE.encode()}))
    edit = repo.run("edit", "return 2", "a.py", max_tokens=100)
    assert isinstance(edit, deepcoder.Edit) and edit.files == ["a.py"]
    nothing = {"id": None, "diff": "", "files": [], "verdict": "nothing", "answer": {"text": "It returns one."}}
    daemon.outcome = {"state": "done", "result": HELD | nothing}
    assert repo.run("explain", "what is this?", "a.py") == "It returns one."
    asked = [what["task"]["submit"]["request"] for what in daemon.asked if "submit" in what.get("task", {})]
    assert [(each["verb"], each["params"]) for each in asked] == [("edit", {"max_tokens": 100}), ("explain", {})]


def test_a_result_that_is_dropped_starts_no_daemon(
    daemon: FakeDaemon, client: deepcoder.Client, home: Path, make_repo: MakeRepo
) -> None:
    """Protects the end of a program: an edit without a decision is forgotten where a daemon runs, and none is started for it."""
    with pytest.warns(UserWarning, match="the model is old"):
        edit = client.repo(make_repo({"a.py": CODE.encode()})).run("edit", "return 2", "a.py")
    daemon.close()
    del edit
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and not (home / "state" / "daemon.log").exists():
        time.sleep(0.02)
    assert not (home / "state" / "daemon.log").exists()


def test_hints_are_in_the_words_of_python(
    daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo
) -> None:
    """Protects users of Python: a hint names arguments, not options of the command line."""
    root = make_repo({"a.py": CODE.encode(), "b.py": b"x = 1\n"})
    daemon.answer = "```python\n" + CODE.replace("return 1", "return 2") + "```\n"
    edit = client.edit("return two", "a.py", repo=root, model=client.model())
    with pytest.raises(deepcoder.EditError) as taken:
        edit.apply(commit=True, branch="main")
    assert "leave out branch" in (taken.value.hint or "") and "--" not in (taken.value.hint or "")
    (root / "a.py").write_text(CODE + "# mine\n")
    with pytest.raises(deepcoder.EditError) as mine:
        edit.apply(commit=True)
    assert "leave out commit=True" in (mine.value.hint or "") and (root / "a.py").read_text() == CODE + "# mine\n"
