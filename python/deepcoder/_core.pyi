"""The native half of :mod:`deepcoder`. Every call that takes long lets other threads run and honours Ctrl-C."""

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import Literal, final

__all__ = [
    "Cancel",
    "Cancelled",
    "DeepcoderError",
    "Edit",
    "EditError",
    "Finding",
    "Generation",
    "HistoryEntry",
    "Model",
    "ModelError",
    "Repo",
    "RepositoryError",
    "Stream",
    "TokenEvent",
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
