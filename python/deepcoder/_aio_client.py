"""The asyncio faces of :class:`deepcoder.Client`, :class:`deepcoder.Jobs` and :class:`deepcoder.Job`.

Short calls run in the loop's executor; a job is followed by a native thread of its own, so that any number of them can
be followed at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, Literal, overload

from deepcoder import _core
from deepcoder._aio import AsyncEdit, AsyncModel, AsyncRepo, _AnyModel, _Paths, _run

_AnyRepo = _core.Repo | AsyncRepo | str | PathLike[str] | None


def _repo(repo: _AnyRepo) -> _core.Repo | str | PathLike[str] | None:
    return repo._repo if isinstance(repo, AsyncRepo) else repo


class AsyncJob:
    """A background job; see :class:`deepcoder.Job`, whose properties it has.

    ``await job`` waits for it, ``async for event in job`` follows it. Cancelling either ends the waiting, not the job.
    """

    def __init__(self, job: _core.Job) -> None:
        self._job = job

    def __getattr__(self, name: str) -> Any:
        return getattr(self._job, name)

    def __repr__(self) -> str:
        return f"Async{self._job!r}"

    def _repr_html_(self) -> str:
        """Its state, its progress and its diff in colours, for notebooks."""
        return self._job._repr_html_()

    @property
    def id(self) -> str:
        """Its id."""
        return self._job.id

    @property
    def state(self) -> str:
        """How it stood when it was last asked for; see :attr:`deepcoder.Job.state`."""
        return self._job.state

    @property
    def diff(self) -> str:
        """The unified diff of its result. After :meth:`AsyncJobs.list` it is there once the job was refreshed."""
        return self._job.diff

    @property
    def applicability(self) -> Literal["safe", "needs-review", "display-only"] | None:
        """How far its result may be trusted; see :attr:`deepcoder.Job.applicability`."""
        return self._job.applicability

    async def events(self, after: int = 0) -> AsyncIterator[_core.JobEvent]:
        """Its events behind number ``after``; see :meth:`deepcoder.Job.events`."""
        loop = asyncio.get_running_loop()
        some = asyncio.Event()

        def notify() -> None:
            try:
                loop.call_soon_threadsafe(some.set)
            except RuntimeError:
                # The loop is closed: the follower is gone.
                follow.cancel()

        follow = self._job.events(after, notify=notify)
        try:
            while True:
                some.clear()
                for event in follow.ready():
                    yield event
                if follow.ended:
                    return
                await some.wait()
        finally:
            follow.cancel()

    def __aiter__(self) -> AsyncIterator[_core.JobEvent]:
        return self.events()

    async def wait(
        self, timeout: float | None = None, *, check: bool = True, progress: Callable[[str], object] | None = None
    ) -> AsyncJob:
        """Wait until nothing more happens to it by itself; see :meth:`deepcoder.Job.wait`."""
        async with asyncio.timeout(timeout):
            async for event in self.events():
                if progress is not None:
                    progress(str(event))
        if check and self._job.state == "failed":
            error = _core.EditError(self._job.error or "the job failed")
            error.hint = self._job.hint
            raise error
        if check and self._job.state == "cancelled":
            raise _core.Cancelled("cancelled")
        return self

    def __await__(self) -> Generator[Any, None, AsyncJob]:
        return self.wait().__await__()

    async def refresh(self) -> None:
        """Ask how it stands now."""
        await _run(lambda cancel: self._job.refresh(cancel=cancel))

    async def accept(
        self, hunks: Sequence[tuple[str, int]] | None = None, *, reviewed: bool = False, unverified: bool = False
    ) -> None:
        """Let the result land, or some hunks of it; see :meth:`deepcoder.Job.accept`, whose errors it raises."""
        await _run(lambda cancel: self._job.accept(hunks, reviewed=reviewed, unverified=unverified, cancel=cancel))

    async def reject(self) -> None:
        """Say no to the result."""
        await _run(lambda cancel: self._job.reject(cancel=cancel))

    async def cancel(self) -> None:
        """Cancel it."""
        await _run(lambda cancel: self._job.cancel(cancel=cancel))

    async def retry(self) -> None:
        """Try it again once it is over."""
        await _run(lambda cancel: self._job.retry(cancel=cancel))

    async def pause(self) -> None:
        """Hold it back."""
        await _run(lambda cancel: self._job.pause(cancel=cancel))

    async def resume(self) -> None:
        """Let it go on."""
        await _run(lambda cancel: self._job.resume(cancel=cancel))


class AsyncJobs:
    """The background jobs of the daemon; see :class:`deepcoder.Jobs`."""

    def __init__(self, jobs: _core.Jobs) -> None:
        self._jobs = jobs

    async def add(
        self,
        instruction: str,
        paths: _Paths | None = None,
        *,
        repo: _AnyRepo = None,
        kind: str = "edit",
        branch: str | None = None,
        worktree: str | PathLike[str] | None = None,
        apply: bool = False,
        options: dict[str, Any] | None = None,
        model: str | None = None,
        seed: int = 0,
        effort: Literal["quick", "normal", "thorough"] | None = None,
        priority: int = 0,
        at: datetime | float | None = None,
        cron: str | None = None,
        on_change: bool = False,
        after: AsyncJob | _core.Job | str | Sequence[AsyncJob | _core.Job | str] | None = None,
        max_attempts: int = 2,
        timeout: float | None = None,
        key: str | None = None,
    ) -> AsyncJob:
        """Add a job; see :meth:`deepcoder.Jobs.add`."""
        jobs = [] if after is None else [after] if isinstance(after, AsyncJob | _core.Job | str) else after
        before = [job._job if isinstance(job, AsyncJob) else job for job in jobs]
        return AsyncJob(
            await _run(
                lambda cancel: self._jobs.add(
                    instruction,
                    paths,
                    repo=_repo(repo),
                    kind=kind,
                    branch=branch,
                    worktree=worktree,
                    apply=apply,
                    options=options,
                    model=model,
                    seed=seed,
                    effort=effort,
                    priority=priority,
                    at=at,
                    cron=cron,
                    on_change=on_change,
                    after=before,
                    max_attempts=max_attempts,
                    timeout=timeout,
                    key=key,
                    cancel=cancel,
                )
            )
        )

    async def get(self, id: str) -> AsyncJob:
        """One job, by its id or the beginning of it."""
        return AsyncJob(await _run(lambda cancel: self._jobs.get(id, cancel=cancel)))

    async def list(
        self,
        *,
        repo: _AnyRepo = None,
        states: str | Sequence[str] | None = None,
        before: AsyncJob | _core.Job | str | None = None,
        limit: int = 100,
    ) -> list[AsyncJob]:
        """The jobs, newest first; see :meth:`deepcoder.Jobs.list`."""
        page = before._job if isinstance(before, AsyncJob) else before
        found = await _run(
            lambda cancel: self._jobs.list(repo=_repo(repo), states=states, before=page, limit=limit, cancel=cancel)
        )
        return [AsyncJob(job) for job in found]

    async def counts(self) -> dict[str, int]:
        """How many there are; see :meth:`deepcoder.Jobs.counts`."""
        return await _run(lambda cancel: self._jobs.counts(cancel=cancel))


class AsyncClient:
    """The daemon, which is started when it is needed; see :class:`deepcoder.Client`."""

    def __init__(self, *, model: str | None = None, command: str | PathLike[str] | None = None) -> None:
        self._client = _core.Client(model=model, command=command)
        self._jobs = AsyncJobs(self._client.jobs)

    @property
    def jobs(self) -> AsyncJobs:
        """Its background jobs."""
        return self._jobs

    async def model(self, name: str | None = None) -> AsyncModel:
        """A model in the daemon; see :meth:`deepcoder.Client.model`."""
        return AsyncModel(await _run(lambda cancel: self._client.model(name, cancel=cancel)))

    def repo(self, path: str | PathLike[str] | None = None) -> AsyncRepo:
        """The repository that ``path`` is in, with its model in the daemon."""
        return AsyncRepo._of(self._client.repo(path))

    def _at(self, repo: _AnyRepo) -> AsyncRepo:
        # As the plain client does it: whatever model a `Repo` was given, here it is the daemon's.
        return self.repo(repo.root if isinstance(repo, AsyncRepo | _core.Repo) else repo)

    @overload
    async def generate(
        self, prompt: str | Sequence[dict[str, str]], *, n: None = None, **options: Any
    ) -> _core.Generation: ...

    @overload
    async def generate(
        self, prompt: str | Sequence[dict[str, str]], *, n: int, **options: Any
    ) -> list[_core.Generation]: ...

    async def generate(
        self, prompt: str | Sequence[dict[str, str]], *, n: int | None = None, **options: Any
    ) -> _core.Generation | list[_core.Generation]:
        """Generate text, or ``n`` texts; the options are those of :meth:`deepcoder.Model.generate`."""
        model = await self.model()
        return await (model.generate(prompt, **options) if n is None else model.generate(prompt, n=n, **options))

    async def stream(self, prompt: str | Sequence[dict[str, str]], **options: Any) -> AsyncIterator[_core.TokenEvent]:
        """Generate text token by token; the options are those of :meth:`deepcoder.Model.stream`."""
        async for event in (await self.model()).stream(prompt, **options):
            yield event

    async def edit(
        self,
        instruction: str,
        paths: _Paths | None = None,
        *,
        repo: _AnyRepo = None,
        new: bool = False,
        read: _Paths | None = None,
        model: _AnyModel = None,
        options: dict[str, Any] | None = None,
        seed: int = 0,
        effort: Literal["quick", "normal", "thorough"] | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> AsyncEdit:
        """Propose an edit now; arguments and errors are those of :meth:`deepcoder.Repo.edit`."""
        return await self._at(repo).edit(
            instruction,
            paths,
            new=new,
            read=read,
            model=model,
            options=options,
            seed=seed,
            effort=effort,
            progress=progress,
        )

    async def explain(
        self,
        question: str,
        paths: _Paths | None = None,
        *,
        repo: _AnyRepo = None,
        model: _AnyModel = None,
        seed: int = 0,
    ) -> str:
        """Answer a question about files; arguments and errors are those of :meth:`deepcoder.Repo.explain`."""
        return await self._at(repo).explain(question, paths, model=model, seed=seed)

    async def complete(
        self,
        path: str | PathLike[str],
        line: int,
        column: int,
        *,
        repo: _AnyRepo = None,
        model: _AnyModel = None,
        seed: int = 0,
    ) -> str:
        """The code that belongs at a position; arguments and errors are those of :meth:`deepcoder.Repo.complete`."""
        return await self._at(repo).complete(path, line, column, model=model, seed=seed)

    async def watch(self, repo: _AnyRepo = None) -> _core.Watched:
        """Watch a repository, also after a restart of the daemon."""
        return await _run(lambda cancel: self._client.watch(_repo(repo), cancel=cancel))

    async def unwatch(self, repo: _AnyRepo = None) -> bool:
        """Watch it no more; ``False`` when it was not watched."""
        return await _run(lambda cancel: self._client.unwatch(_repo(repo), cancel=cancel))

    async def watched(self) -> list[_core.Watched]:
        """The repositories that are watched."""
        return await _run(lambda cancel: self._client.watched(cancel=cancel))

    async def status(self) -> dict[str, Any] | None:
        """What the daemon is doing, or ``None`` where none runs; see :meth:`deepcoder.Client.status`."""
        return await _run(lambda cancel: self._client.status(cancel=cancel))
