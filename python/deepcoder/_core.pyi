"""The native half of :mod:`deepcoder`. Every call that takes long lets other threads run and honours Ctrl-C."""

import builtins
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, Literal, final

__all__ = [
    "Cancel",
    "Cancelled",
    "Client",
    "DaemonError",
    "DeepcoderError",
    "Edit",
    "EditError",
    "Finding",
    "Generation",
    "HistoryEntry",
    "Job",
    "JobEvent",
    "JobEvents",
    "Jobs",
    "Model",
    "ModelError",
    "Repo",
    "RepositoryError",
    "Stream",
    "TokenEvent",
    "Watched",
    "__version__",
]

__version__: str

class DeepcoderError(Exception):
    """The base of every error of deepcoder. ``hint`` says what to do about it."""

    hint: str | None

class ModelError(DeepcoderError):
    """The model is not installed, damaged, or could not do what was asked."""

class RepositoryError(DeepcoderError):
    """The repository or a path in it cannot be used."""

class EditError(DeepcoderError):
    """The edit could not be made, verified, applied or undone. The tree is as it was."""

class DaemonError(DeepcoderError):
    """The daemon cannot be reached, or refuses what was asked of it."""

class Cancelled(DeepcoderError):
    """The work was cancelled; it changed nothing."""

@final
class Cancel:
    """Cancels the calls that it is given to, from any thread."""

    def __new__(cls) -> Cancel: ...
    def cancel(self) -> None:
        """Ask the work to stop at its next step."""

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` has been called."""

@final
class TokenEvent:
    """One step of a generation."""

    @property
    def text(self) -> str:
        """The text that became certain with this step: whole characters; may be empty."""

    @property
    def id(self) -> int:
        """The id of the token."""

    @property
    def logprob(self) -> float | None:
        """Natural logarithm of its probability at temperature 1, if it was asked for."""

    @property
    def top(self) -> list[tuple[str, int, float]]:
        """The alternatives as (text, id, logprob), likeliest first, if they were asked for."""

@final
class Generation:
    """What came of a request. ``str()`` of it is its text."""

    @property
    def text(self) -> str:
        """The text, without what a stop string cut off."""

    @property
    def finish(self) -> str:
        """``end``, ``length``, ``stop`` or ``cancelled``."""

    @property
    def usage(self) -> dict[str, int]:
        """Tokens: ``prompt_tokens``, ``cached_tokens``, ``completion_tokens``, ``drafted_tokens``, ``accepted_tokens``."""

    @property
    def timing(self) -> dict[str, float]:
        """``prefill_tps`` and ``decode_tps`` in tokens/s, ``first_token_ms`` and ``total_ms`` in milliseconds."""

@final
class Stream:
    """A running generation: an iterator of :class:`TokenEvent`. Dropping it cancels the generation."""

    def __iter__(self) -> Iterator[TokenEvent]: ...
    def __next__(self) -> TokenEvent: ...
    def next_event(self) -> TokenEvent | None:
        """As ``next()``, but ``None`` at the end."""

    def cancel(self) -> None:
        """End it within one step."""

    def result(self) -> Generation:
        """Wait for the end; the whole text, also of what was iterated before."""

@final
class Model:
    """A language model in this process. May be shared by threads; its calls then wait for each other."""

    @staticmethod
    def load(
        name: str | PathLike[str] | None = None, *, threads: int | None = None, device: str | None = None
    ) -> Model:
        """Load a model of the store by name, or a model folder by path.

        ``name``: ``None`` takes ``DEEPCODER_MODEL``, the configuration file, or the default of the catalogue.
        ``threads``: ``None`` uses the physical cores that this process may use.
        ``device``: ``cpu``, ``cuda`` or ``auto``.
        Raises :class:`ModelError` when it is not installed (the hint names the command) or damaged.
        """

    @property
    def name(self) -> str:
        """Its name in the store."""

    @property
    def context_length(self) -> int:
        """The most tokens that prompt and answer may have together."""

    @property
    def supports_fill(self) -> bool:
        """Whether it can fill in the middle."""

    @property
    def fingerprint(self) -> str:
        """Identifies weights and recipe: the same prompt, seed, fingerprint and threads give the same tokens."""

    def count_tokens(self, text: str) -> int:
        """How many tokens a plain text has."""

    def generate(
        self,
        prompt: str | Sequence[dict[str, str]],
        *,
        suffix: str | None = None,
        raw: bool = False,
        max_tokens: int = 512,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        repetition_penalty: float = 1.0,
        seed: int = 0,
        stop: Sequence[str] | None = None,
        logprobs: int | None = None,
        draft: str | None = None,
        cancel: Cancel | None = None,
    ) -> Generation:
        """Generate text and return it whole; :meth:`stream` gives it token by token.

        ``prompt``: a question, or the turns of a chat as ``{"role": …, "content": …}``; with ``suffix`` the text before
        a hole that is filled in; with ``raw`` plain text that is continued without a chat template.
        ``temperature`` 0 is greedy. ``draft`` is text that the answer is likely to repeat: it makes it faster.
        Raises :class:`ModelError` when the prompt does not fit (it is never cut) or an option is out of range.
        """

    def stream(
        self,
        prompt: str | Sequence[dict[str, str]],
        *,
        suffix: str | None = None,
        raw: bool = False,
        max_tokens: int = 512,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        repetition_penalty: float = 1.0,
        seed: int = 0,
        stop: Sequence[str] | None = None,
        logprobs: int | None = None,
        draft: str | None = None,
    ) -> Stream:
        """As :meth:`generate`, as an iterator. The generation runs in a thread of its own."""

@final
class Finding:
    """What a check found."""

    @property
    def path(self) -> str: ...
    @property
    def severity(self) -> str:
        """``error`` or ``warning``."""

    @property
    def message(self) -> str: ...

@final
class HistoryEntry:
    """An edit in the history of a repository."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def created_ms(self) -> int:
        """Milliseconds since 1970."""

    @property
    def state(self) -> str: ...
    @property
    def files(self) -> list[str]: ...
    @property
    def undoable(self) -> bool:
        """Whether undoing it would go well now: it is in effect and none of its files was changed since."""

    @property
    def changed_since(self) -> list[str]:
        """Files of an edit in effect that were changed since."""

    @property
    def committed(self) -> str | None:
        """The commit that it was put into on request."""

    @property
    def note(self) -> str | None:
        """What was out of the ordinary."""

@final
class Edit:
    """A proposed edit. Nothing is written before :meth:`apply`."""

    @property
    def title(self) -> str:
        """One line."""

    @property
    def diff(self) -> str:
        """The unified diff, as ``git apply`` takes it; empty when nothing would change."""

    @property
    def files(self) -> list[str]:
        """The files that it changes."""

    def text_of(self, path: str) -> str | None:
        """What the file ``path`` would hold; ``None`` where it is not changed, or deleted."""

    @property
    def changed(self) -> bool:
        """Whether it would change anything."""

    @property
    def verified(self) -> bool:
        """Whether every check passed."""

    @property
    def findings(self) -> list[Finding]:
        """What the checks found."""

    @property
    def id(self) -> str | None:
        """Its id in the history, once applied."""

    def apply(
        self,
        *,
        unverified: bool = False,
        commit: bool = False,
        branch: str | None = None,
        worktree: str | PathLike[str] | None = None,
        cancel: Cancel | None = None,
    ) -> str | None:
        """Write it, all files or none; returns the id in the history, or ``None`` when it changes nothing.

        With ``commit`` its files, and nothing else, are committed with the instruction as the message, and hooks run:
        on the current branch, on a new ``branch``, or in a new ``worktree``, which leaves the files here as they are.

        Raises :class:`EditError` when a file changed since the edit was made, when a check failed and ``unverified``
        is not set, or when it was applied but could not be committed (:attr:`id` is set then).
        """

    def undo(self, *, cancel: Cancel | None = None) -> None:
        """Take it back, all files or none. Raises :class:`EditError` when a file was changed since."""

    def _repr_html_(self) -> str: ...

@final
class Repo:
    """A git repository. ``model``: a loaded model, the name of one, or ``None`` for the default; loaded on first use."""

    def __new__(cls, path: str | PathLike[str] | None = None, *, model: Model | str | None = None) -> Repo:
        """The work tree that ``path`` is in; ``None`` is the working directory.

        Raises :class:`RepositoryError` when it is in none.
        """

    @property
    def root(self) -> str:
        """Absolute path of the work tree."""

    def edit(
        self,
        instruction: str,
        paths: Sequence[str | PathLike[str]] | None = None,
        *,
        seed: int = 0,
        progress: Callable[[str], None] | None = None,
        cancel: Cancel | None = None,
    ) -> Edit:
        """Propose an edit.

        ``paths`` are relative to :attr:`root` (or absolute, inside it): files, folders or globs; without them the
        files are found by the words of the instruction. ``progress`` is called with a line of text now and then.
        """

    def explain(
        self,
        question: str,
        paths: Sequence[str | PathLike[str]] | None = None,
        *,
        seed: int = 0,
        cancel: Cancel | None = None,
    ) -> str:
        """Answer a question about files."""

    def complete(
        self, path: str | PathLike[str], line: int, column: int, *, seed: int = 0, cancel: Cancel | None = None
    ) -> str:
        """The code that belongs at ``line`` and ``column``, both from 1, the column in characters."""

    def undo(self, id: str | None = None, *, cancel: Cancel | None = None) -> str:
        """Take an applied edit back (``None``: the last); returns its id."""

    def restore(
        self,
        id: str,
        paths: Sequence[str | PathLike[str]],
        *,
        state: Literal["before", "after", "kept"] = "before",
        cancel: Cancel | None = None,
    ) -> str | None:
        """Bring files back to what they were before (or after) an edit, whatever they are now.

        Returns the id that undoes this, or ``None`` where nothing had to be done. ``kept`` are bytes that another
        program wrote to the old file while the edit was applied.
        """

    def file_of(
        self, id: str, path: str | PathLike[str], *, state: Literal["before", "after", "kept"] = "before"
    ) -> bytes | None:
        """The bytes of a file before (or after) an edit; ``None`` where it did not exist."""

    def log(self, limit: int = 50) -> list[HistoryEntry]:
        """The edits of this repository, newest first."""

@final
class JobEvent:
    """Something that happened to a job. ``str()`` of it is a line of text."""

    @property
    def job(self) -> str:
        """The id of the job."""

    @property
    def number(self) -> int:
        """Its number: the events of a job are numbered from 1, without gaps, and kept."""

    @property
    def at_ms(self) -> int:
        """Milliseconds since 1970."""

    @property
    def kind(self) -> str:
        """``state``, ``progress`` or ``log``."""

    @property
    def state(self) -> str | None:
        """The new state; see :attr:`Job.state`."""

    @property
    def message(self) -> str | None:
        """The reason of a state, the stage of a progress, or the line of a log."""

    @property
    def level(self) -> str | None:
        """Of a line of the log: ``debug``, ``info``, ``warn`` or ``error``."""

    @property
    def fraction(self) -> float | None:
        """How far the job is, from 0 to 1, where that is known."""

    @property
    def tokens(self) -> int | None:
        """Tokens that the model wrote so far."""

@final
class JobEvents:
    """The events of a job as they come, from :meth:`Job.events`. Dropping it ends the following, not the job."""

    def __iter__(self) -> Iterator[JobEvent]: ...
    def __next__(self) -> JobEvent: ...
    def ready(self) -> list[JobEvent]:
        """Those that are there already; never waits."""

    @property
    def ended(self) -> bool:
        """Whether no more will come."""

    def cancel(self) -> None:
        """End the following, not the job."""

@final
class Job:
    """A background job. It goes on whatever becomes of this handle, this process or the daemon.

    The properties say how it stood when it was last asked for: by :meth:`refresh`, at the end of :meth:`wait` or of its
    events, or by any other call.
    """

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str:
        """The verb: ``edit``, ``explain``, …"""

    @property
    def instruction(self) -> str: ...
    @property
    def repository(self) -> str:
        """Absolute path of the work tree."""

    @property
    def paths(self) -> list[str]: ...
    @property
    def key(self) -> str | None: ...
    @property
    def state(self) -> str:
        """``waiting``, ``scheduled``, ``queued``, ``running``, ``paused``, ``review``, ``done``, ``rejected``,
        ``failed`` or ``cancelled``."""

    @property
    def over(self) -> bool:
        """Whether it is done, rejected, failed or cancelled."""

    @property
    def settled(self) -> bool:
        """Whether nothing more happens by itself: it is over, waits for a decision, or is the template of a schedule."""

    @property
    def attempts(self) -> int: ...
    @property
    def created_ms(self) -> int:
        """Milliseconds since 1970."""

    @property
    def started_ms(self) -> int | None: ...
    @property
    def finished_ms(self) -> int | None: ...
    @property
    def due_ms(self) -> int | None: ...
    @property
    def template(self) -> str | None:
        """The id of the scheduled job that it was made from."""

    @property
    def error(self) -> str | None:
        """Why it failed, or did the last time."""

    @property
    def hint(self) -> str | None:
        """What to do about it."""

    @property
    def summary(self) -> str | None:
        """What it came to, in one line."""

    @property
    def answer(self) -> str | None:
        """The answer in words, of a job that has one."""

    @property
    def diff(self) -> str:
        """The unified diff of its result; empty where there is none. Asked for where :meth:`Jobs.list` left it out."""

    @property
    def files(self) -> list[str]:
        """The files that the result changes."""

    @property
    def hunks(self) -> list[tuple[str, int]]:
        """The hunks of the diff, as :meth:`accept` takes them: the file and the number within it, from 1."""

    @property
    def verified(self) -> bool: ...
    @property
    def notes(self) -> list[str]: ...
    @property
    def edit(self) -> str | None:
        """The edit in the history of the repository, once it has landed; see :meth:`Repo.undo`."""

    @property
    def commit(self) -> str | None:
        """The commit, once it has landed in one."""

    def refresh(self, *, cancel: Cancel | None = None) -> None:
        """Ask how it stands now."""

    def events(self, after: int = 0, *, notify: Callable[[], object] | None = None) -> JobEvents:
        """Its events behind number ``after``, from the first by default, until it is :attr:`settled`.

        They go on over restarts of the daemon, none lost and none twice. ``notify`` is called, on another thread,
        whenever :meth:`JobEvents.ready` has something to tell.
        """

    def __iter__(self) -> Iterator[JobEvent]: ...
    def wait(
        self,
        timeout: float | None = None,
        *,
        check: bool = True,
        progress: Callable[[str], object] | None = None,
        cancel: Cancel | None = None,
    ) -> Job:
        """Wait until it is :attr:`settled`; returns itself.

        ``timeout`` in seconds; ``progress`` is called with a line of text for each event. Ctrl-C and ``cancel`` end the
        waiting, not the job. Raises :class:`TimeoutError`, and with ``check`` :class:`EditError` when the job failed
        and :class:`Cancelled` when it was cancelled.
        """

    def accept(self, hunks: Sequence[tuple[str, int]] | None = None, *, cancel: Cancel | None = None) -> None:
        """Let the result land: all of it, or these hunks and nothing else.

        Raises :class:`DaemonError` when it does not wait for a decision, or its files were changed since.
        """

    def reject(self, *, cancel: Cancel | None = None) -> None:
        """Say no to the result."""

    def cancel(self, *, cancel: Cancel | None = None) -> None:
        """Cancel it; one that runs ends within one step of the model and changes nothing."""

    def retry(self, *, cancel: Cancel | None = None) -> None:
        """Try it again once it is over."""

    def pause(self, *, cancel: Cancel | None = None) -> None:
        """Hold it back; one that runs goes back into the queue."""

    def resume(self, *, cancel: Cancel | None = None) -> None:
        """Let it go on."""

    def _repr_html_(self) -> str: ...

@final
class Jobs:
    """The background jobs of the daemon: :attr:`Client.jobs`."""

    def add(
        self,
        instruction: str,
        paths: Sequence[str | PathLike[str]] | None = None,
        *,
        repo: Repo | str | PathLike[str] | None = None,
        kind: str = "edit",
        branch: str | None = None,
        worktree: str | PathLike[str] | None = None,
        apply: bool = False,
        options: dict[str, Any] | None = None,
        model: str | None = None,
        seed: int = 0,
        priority: int = 0,
        at: datetime | float | None = None,
        cron: str | None = None,
        on_change: bool = False,
        after: Sequence[Job | str] | None = None,
        max_attempts: int = 2,
        timeout: float | None = None,
        key: str | None = None,
        cancel: Cancel | None = None,
    ) -> Job:
        """Add a job. When this returns, it is on the disk and will be done, whatever happens to this process.

        ``paths`` are files and globs below the root of ``repo``, which is that of the working directory by default.
        The result waits for :meth:`Job.accept`, unless it goes to a ``branch``, to a new ``worktree``, or with
        ``apply`` into the work tree at once. It starts as soon as there is room, ``at`` a time (a ``datetime``, or
        seconds since 1970), at the times of ``cron`` (five fields, local time), or ``on_change`` of its files; and
        ``after`` other jobs are done. Higher ``priority`` goes first. ``timeout`` is the most seconds of one attempt.
        A second job with the same ``key`` in the same repository is not added: the first is returned.
        ``model``: ``None`` is the client's, where it has one, or that of the daemon's settings.
        Raises :class:`RepositoryError` and :class:`DaemonError`.
        """

    def get(self, id: str, *, cancel: Cancel | None = None) -> Job:
        """One job, by its id or the beginning of it."""

    def list(
        self,
        *,
        repo: Repo | str | PathLike[str] | None = None,
        states: Sequence[str] | None = None,
        before: Job | str | None = None,
        limit: int = 100,
        cancel: Cancel | None = None,
    ) -> builtins.list[Job]:
        """The jobs, newest first; ``before`` one of them is the next page."""

    def counts(self, *, cancel: Cancel | None = None) -> dict[str, int]:
        """How many there are: ``waiting``, ``queued``, ``running`` and ``review``."""

@final
class Watched:
    """A repository that is watched."""

    @property
    def root(self) -> str: ...
    @property
    def files(self) -> int | None:
        """Files in it that are not ignored, once they have been counted."""

    @property
    def how(self) -> str:
        """``events`` of the system, or ``polling``."""

    @property
    def notes(self) -> list[str]:
        """What you should know, such as a limit of the system that was reached."""

@final
class Client:
    """The daemon, which is started when it is needed: its model, its background jobs, its watched repositories.

    May be shared by threads. Where a ``repo`` may be given, it is a :class:`Repo` or a path; ``None`` is the repository
    of the working directory.
    """

    def __new__(cls, *, model: str | None = None, command: str | PathLike[str] | None = None) -> Client:
        """Connects to nothing yet.

        ``model``: ``None`` takes ``DEEPCODER_MODEL``, the configuration file, or the default of the catalogue.
        ``command``: the ``deepcoder`` program that is started as the daemon; ``None`` is the one beside this
        interpreter, or the path's. A running daemon of another build is replaced, as the command line does it.
        Raises :class:`DaemonError` when there is no such program.
        """

    @property
    def jobs(self) -> Jobs: ...
    def model(self, name: str | None = None, *, cancel: Cancel | None = None) -> Model:
        """A model in the daemon, shared with everybody else who uses it."""

    def repo(self, path: str | PathLike[str] | None = None) -> Repo:
        """The repository that ``path`` is in, with its model in the daemon."""

    def generate(self, prompt: str | Sequence[dict[str, str]], **options: Any) -> Generation:
        """Generate text; the options are those of :meth:`Model.generate`."""

    def stream(self, prompt: str | Sequence[dict[str, str]], **options: Any) -> Stream:
        """Generate text token by token; the options are those of :meth:`Model.stream`."""

    def edit(
        self,
        instruction: str,
        paths: Sequence[str | PathLike[str]] | None = None,
        *,
        repo: Repo | str | PathLike[str] | None = None,
        **options: Any,
    ) -> Edit:
        """Propose an edit now; the options are those of :meth:`Repo.edit`."""

    def explain(
        self,
        question: str,
        paths: Sequence[str | PathLike[str]] | None = None,
        *,
        repo: Repo | str | PathLike[str] | None = None,
        **options: Any,
    ) -> str:
        """Answer a question about files; the options are those of :meth:`Repo.explain`."""

    def complete(
        self,
        path: str | PathLike[str],
        line: int,
        column: int,
        *,
        repo: Repo | str | PathLike[str] | None = None,
        **options: Any,
    ) -> str:
        """The code that belongs at a position; the options are those of :meth:`Repo.complete`."""

    def watch(self, repo: Repo | str | PathLike[str] | None = None, *, cancel: Cancel | None = None) -> Watched:
        """Watch a repository, also after a restart of the daemon."""

    def unwatch(self, repo: Repo | str | PathLike[str] | None = None, *, cancel: Cancel | None = None) -> bool:
        """Watch it no more; ``False`` when it was not watched."""

    def watched(self, *, cancel: Cancel | None = None) -> list[Watched]:
        """The repositories that are watched."""

    def status(self, *, cancel: Cancel | None = None) -> dict[str, Any] | None:
        """What ``deepcoder status --json`` says of the daemon, or ``None`` where none runs: it is not started."""
