"""The daemon from Python: jobs, following, watching. The daemon here is a fake that speaks PROTOCOL.md."""

import asyncio
import datetime
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_daemon import HINT, FakeDaemon

import deepcoder

MakeRepo = Callable[[dict[str, bytes]], Path]

DIFF = (
    "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n-x = '<script>'\n+x = \"&\"\n"
    " y = 1  # \u202ereversed\n"
)
RESULT = {
    "summary": "1 file changed",
    "diff": DIFF,
    "files": [{"path": "a.py", "status": "modified", "hunks": 2}],
    "verified": True,
    "notes": ["<b>careful</b>"],
}


def test_what_is_asked_arrives(daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo) -> None:
    """Protects callers: every argument of a job reaches the daemon in the form that PROTOCOL.md gives it."""
    root = make_repo({"src/a.py": b"x = 1\n"})
    at = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    first = client.jobs.add("first", repo=root, at=at, key="k")
    job = client.jobs.add(
        "add docstrings",
        ["src/**/*.py", root / "src" / "a.py"],
        repo=deepcoder.Repo(root / "src"),
        branch="docs",
        options={"format": "whole"},
        priority=3,
        seed=7,
        after=[first],
        timeout=1.5,
    )
    spec = daemon.jobs[job.id]["spec"]
    assert spec["repository"] == str(root.resolve()) and spec["paths"] == ["src/**/*.py", "src/a.py"]
    assert spec["landing"] == {"branch": "docs"} and spec["after"] == [first.id] and spec["timeout_ms"] == 1500
    assert (spec["options"], spec["priority"], spec["seed"]) == ({"format": "whole"}, 3, 7)
    assert (spec["model"], spec["origin"], spec["schedule"]) == (None, "python", "now")
    assert daemon.jobs[first.id]["spec"]["schedule"] == {"at": int(at.timestamp() * 1000)}
    assert client.jobs.add("again", repo=root, key="k").id == first.id
    assert [job.id for job in client.jobs.list()] == [job.id, first.id]
    assert client.jobs.counts()["queued"] == 2
    third = client.jobs.add("one path, one job before", root / "src" / "a.py", repo=root, after=first)
    assert (third.paths, daemon.jobs[third.id]["spec"]["after"]) == (["src/a.py"], [first.id])
    assert client.jobs.add("a path", Path("src"), repo=root, after=first.id).paths == ["src"]
    with pytest.raises(TypeError, match="not int"):
        client.jobs.add("x", 5, repo=root)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="exclude each other"):
        client.jobs.add("x", repo=root, branch="b", apply=True)
    with pytest.raises(ValueError, match="state"):
        client.jobs.list(states=["nonsense"])


def test_a_job_is_followed_decided_and_shown(
    daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo
) -> None:
    """Protects the handle: waiting ends where somebody must decide, the diff is there, and hunks go back as typed."""
    job = client.jobs.add("do it", repo=make_repo({}))
    with pytest.raises(TimeoutError):
        job.wait(0.05)
    daemon.move(job.id, "running")
    daemon.progress(job.id, "writing a.py", 12)
    daemon.move(job.id, "review", result=RESULT)
    lines: list[str] = []
    assert job.wait(10, progress=lines.append) is job
    assert lines == ["queued", "running", "writing a.py: 12 tokens", "review"]
    assert job.state == "review" and job.settled and not job.over
    assert job.diff == DIFF and job.hunks == [("a.py", 1), ("a.py", 2)]
    assert [event.number for event in job.events(1)] == [2, 3, 4]
    html = job._repr_html_()
    assert "<script>" not in html and "<b>careful" not in html and "\u202e" not in html
    assert "<del" in html and "-x = &#39;&lt;script&gt;&#39;" in html and "&lt;U+202E&gt;" in html
    (listed,) = client.jobs.list()
    assert listed.diff == DIFF, "a list leaves diffs out; they are fetched when they are looked at"
    job.accept([("a.py", 2)])
    consent = {"reviewed": False, "unverified": False, "protected": False}
    accept = {"hunks": [{"path": "a.py", "hunk": 2}], "consent": consent, "delivery": None}
    assert {"jobs": {"review": {"id": job.id, "decision": {"accept": accept}}}} in daemon.asked
    assert job.state == "done" and job.over
    with pytest.raises(ValueError, match="reject"):
        job.accept([])


