"""Requests that the daemon carries out: their arguments, their results, and the decisions. A fake daemon, and the real one."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import git
from fake_daemon import HELD, FakeDaemon

import deepcoder

MakeRepo = Callable[[dict[str, bytes]], Path]

CODE = "def greet(name):\n    return 'hello ' + name\n"

REFUSED = "not applied: it needs a review: a.py"


def edit_of(client: deepcoder.Client, root: Path, **options: Any) -> deepcoder.Edit:
    """An edit by the fake, which warns of its model."""
    with pytest.warns(UserWarning, match="the model is old"):
        return client.edit("do it", "a.py", repo=root, **options)


def test_the_daemon_is_asked_and_decides(daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo) -> None:
    """Protects the one rule: a request by name is the daemon's with every argument, and its refusal is the error."""
    root = make_repo({"a.py": b"x = 1\n"})
    lines: list[str] = []
    options: dict[str, Any] = {"format": "whole"}
    edit = edit_of(client, root, read=["b.py"], new=True, model="one", options=options, seed=3, progress=lines.append)
    (task,) = daemon.tasks.values()
    request = task["request"]
    assert (request["verb"], request["prompt"], request["paths"], request["reads"]) == ("edit", "do it", ["a.py"], ["b.py"])
    assert (request["model"], request["params"], request["seed"], request["new_files"]) == ("one", options, 3, True)
    assert (request["delivery"], request["origin"], request["directory"]) == ("review", "python", str(root.resolve()))
    assert lines == ["the model is old"]
    assert (edit.applicability, edit.verified, edit.files) == ("needs-review", True, ["a.py"])
    assert edit.reasons == ["a.py: review: look", "because"] and edit.diff == HELD["diff"]
    assert (edit.text_of("a.py"), edit.text_of("other.py"), edit.text_of("../x")) == ("x = 2\n", None, None)
    with pytest.raises(deepcoder.EditError, match=REFUSED):
        edit.apply()
    assert edit.id is None
    assert edit.apply(reviewed=True, protected=True) == edit.id == "5f1c"
    consent = {"reviewed": True, "unverified": False, "protected": True}
    decision = {"accept": {"hunks": None, "consent": consent, "delivery": "apply"}}
    assert {"task": {"decide": {"id": task["id"], "decision": decision}}} in daemon.asked
    assert edit.apply() == "5f1c" and edit.reasons == []


def test_the_effort_is_that_of_the_call(daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo) -> None:
    """Protects who asks for more work or less: edits and jobs take the effort of the call, or else that of the settings."""
    root = make_repo({"a.py": b"x = 1\n"})
    for effort in ("quick", "normal", "thorough", None):
        # One that nothing refers to is given up, and the daemon forgets it.
        edit = edit_of(client, root, effort=effort)
        assert edit is not None and list(daemon.tasks.values())[-1]["request"].get("effort") == effort
    client.jobs.add("do it", ["a.py"], repo=root, effort="thorough")
    (spec,) = [do["jobs"]["add"] for do in daemon.asked if isinstance(do, dict) and "add" in do.get("jobs", {})]
    assert "'effort': 'thorough'" in str(spec)
    with pytest.raises(ValueError, match="thorough"):
        client.edit("do it", "a.py", repo=root, effort="much")


def test_failures_have_their_types(daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo) -> None:
    """Protects callers: whichever process fails, a path is a RepositoryError and a model a ModelError, with the hint."""
    root = make_repo({"a.py": b"x = 1\n"})
    kinds = [("repository", deepcoder.RepositoryError), ("model", deepcoder.ModelError), ("other", deepcoder.EditError)]
    for kind, error in kinds:
        failure = {"message": "it broke", "hint": "--new makes it", "transient": False, "kind": kind}
        daemon.outcome = {"state": "failed", "failure": failure}
        with pytest.raises(error, match="it broke") as caught:
            client.edit("do it", "a.py", repo=root)
        assert caught.value.hint == "new=True makes it"
    daemon.outcome = {"state": "cancelled"}
    with pytest.raises(deepcoder.Cancelled):
        client.explain("why", "a.py", repo=root)


def test_results_without_a_handle_are_forgotten(
    daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo
) -> None:
    """Protects the list of tasks: an undecided result goes with its handle, and a rejected one at once."""
    root = make_repo({"a.py": b"x = 1\n"})
    edit = edit_of(client, root)
    edit.reject()
    assert [task["state"] for task in daemon.tasks.values()] == ["rejected"]
    daemon.tasks.clear()
    edit = edit_of(client, root)
    assert daemon.tasks
    del edit
    gc.collect()
    with daemon.changed:
        assert daemon.changed.wait_for(lambda: not daemon.tasks, timeout=10), "it is still there"


