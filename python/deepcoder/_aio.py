"""The asyncio faces of :class:`deepcoder.Repo`, :class:`deepcoder.Edit` and :class:`deepcoder.Model`.

The work itself is done by native threads that hold no lock of the interpreter; a cancelled task cancels it within one
step of the model.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Sequence
from os import PathLike
from typing import Any, Literal, TypeAlias, TypeVar, overload

from deepcoder import _core

T = TypeVar("T")

_Paths = str | PathLike[str] | Iterable[str | PathLike[str]]


async def _run(work: Callable[[_core.Cancel], T]) -> T:
    cancel = _core.Cancel()
    future = asyncio.get_running_loop().run_in_executor(None, work, cancel)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        cancel.cancel()
        # The work is awaited, so that when this returns nothing of it goes on behind the caller's back.
        await asyncio.wait([future])
        if not future.cancelled():
            future.exception()
        raise


class AsyncEdit:
    """A proposed edit; see :class:`deepcoder.Edit`. Nothing is written before :meth:`apply`."""

    def __init__(self, edit: _core.Edit) -> None:
        self._edit = edit

    def __repr__(self) -> str:
        return f"Async{self._edit!r}"

    def __str__(self) -> str:
        return self._edit.diff

    def _repr_html_(self) -> str:
        """The diff in colours, for notebooks."""
        return self._edit._repr_html_()

    @property
    def title(self) -> str:
        """One line; empty when nothing would change."""
        return self._edit.title

    @property
    def diff(self) -> str:
        """The unified diff; empty when nothing would change."""
        return self._edit.diff

    @property
    def files(self) -> list[str]:
        """The files that it changes, makes or deletes, relative to the root."""
        return self._edit.files

    def text_of(self, path: str) -> str | None:
        """The text that a file would have; see :meth:`deepcoder.Edit.text_of`."""
        return self._edit.text_of(path)

    @property
    def changed(self) -> bool:
        """Whether it would change anything."""
        return self._edit.changed

    @property
    def verified(self) -> bool:
        """Whether no check found an error."""
        return self._edit.verified

    @property
    def findings(self) -> list[_core.Finding]:
        """The findings of the checks; see :attr:`deepcoder.Edit.findings`."""
        return self._edit.findings

    @property
    def applicability(self) -> Literal["safe", "needs-review", "display-only"]:
        """How far it may be trusted; see :attr:`deepcoder.Edit.applicability`."""
        return self._edit.applicability

    @property
    def reasons(self) -> list[str]:
        """Why a person must look at it first; see :attr:`deepcoder.Edit.reasons`."""
        return self._edit.reasons

    @property
    def evidence(self) -> dict[str, Any]:
        """What the result rests on; see :attr:`deepcoder.Edit.evidence`."""
        return self._edit.evidence

    @property
    def rationale(self) -> str:
        """The reasons and doubts of the plugin that made it, in lines; may be empty."""
        return self._edit.rationale

    @property
    def id(self) -> str | None:
        """Its id in the history, once applied."""
        return self._edit.id

    async def apply(
        self,
        *,
        reviewed: bool = False,
        unverified: bool = False,
        protected: bool = False,
        commit: bool = False,
        branch: str | None = None,
        worktree: str | PathLike[str] | None = None,
    ) -> str | None:
        """Write it, and commit it with ``commit``; see :meth:`deepcoder.Edit.apply`, whose errors it raises."""
        return await _run(
            lambda cancel: self._edit.apply(
                reviewed=reviewed,
                unverified=unverified,
                protected=protected,
                commit=commit,
                branch=branch,
                worktree=worktree,
                cancel=cancel,
            )
        )

    async def reject(self) -> None:
        """Reject it; see :meth:`deepcoder.Edit.reject`."""
        await _run(lambda cancel: self._edit.reject(cancel=cancel))

    async def undo(self) -> None:
        """Take it back; see :meth:`deepcoder.Edit.undo`."""
        await _run(lambda cancel: self._edit.undo(cancel=cancel))


class AsyncTask:
    """A request in flight, or one that has ended; see :class:`deepcoder.Task`, whose properties it has.

    ``await task`` waits for it. Cancelling the waiting does not cancel the task.
    """

    def __init__(self, task: _core.Task) -> None:
        self._task = task

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def __repr__(self) -> str:
        return f"Async{self._task!r}"

    def _repr_html_(self) -> str:
        """The diff of its result in colours, for notebooks."""
        return self._task._repr_html_()

    async def refresh(self) -> None:
        """Ask how it stands now."""
        await _run(lambda cancel: self._task.refresh(cancel=cancel))

    async def wait(
        self, timeout: float | None = None, *, check: bool = True, progress: Callable[[str], object] | None = None
    ) -> AsyncTask:
        """Wait until it no longer runs; see :meth:`deepcoder.Task.wait`. ``progress`` is called on another thread."""
        await _run(lambda cancel: self._task.wait(timeout, check=check, progress=progress, cancel=cancel))
        return self

    def __await__(self) -> Generator[Any, None, AsyncTask]:
        return self.wait().__await__()

    async def cancel(self) -> None:
        """Cancel it."""
        await _run(lambda cancel: self._task.cancel(cancel=cancel))

    async def apply(
        self,
        *,
        reviewed: bool = False,
        unverified: bool = False,
        protected: bool = False,
        commit: bool = False,
        branch: str | None = None,
        worktree: str | PathLike[str] | None = None,
    ) -> str | None:
        """Let the result land; see :meth:`deepcoder.Edit.apply`, whose errors it raises."""
        return await _run(
            lambda cancel: self._task.apply(
                reviewed=reviewed,
                unverified=unverified,
                protected=protected,
                commit=commit,
                branch=branch,
                worktree=worktree,
                cancel=cancel,
            )
        )

    async def reject(self) -> None:
        """Reject the result."""
        await _run(lambda cancel: self._task.reject(cancel=cancel))


_AnyModel: TypeAlias = "AsyncModel | _core.Model | str | None"


def _model(model: _AnyModel) -> _core.Model | str | None:
    return model.model if isinstance(model, AsyncModel) else model


class AsyncRefactor:
    """Refactorings that are exact, without a model; see :class:`deepcoder.Refactor`, whose arguments and errors it has."""

    def __init__(self, refactor: _core.Refactor) -> None:
        self._refactor = refactor

    async def rename(self, target: str, new_name: str, paths: _Paths | None = None) -> AsyncEdit:
        """Give a name another one; see :meth:`deepcoder.Refactor.rename`."""
        return AsyncEdit(await _run(lambda cancel: self._refactor.rename(target, new_name, paths, cancel=cancel)))

    async def extract_variable(self, target: str, name: str | None = None, *, all: bool = False) -> AsyncEdit:
        """Give an expression a name; see :meth:`deepcoder.Refactor.extract_variable`."""
        return AsyncEdit(await _run(lambda cancel: self._refactor.extract_variable(target, name, all=all, cancel=cancel)))

    async def extract_function(self, target: str, name: str | None = None) -> AsyncEdit:
        """Make a function of statements; see :meth:`deepcoder.Refactor.extract_function`."""
        return AsyncEdit(await _run(lambda cancel: self._refactor.extract_function(target, name, cancel=cancel)))

    async def inline(self, target: str) -> AsyncEdit:
        """Put a value in the place of its name; see :meth:`deepcoder.Refactor.inline`."""
        return AsyncEdit(await _run(lambda cancel: self._refactor.inline(target, cancel=cancel)))

    async def convert(self, target: str, kind: str) -> AsyncEdit:
        """Rewrite what stands at a place in another form; see :meth:`deepcoder.Refactor.convert`."""
        return AsyncEdit(await _run(lambda cancel: self._refactor.convert(target, kind, cancel=cancel)))

    async def change_signature(self, target: str, *change: str) -> AsyncEdit:
        """Change the parameters of a function; see :meth:`deepcoder.Refactor.change_signature`."""
        return AsyncEdit(await _run(lambda cancel: self._refactor.change_signature(target, *change, cancel=cancel)))

    async def list(self, target: str) -> builtins.list[_core.Refactoring]:
        """What is possible at a place; see :meth:`deepcoder.Refactor.list`."""
        return await _run(lambda cancel: self._refactor.list(target, cancel=cancel))

    async def run(self, words: str, paths: _Paths | None = None) -> AsyncEdit | str:
        """Any refactoring in words; see :meth:`deepcoder.Refactor.run`."""
        done = await _run(lambda cancel: self._refactor.run(words, paths, cancel=cancel))
        return done if isinstance(done, str) else AsyncEdit(done)


class AsyncRepo:
    """A git repository; see :class:`deepcoder.Repo`."""

    def __init__(self, path: str | PathLike[str] | None = None, *, model: _AnyModel = None) -> None:
        self._repo = _core.Repo(path, model=_model(model))

    @classmethod
    def _of(cls, repo: _core.Repo) -> AsyncRepo:
        self = cls.__new__(cls)
        self._repo = repo
        return self

    @property
    def root(self) -> str:
        """Absolute path of the work tree."""
        return self._repo.root

    async def edit(
        self,
        instruction: str,
        paths: _Paths | None = None,
        *,
        new: bool = False,
        read: _Paths | None = None,
        model: _AnyModel = None,
        options: dict[str, Any] | None = None,
        seed: int = 0,
        effort: Literal["quick", "normal", "thorough"] | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> AsyncEdit:
        """Propose an edit; arguments and errors are those of :meth:`deepcoder.Repo.edit`.

        Cancelling the task cancels it. ``progress`` is called on another thread.
        """
        return AsyncEdit(
            await _run(
                lambda cancel: self._repo.edit(
                    instruction,
                    paths,
                    new=new,
                    read=read,
                    model=_model(model),
                    options=options,
                    seed=seed,
                    effort=effort,
                    progress=progress,
                    cancel=cancel,
                )
            )
        )

    @property
    def refactor(self) -> AsyncRefactor:
        """Refactorings that are exact, without a model; see :attr:`deepcoder.Repo.refactor`."""
        return AsyncRefactor(self._repo.refactor)

    async def explain(
        self, question: str, paths: _Paths | None = None, *, model: _AnyModel = None, seed: int = 0
    ) -> str:
        """Answer a question about files; see :meth:`deepcoder.Repo.explain`."""
        return await _run(
            lambda cancel: self._repo.explain(question, paths, model=_model(model), seed=seed, cancel=cancel)
        )

    async def complete(
        self, path: str | PathLike[str], line: int, column: int, *, model: _AnyModel = None, seed: int = 0
    ) -> str:
        """The code that belongs at a position; see :meth:`deepcoder.Repo.complete`."""
        return await _run(
            lambda cancel: self._repo.complete(path, line, column, model=_model(model), seed=seed, cancel=cancel)
        )

    async def tasks(self) -> list[AsyncTask]:
        """The tasks of this repository, newest first; see :meth:`deepcoder.Repo.tasks`."""
        return [AsyncTask(task) for task in await _run(lambda cancel: self._repo.tasks(cancel=cancel))]

    async def task(self, id: str) -> AsyncTask:
        """One task, by its id or the beginning of it; see :meth:`deepcoder.Repo.task`."""
        return AsyncTask(await _run(lambda cancel: self._repo.task(id, cancel=cancel)))

    async def undo(self, id: str | None = None) -> str:
        """Take an applied edit back; see :meth:`deepcoder.Repo.undo`."""
        return await _run(lambda cancel: self._repo.undo(id, cancel=cancel))

    async def restore(
        self,
        id: str,
        paths: _Paths,
        *,
        state: Literal["before", "after", "kept"] = "before",
    ) -> str | None:
        """Bring files back; see :meth:`deepcoder.Repo.restore`."""
        return await _run(lambda cancel: self._repo.restore(id, paths, state=state, cancel=cancel))

    async def file_of(
        self, id: str, path: str | PathLike[str], *, state: Literal["before", "after", "kept"] = "before"
    ) -> bytes | None:
        """The bytes of a file before or after an edit; see :meth:`deepcoder.Repo.file_of`."""
        return await _run(lambda _cancel: self._repo.file_of(id, path, state=state))

    async def log(self, limit: int = 50) -> list[_core.HistoryEntry]:
        """The applied edits, newest first; see :meth:`deepcoder.Repo.log`."""
        return await _run(lambda _cancel: self._repo.log(limit))


class AsyncModel:
    """A model in this process; see :class:`deepcoder.Model`."""

    def __init__(self, model: _core.Model) -> None:
        self._model = model

    @classmethod
    async def load(
        cls, name: str | PathLike[str] | None = None, *, threads: int | None = None, device: str | None = None
    ) -> AsyncModel:
        """Load a model; see :meth:`deepcoder.Model.load`."""
        return cls(await _run(lambda _cancel: _core.Model.load(name, threads=threads, device=device)))

    @property
    def model(self) -> _core.Model:
        """The model itself, to be shared with :class:`deepcoder.Repo`."""
        return self._model

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
        if n is None:
            return await _run(lambda cancel: self._model.generate(prompt, cancel=cancel, **options))
        return await _run(lambda cancel: self._model.generate(prompt, n=n, cancel=cancel, **options))

    async def generate_all(
        self, prompts: Iterable[str | Sequence[dict[str, str]]], **options: Any
    ) -> list[_core.Generation]:
        """Generate for several prompts at once; see :meth:`deepcoder.Model.generate_all`."""
        return await _run(lambda cancel: self._model.generate_all(prompts, cancel=cancel, **options))

    async def choose(
        self, prompt: str | Sequence[dict[str, str]], options: Sequence[str], *, raw: bool = False
    ) -> list[tuple[str, float]]:
        """How likely each option is as the answer; see :meth:`deepcoder.Model.choose`."""
        return await _run(lambda cancel: self._model.choose(prompt, options, raw=raw, cancel=cancel))

    async def stream(self, prompt: str | Sequence[dict[str, str]], **options: Any) -> AsyncIterator[_core.TokenEvent]:
        """Generate text token by token; the options are those of :meth:`deepcoder.Model.stream`.

        Leaving the loop early cancels the generation.
        """
        stream = self._model.stream(prompt, **options)
        try:
            while (event := await _run(lambda _cancel: stream.next_event())) is not None:
                yield event
        finally:
            stream.cancel()