@pytest.mark.parametrize("asyncio_too", [False, True])
def test_a_result_that_needs_a_review_is_not_accepted_unseen(
    daemon: FakeDaemon, client: deepcoder.Client, home: Path, make_repo: MakeRepo, asyncio_too: bool
) -> None:
    """Protects trees from scripts: the daemon's refusal of a result that no person has looked at is an error of the edit,
    with its words, and no error of the daemon."""
    job = client.jobs.add("do it", repo=make_repo({}))
    daemon.move(job.id, "review", result=RESULT | {"applicability": "needs-review"})
    with pytest.raises(deepcoder.EditError, match="not applied: it needs a review") as refused:
        if asyncio_too:
            other = deepcoder.AsyncClient(command=home / "deepcoder")

            async def main() -> None:
                await (await other.jobs.get(job.id)).accept()

            asyncio.run(main())
        else:
            # The handle has not heard of a result yet.
            job.accept()
    assert "reviewed=True" in (refused.value.hint or "")
    job.refresh()
    assert (job.applicability, job.state) == ("needs-review", "review")
    job.accept(reviewed=True)
    assert job.state == "done"
    daemon.move(job.id, "review", result=RESULT | {"applicability": "display-only"})
    job.refresh()
    with pytest.raises(deepcoder.EditError, match="only a suggestion"):
        job.accept(reviewed=True)
    daemon.move(job.id, "review", result=RESULT | {"applicability": "safe"})
    job.accept()
    assert job.state == "done"


def test_failures_carry_their_hint(daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo) -> None:
    """Protects users: a failed job, a cancelled one and one that is not there say what they are and what to do."""
    job = client.jobs.add("do it", repo=make_repo({}))
    failure = {"message": "it does not parse", "hint": "look at it", "transient": False}
    daemon.move(job.id, "failed", failure=failure)
    with pytest.raises(deepcoder.EditError, match="does not parse") as failed:
        job.wait(10)
    assert failed.value.hint == "look at it"
    assert job.wait(10, check=False).error == "it does not parse"
    job.retry()
    job.cancel()
    with pytest.raises(deepcoder.Cancelled):
        job.wait(10)
    with pytest.raises(deepcoder.DaemonError, match="no job") as missing:
        client.jobs.get("nope")
    assert missing.value.hint == HINT


def test_following_survives_the_daemon(daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo) -> None:
    """Protects followers: over a daemon that dies and comes back no event is lost and none comes twice."""
    job = client.jobs.add("do it", repo=make_repo({}))
    events = job.events()
    daemon.move(job.id, "running")
    assert [next(events).number, next(events).number] == [1, 2]
    daemon.close()
    daemon.progress(job.id, "unseen", 1)
    daemon.listen()
    daemon.move(job.id, "done")
    assert [event.number for event in events] == [3, 4]
    assert job.state == "done"


def test_a_stuck_daemon_does_not_hold_the_caller(
    daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo
) -> None:
    """Protects Ctrl-C and timeouts: a call that gets no answer is left behind at once."""
    root = make_repo({})
    daemon.stuck.set()
    cancel = deepcoder.Cancel()
    threading.Timer(0.2, cancel.cancel).start()
    started = time.monotonic()
    with pytest.raises(deepcoder.Cancelled):
        client.jobs.add("do it", repo=root, cancel=cancel)
    assert time.monotonic() - started < 5