def test_a_cancelled_request_ends_its_task(daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo) -> None:
    """Protects the daemon from abandoned work: cancelling the call cancels the task."""
    root = make_repo({"a.py": b"x = 1\n"})
    daemon.outcome = {}
    cancel = deepcoder.Cancel()
    with pytest.raises(deepcoder.Cancelled):
        client.edit("do it", "a.py", repo=root, progress=lambda _line: cancel.cancel(), cancel=cancel)
    assert {"task": {"cancel": {"id": "00T"}}} in daemon.asked


def test_tasks_are_found_followed_and_decided(
    daemon: FakeDaemon, client: deepcoder.Client, home: Path, make_repo: MakeRepo
) -> None:
    """Protects work that outlives its client: tasks are listed, waited for, and decided about from another handle."""
    root = make_repo({"a.py": b"x = 1\n"})
    daemon.outcome = {}
    begun = threading.Event()
    edits: list[deepcoder.Edit] = []

    def ask() -> None:
        edits.append(client.edit("do it", "a.py", repo=root, progress=lambda _line: begun.set()))

    asking = threading.Thread(target=ask)
    with pytest.warns(UserWarning, match="the model is old"):
        asking.start()
        assert begun.wait(30)
        repo = client.repo(root)
        (task,) = repo.tasks()
        assert (task.id, task.verb, task.prompt, task.state, task.created_ms) == ("00T", "edit", "do it", "running", 1)
        assert task.repository == str(root.resolve()) and "running" in repr(task)
        with pytest.raises(TimeoutError):
            task.wait(0.05)
        with daemon.changed:
            daemon.tasks["00T"].update(state="review", result=HELD)
            daemon.changed.notify_all()
        asking.join()
    lines: list[str] = []
    assert task.wait(30, progress=lines.append) is task and lines == ["the model is old"]
    assert (task.state, task.applicability, task.files, task.edit) == ("review", "needs-review", ["a.py"], None)
    (listed,) = repo.tasks()
    assert listed.diff == HELD["diff"], "a list leaves diffs out; they are fetched when they are looked at"
    with pytest.raises(deepcoder.EditError, match=REFUSED):
        repo.task("00").apply()

    async def main() -> None:
        other = deepcoder.AsyncClient(command=home / "deepcoder").repo(root)
        (found,) = await other.tasks()
        assert (await found).state == "review"
        assert await found.apply(reviewed=True) == "5f1c" and found.state == "done"
        with pytest.raises(deepcoder.EditError, match="no task"):
            await other.task("nope")

    asyncio.run(main())


def test_the_real_daemon_edits_and_this_process_commits(served: Path, make_repo: MakeRepo) -> None:
    """Protects the promise: the daemon makes the edit, a commit runs this process's hooks, errors have their types, and an
    undecided result is gone with the interpreter."""
    root = make_repo({"util.py": CODE.encode(), "other.py": b"import util\nutil.greet('x')\n"})
    repo = deepcoder.Repo(root)
    edit = repo.edit("rename the function greet to welcome", paths=["util.py"])
    assert edit.changed and [task.state for task in repo.tasks()] == ["review"]
    assert "welcome" in (edit.text_of("util.py") or "")
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{root.parent}/hooked'\n")
    hook.chmod(0o755)
    git(root, "config", "user.name", "Me")
    git(root, "config", "user.email", "me@example.org")
    assert edit.apply(commit=True, reviewed=True) == edit.id is not None
    assert (root.parent / "hooked").exists() and git(root, "log", "-1", "--format=%an %s").startswith("Me rename the")
    assert (root / "util.py").read_text() == CODE.replace("greet", "welcome") == edit.text_of("util.py")
    assert [entry.id for entry in repo.log()] == [edit.id] and repo.tasks() == []
    with pytest.raises(deepcoder.RepositoryError) as missing:
        repo.edit("do it", "missing.py")
    assert "new=True" in (missing.value.hint or "") and "--" not in (missing.value.hint or "")
    program = (
        "import deepcoder; e = deepcoder.Repo('.').edit('rename the function welcome to salute', paths=['util.py']);"
        " print(e.applicability, e.reasons)"
    )
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.startswith(("safe []", "needs-review [")), done
    assert [task.state for task in repo.tasks() if task.state == "review"] == []