def test_interrupting_a_wait_leaves_the_job(daemon: FakeDaemon, client: deepcoder.Client, make_repo: MakeRepo) -> None:
    """Protects jobs: Ctrl-C ends the waiting, on both sides of the socket, and nothing else."""
    job = client.jobs.add("do it", repo=make_repo({}))
    # Whoever runs the tests in the background of a shell has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,)).start()
        with pytest.raises(KeyboardInterrupt):
            job.wait(60)
    finally:
        signal.signal(signal.SIGINT, before)
    with daemon.changed:
        assert daemon.changed.wait_for(lambda: daemon.followers == 0, timeout=5), "the daemon still has a follower"
    assert daemon.jobs[job.id]["state"] == "queued"


def test_asyncio_follows_many_at_once(daemon: FakeDaemon, home: Path, make_repo: MakeRepo) -> None:
    """Protects event loops: 64 jobs are followed at once, each gets all its events, and a cancelled task lets go."""
    root = make_repo({})

    async def main() -> None:
        client = deepcoder.AsyncClient(command=home / "deepcoder")
        jobs = [await client.jobs.add(f"job {n}", repo=root) for n in range(64)]
        seen: dict[str, list[int]] = {job.id: [] for job in jobs}

        async def follow(job: deepcoder.AsyncJob) -> str:
            async for event in job:
                seen[job.id].append(event.number)
            return job.state

        tasks = [asyncio.create_task(follow(job)) for job in jobs[:-1]]
        waiting = asyncio.create_task(jobs[-1].wait())
        while daemon.followers < 64:
            await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        for job in jobs:
            daemon.progress(job.id, "writing", 1)
            daemon.move(job.id, "review" if job.id.endswith("1J") else "done", result=RESULT)
        async with asyncio.timeout(30):
            assert set(await asyncio.gather(*tasks)) == {"review", "done"}
            assert (await jobs[-1]).diff == DIFF
        assert all(numbers == [1, 2, 3] for id, numbers in seen.items() if id != jobs[-1].id)
        while daemon.followers:
            await asyncio.sleep(0.01)
        assert {job.summary for job in await client.jobs.list(repo=root)} == {"1 file changed"}
        with pytest.raises(TimeoutError):
            await (await client.jobs.add("slow", repo=root)).wait(0.05)

    asyncio.run(main())


def test_watching_and_status(
    daemon: FakeDaemon, client: deepcoder.Client, home: Path, make_repo: MakeRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the small calls: what is watched is a root, wherever in it the caller stands."""
    root = make_repo({"src/a.py": b""})
    monkeypatch.chdir(root / "src")
    assert client.watch().root == str(root.resolve())
    assert [(each.root, each.files, each.how) for each in client.watched()] == [(str(root.resolve()), 2, "events")]
    assert client.unwatch(root) and not client.unwatch(root)
    status = client.status()
    assert status is not None and status["version"] == daemon.version
    daemon.close()
    assert client.status() is None, "asking does not start one"

    async def main() -> None:
        other = deepcoder.AsyncClient(command=home / "deepcoder")
        assert await other.status() is None

    asyncio.run(main())


def test_a_daemon_that_does_not_start_says_so(home: Path, make_repo: MakeRepo) -> None:
    """Protects users: no command, or one that fails, is an error with a hint and not a hang."""
    client = deepcoder.Client(command=home / "not-there")
    with pytest.raises(deepcoder.DaemonError) as caught:
        client.jobs.add("x", repo=make_repo({}))
    assert caught.value.hint


def test_everything_is_typed() -> None:
    """Protects the shapes that type checkers see: what asyncio offers is what the plain client offers."""
    for plain, other in [
        (deepcoder.Client, deepcoder.AsyncClient),
        (deepcoder.Jobs, deepcoder.AsyncJobs),
        (deepcoder.Job, deepcoder.AsyncJob),
    ]:
        methods = {name for name in dir(plain) if not name.startswith("_") and callable(getattr(plain, name))}
        assert methods <= set(dir(other)), methods - set(dir(other))


def test_importing_stays_cheap() -> None:
    """Protects start-up: IPython is not imported for those who do not use it."""
    code = "import sys, deepcoder; sys.exit('IPython' in sys.modules or 'asyncio' not in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent, timeout=60)
