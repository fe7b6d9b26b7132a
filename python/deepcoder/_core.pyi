"""The native half of :mod:`deepcoder`. Every call that takes long lets other threads run and honours Ctrl-C."""

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, Literal, TypeAlias, final, overload

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
    "Refactor",
    "Refactoring",
    "Repo",
    "RepositoryError",
    "Stream",
    "Task",
    "TokenEvent",
    "Watched",
    "__version__",
]

__version__: str

#: One path or several.
_Paths: TypeAlias = str | PathLike[str] | Iterable[str | PathLike[str]]
#: A JSON schema as a dictionary or a text, a pydantic model, or a dataclass.
_Schema: TypeAlias = Mapping[str, Any] | str | type
_Applicability: TypeAlias = Literal["safe", "needs-review", "display-only"]

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
    """Cancels the calls that it is given to, from any thread.

    A call that is cancelled raises :class:`Cancelled`. One ``Cancel`` may be given to several calls.
    """

    def __new__(cls) -> Cancel: ...
    def cancel(self) -> None:
        """Ask the work to stop at its next step. Never waits, and may be called again."""

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` has been called."""

@final
class TokenEvent:
    """One step of a generation."""

    @property
    def text(self) -> str:
        """The text that became certain with this step: whole characters, possibly none."""

    @property
    def id(self) -> int:
        """The id of the token in the vocabulary of the model, from 0."""

    @property
    def logprob(self) -> float | None:
        """Natural logarithm of its probability at temperature 1, at most 0; ``None`` unless ``logprobs`` was given."""

    @property
    def top(self) -> list[tuple[str, int, float]]:
        """The likeliest tokens of this step as ``(text, id, logprob)``, likeliest first, as many as ``logprobs`` said."""

@final
class Generation:
    """The result of a generation. ``str()`` of it is its text."""

    @property
    def text(self) -> str:
        """The text, without what a stop string cut off."""

    @property
    def finish(self) -> str:
        """Why it ended: ``end`` (by itself), ``length`` (``max_tokens``), ``stop`` (a stop string) or ``cancelled``."""

    @property
    def usage(self) -> dict[str, int]:
        """Numbers of tokens.

        ``prompt_tokens``, of them ``cached_tokens`` that were not computed again, ``completion_tokens`` that the model
        wrote, and ``drafted_tokens`` that were guessed from ``draft``, of them ``accepted_tokens`` that were right.
        """

    @property
    def timing(self) -> dict[str, float]:
        """Speeds and times.

        ``prefill_tps`` and ``decode_tps`` in tokens per second, ``first_token_ms`` and ``total_ms`` in milliseconds.
        """

@final
class Stream:
    """A running generation: an iterator of :class:`TokenEvent`. Dropping it cancels the generation.

    It belongs to the process that began it: a forked child gets :class:`ModelError`.
    """

    def __iter__(self) -> Iterator[TokenEvent]: ...
    def __next__(self) -> TokenEvent: ...
    def next_event(self) -> TokenEvent | None:
        """As ``next()``, but ``None`` at the end. Waits for the next token.

        Raises :class:`ModelError` when the generation fails.
        """

    def cancel(self) -> None:
        """End the generation within one step of the model. Never waits."""

    def result(self) -> Generation:
        """Wait for the end and return the whole generation, with the text that was iterated before.

        Raises :class:`ModelError` when the generation failed.
        """

@final
class Model:
    """A language model in this process, or in the daemon (:meth:`Client.model`).

    Threads may share it; the model then computes their calls as one batch. A process that is forked after :meth:`load`
    gets :class:`ModelError`: the threads of the engine stay with its parent. A model in the daemon goes on in the
    child.
    """

    @staticmethod
    def load(
        name: str | PathLike[str] | None = None, *, threads: int | None = None, device: str | None = None
    ) -> Model:
        """Load a model of the store by name, or a model folder by path.

        ``name``: ``None`` takes ``DEEPCODER_MODEL``, the configuration file, or the default of the catalogue.
        ``threads``: at least 1; ``None`` uses the physical cores that this process may use.
        ``device``: ``cpu``, ``cuda`` or ``auto``.
        Raises :class:`ModelError` when it is not installed (the hint names the command) or damaged.
        """

    @property
    def name(self) -> str:
        """Its name in the store, such as ``qwen2.5-coder-0.5b-instruct``."""

    @property
    def context_length(self) -> int:
        """The most tokens that prompt and answer may have together."""

    @property
    def supports_fill(self) -> bool:
        """Whether it can fill in the middle: ``generate`` with ``suffix``, and :meth:`Repo.complete`."""

    @property
    def fingerprint(self) -> str:
        """Identifies weights and recipe: the same prompt, seed, fingerprint and threads give the same tokens."""

    def count_tokens(self, text: str) -> int:
        """The number of tokens of a plain text, without a chat template.

        Raises :class:`ModelError` when the model cannot be asked.
        """

    @overload
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
        schema: _Schema | None = None,
        regex: str | None = None,
        choices: Sequence[str] | None = None,
        grammar: str | None = None,
        after: str | None = None,
        n: None = None,
        cancel: Cancel | None = None,
    ) -> Generation:
        """Generate text and return it whole; :meth:`stream` gives it token by token.

        ``prompt``: a question, or the turns of a chat as ``{"role": …, "content": …}``; with ``suffix`` the text before
        a hole that is filled in; with ``raw`` plain text that is continued without a chat template. ``max_tokens``
        bounds the answer. ``temperature`` 0 is greedy; ``top_k`` 0, ``top_p`` 1 and ``min_p`` 0 are off. The same
        prompt, options and ``seed`` give the same text. ``stop``: the text ends before the first of these strings.
        ``logprobs``: the number of likeliest tokens that :attr:`TokenEvent.top` has, 0 for that of the token only.
        ``draft`` is text that the answer is likely to repeat: it makes it faster.

        At most one of these constrains the answer. ``schema``: JSON that is valid under this JSON schema: a dictionary,
        its text, a pydantic model or a dataclass (the class). ``regex``: a text that this regular expression, in the
        syntax of Rust's regex crate, matches as a whole. ``choices``: one of these texts. ``grammar``: a text of this
        Lark grammar. With ``after``, the answer is free until this text has appeared, and constrained from there on. If
        ``max_tokens`` ends the answer (:attr:`Generation.finish` is ``length``), it is only the beginning of such a
        text.

        ``n``: a list of this many answers, which cost little more than one. The first has the seed ``seed``, the second
        ``seed + 1``, and so on; with ``temperature`` 0 they are equal.

        Raises :class:`ModelError` when the prompt does not fit (it is never cut), an option is out of range or the
        grammar cannot be compiled, :class:`ValueError` and :class:`TypeError` for wrong arguments, and
        :class:`Cancelled`.
        """

    @overload
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
        schema: _Schema | None = None,
        regex: str | None = None,
        choices: Sequence[str] | None = None,
        grammar: str | None = None,
        after: str | None = None,
        n: int,
        cancel: Cancel | None = None,
    ) -> list[Generation]: ...
    def generate_all(
        self,
        prompts: Iterable[str | Sequence[dict[str, str]]],
        *,
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
        schema: _Schema | None = None,
        regex: str | None = None,
        choices: Sequence[str] | None = None,
        grammar: str | None = None,
        after: str | None = None,
        cancel: Cancel | None = None,
    ) -> list[Generation]:
        """Generate for several prompts as one batch, which is faster than one after the other, and return the answers in
        the order of the prompts. The options are those of :meth:`generate`, and apply to each prompt.

        Raises as :meth:`generate` does, for the first prompt that fails.
        """

    def choose(
        self,
        prompt: str | Sequence[dict[str, str]],
        options: Sequence[str],
        *,
        raw: bool = False,
        cancel: Cancel | None = None,
    ) -> list[tuple[str, float]]:
        """How likely each of ``options`` is as the answer to ``prompt``: ``(option, log-probability)``, the likeliest
        first.

        The log-probability is the natural logarithm of the probability of the whole option and, in a chat, of the end
        of the answer; at most 0. No text is generated, so this is the fastest way to ask a question with a few possible
        answers. ``prompt`` and ``raw`` are as for :meth:`generate`.

        Raises :class:`ModelError` when the prompt does not fit or the model cannot compare options, :class:`ValueError`
        without options, and :class:`Cancelled`.
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
        schema: _Schema | None = None,
        regex: str | None = None,
        choices: Sequence[str] | None = None,
        grammar: str | None = None,
        after: str | None = None,
    ) -> Stream:
        """As :meth:`generate`, as an iterator of tokens. The generation runs in a thread of its own.

        Raises as :meth:`generate` does, for what the model refuses at the first token.
        """

@final
class Finding:
    """A finding of a check."""

    @property
    def path(self) -> str:
        """The file, relative to the root of the repository."""

    @property
    def severity(self) -> Literal["error", "review", "warning"]:
        """``error``: it must not be applied. ``review``: a person should look first. ``warning``: worth a look."""

    @property
    def message(self) -> str:
        """The finding in a line of words."""

@final
class HistoryEntry:
    """An edit in the history of a repository."""

    @property
    def id(self) -> str:
        """Its id: 16 hexadecimal digits, or the id of the job that made it."""

    @property
    def title(self) -> str:
        """One line."""

    @property
    def created_ms(self) -> int:
        """When it was made, in milliseconds since 1970 (UTC)."""

    @property
    def state(self) -> str:
        """``applied``, ``undone``, ``pending`` (being written) or ``conflict`` (given up, because another program wrote to its files)."""

    @property
    def files(self) -> list[str]:
        """The files that it changed, relative to the root."""

    @property
    def undoable(self) -> bool:
        """Whether undoing it would go well now: it is in effect and none of its files was changed since."""

    @property
    def changed_since(self) -> list[str]:
        """Files of an edit in effect that were changed since, relative to the root."""

    @property
    def committed(self) -> str | None:
        """The full id of the commit that it was put into on request."""

    @property
    def note(self) -> str | None:
        """Anything out of the ordinary, in words."""

@final
class Edit:
    """A proposed edit. Nothing is written before :meth:`apply`.

    Until then the result waits, as ``deepcoder tasks`` shows; it is forgotten with the last reference to this object.
    """

    @property
    def title(self) -> str:
        """One line; empty when nothing would change."""

    @property
    def diff(self) -> str:
        """The unified diff, as ``git apply`` takes it; empty when nothing would change."""

    @property
    def files(self) -> list[str]:
        """The files that it changes, makes or deletes, relative to the root."""

    def text_of(self, path: str) -> str | None:
        """The text that the file ``path`` would have; ``None`` where the edit leaves it alone or deletes it.

        Raises :class:`EditError` when the result was rejected, or landed in another work tree.
        """

    @property
    def changed(self) -> bool:
        """Whether it would change anything."""

    @property
    def verified(self) -> bool:
        """Whether no check found an error."""

    @property
    def findings(self) -> list[Finding]:
        """The findings of the checks, errors, reviews and warnings, in the order of the files."""

    @property
    def applicability(self) -> _Applicability:
        """How far the edit may be trusted.

        ``safe``: it may be applied without a look, once :attr:`verified`. ``needs-review``: a person should see the diff
        first; see :attr:`reasons`. ``display-only``: it is a suggestion that is never applied.
        """

    @property
    def reasons(self) -> list[str]:
        """Why a person must look at it before it is applied, or why it is not applied at all: one line each, empty where
        :meth:`apply` needs no consent."""

    @property
    def evidence(self) -> dict[str, Any]:
        """What the result rests on, as in ``--json``: ``candidates`` (a list of dicts, the chosen one first: ``temperature``,
        ``agreeing``, ``tokens``, ``mean_logprob``, ``findings``, …), ``agreement`` and ``likely_right`` (both in 0 to 1 or
        ``None``: the similarity among the candidates, and the share of such results that were right on public benchmarks with
        this model), ``checks`` (the project's), and ``reason``, one line."""

    @property
    def rationale(self) -> str:
        """The reasons and doubts of the plugin that made it, in lines; may be empty."""

    @property
    def id(self) -> str | None:
        """Its id in the history, once applied."""

    def apply(
        self,
        *,
        reviewed: bool = False,
        unverified: bool = False,
        protected: bool = False,
        commit: bool = False,
        branch: str | None = None,
        worktree: str | PathLike[str] | None = None,
        cancel: Cancel | None = None,
    ) -> str | None:
        """Write it, all files or none; returns the id in the history, or ``None`` when it changes nothing.

        With ``commit`` its files, and nothing else, are committed with the instruction as the message, and hooks run:
        on the current branch, on a new ``branch``, or in a new ``worktree``, which leaves the files here as they are.

        ``reviewed``: a person has looked at it; without that, an edit whose :attr:`applicability` is ``needs-review`` is
        refused. ``unverified``: also where a check found an error. ``protected``: also files that steer tools, hooks or
        agents.

        Raises :class:`EditError` when it needs a review, when a check failed, when a file changed since the edit was made,
        or when it was applied but could not be committed (:attr:`id` is set then). :class:`ValueError` when ``branch`` or
        ``worktree`` comes without ``commit``.
        """

    def reject(self, *, cancel: Cancel | None = None) -> None:
        """Reject it: the result is forgotten now. Raises :class:`EditError` when it was applied or rejected already."""

    def undo(self, *, cancel: Cancel | None = None) -> None:
        """Take it back, all files or none.

        Raises :class:`EditError` when it is not applied, or a file was changed since.
        """

    def _repr_html_(self) -> str:
        """The diff in colours, for notebooks."""

@final
class Task:
    """A request in flight, or one that has ended and is still known: :meth:`Repo.tasks`. It goes on whatever becomes of this
    handle.

    The properties say how it stood when it was last asked for: by :meth:`refresh`, at the end of :meth:`wait`, or by any
    other call.
    """

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def verb(self) -> str:
        """The verb: ``edit``, ``explain``, …"""

    @property
    def prompt(self) -> str:
        """The instruction or question, as it was given."""

    @property
    def repository(self) -> str | None:
        """Absolute path of the work tree."""

    @property
    def state(self) -> str:
        """``running``, ``review`` (the result waits for :meth:`apply` or :meth:`reject`), ``done``, ``rejected``, ``failed`` or
        ``cancelled``."""

    @property
    def created_ms(self) -> int:
        """When it began, in milliseconds since 1970 (UTC)."""

    @property
    def finished_ms(self) -> int | None:
        """When it ended, in milliseconds since 1970 (UTC)."""

    @property
    def diff(self) -> str:
        """The unified diff of its result; empty where there is none. Asked for where :meth:`Repo.tasks` left it out."""

    @property
    def files(self) -> list[str]:
        """The files that the result changes, relative to the root."""

    @property
    def findings(self) -> list[Finding]:
        """The findings of the checks; see :attr:`Edit.findings`."""

    @property
    def applicability(self) -> _Applicability | None:
        """How far the result may be trusted; see :attr:`Edit.applicability`. ``None`` where there is no result."""

    @property
    def reasons(self) -> list[str]:
        """Why a person must look at the result, one line each; see :attr:`Edit.reasons`."""

    @property
    def answer(self) -> str | None:
        """The answer in words, of a task that has one."""

    @property
    def edit(self) -> str | None:
        """The edit in the history of the repository, once it has landed; see :meth:`Repo.undo`."""

    @property
    def commit(self) -> str | None:
        """The commit, once it has landed in one."""

    @property
    def error(self) -> str | None:
        """Why it failed."""

    @property
    def hint(self) -> str | None:
        """The way out of that error, where one is known."""

    def refresh(self, *, cancel: Cancel | None = None) -> None:
        """Ask how it stands now. Raises :class:`EditError` when it is no longer known, and :class:`DaemonError`."""

    def wait(
        self,
        timeout: float | None = None,
        *,
        check: bool = True,
        progress: Callable[[str], object] | None = None,
        cancel: Cancel | None = None,
    ) -> Task:
        """Wait until it no longer runs; returns itself.

        ``timeout`` in seconds; ``progress`` is called with a line of text now and then. Ctrl-C and ``cancel`` end the
        waiting, not the task. Raises :class:`TimeoutError`, and with ``check`` the error that it failed with and
        :class:`Cancelled` when it was cancelled.
        """

    def cancel(self, *, cancel: Cancel | None = None) -> None:
        """Cancel it; one that runs ends within one step of the model and changes nothing.

        Raises :class:`EditError` when it is no longer known, and :class:`DaemonError`.
        """

    def apply(
        self,
        *,
        reviewed: bool = False,
        unverified: bool = False,
        protected: bool = False,
        commit: bool = False,
        branch: str | None = None,
        worktree: str | PathLike[str] | None = None,
        cancel: Cancel | None = None,
    ) -> str | None:
        """Let the result land; arguments, result and errors are those of :meth:`Edit.apply`."""

    def reject(self, *, cancel: Cancel | None = None) -> None:
        """Reject the result, which is forgotten. Raises :class:`EditError` when none waits for a decision."""

    def _repr_html_(self) -> str:
        """The diff of its result in colours, for notebooks."""

@final
class Refactoring:
    """What an operation would do at a place, or why it cannot."""

    @property
    def operation(self) -> str:
        """Its name on the command line, such as ``extract-variable``."""

    @property
    def title(self) -> str:
        """What it does, in a few words."""

    @property
    def kind(self) -> str:
        """Its kind, as the Language Server Protocol names kinds of code actions, such as ``refactor.extract.variable``."""

    @property
    def refused(self) -> str | None:
        """Why it is not possible there; ``None`` where it is."""

    @property
    def places(self) -> int:
        """How many texts it would change."""

    @property
    def files(self) -> int:
        """How many files it would change."""

    @property
    def doubts(self) -> int:
        """How many places a person should look at before it is applied. Without any it is exact."""

@final
class Refactor:
    """Refactorings by the rules of the language: no model is asked, and none need be installed.

    ``target``: ``"src/bank.py:12:5"``, a file with a line and a column, both from 1, the column in characters;
    ``"src/bank.py:14:12-14:30"``, a selection; ``"src/bank.py:10-12"``, lines; or a name with as much of what is around it
    as tells it from others: ``"transfer"``, ``"bank.transfer"``, ``"Book.transfer"``. ``paths``: only these files may
    change.

    Every method but :meth:`list` returns an :class:`Edit`: nothing is written before :meth:`Edit.apply`. Its applicability is
    ``safe`` where every name means what it meant before, and ``needs-review`` where the text does not tell: then
    :attr:`Edit.rationale` lists the places. What would break the code raises :class:`EditError`, and nothing changes.
    """

    def rename(
        self, target: str, new_name: str, paths: _Paths | None = None, *, cancel: Cancel | None = None
    ) -> Edit:
        """Give what is named at ``target`` another name, everywhere."""

    def extract_variable(
        self, target: str, name: str | None = None, *, all: bool = False, cancel: Cancel | None = None
    ) -> Edit:
        """Give the selected expression a name, in a declaration before its statement.

        ``name``: ``None`` is one that is free. ``all``: the same expression gets the name elsewhere in its block, too.
        """

    def extract_function(self, target: str, name: str | None = None, *, cancel: Cancel | None = None) -> Edit:
        """Make a function of the selected statements, lines or expression. ``name``: ``None`` is one that is free."""

    def inline(self, target: str, *, cancel: Cancel | None = None) -> Edit:
        """Put the value of what is named at ``target`` in the place of its name, everywhere, and take the declaration away."""

    def convert(self, target: str, kind: str, *, cancel: Cancel | None = None) -> Edit:
        """Rewrite what stands at ``target`` in another form that does the same: ``kind`` is a name such as ``"invert-if"``.

        :meth:`list` has the rewrites that apply at a place, as ``convert invert-if``.
        """

    def change_signature(self, target: str, *change: str, cancel: Cancel | None = None) -> Edit:
        """Change the parameters of the function ``target``, and the arguments of its calls.

        ``change`` is what the command line takes behind the function: ``"add", "fee = 0"``, ``"remove", "fee"`` or
        ``"order", "b,a"``.
        """

    def list(self, target: str, *, cancel: Cancel | None = None) -> builtins.list[Refactoring]:
        """What is possible at ``target``: every operation with what it would change, or why it cannot."""

    def run(self, words: str, paths: _Paths | None = None, *, cancel: Cancel | None = None) -> Edit | str:
        """Any refactoring in the words of ``deepcoder refactor``: ``repo.refactor.run("rename bank.transfer to move_money")``.

        Returns the answer, a text, where the words ask for no change.
        """

@final
class Repo:
    """A git repository.

    ``path``: the repository is the one whose work tree it is in; ``None`` is the working directory.
    ``model``: a loaded model, which works in this process; or the name of one, or ``None`` for the default, which the daemon
    has, unless ``DEEPCODER_NO_DAEMON`` or ``daemon = false`` says that this process loads it.

    Threads may share it. A forked child may use it as well: it opens the history and loads models of its own.
    Raises :class:`RepositoryError` when ``path`` is in no repository.
    """

    def __new__(cls, path: str | PathLike[str] | None = None, *, model: Model | str | None = None) -> Repo: ...

    @property
    def root(self) -> str:
        """Absolute path of the work tree."""

    def edit(
        self,
        instruction: str,
        paths: _Paths | None = None,
        *,
        new: bool = False,
        read: _Paths | None = None,
        model: Model | str | None = None,
        options: dict[str, Any] | None = None,
        seed: int = 0,
        effort: Literal["quick", "normal", "thorough"] | None = None,
        progress: Callable[[str], None] | None = None,
        cancel: Cancel | None = None,
    ) -> Edit:
        """Propose an edit. Nothing is written before :meth:`Edit.apply`.

        ``paths``: one path or several, relative to :attr:`root` (or absolute, inside it): files, folders or globs; without
        them the files are found by the words of the instruction. With ``new``, a path that does not exist is a file that
        the edit may make. ``read``: files that the model may see and does not change.
        ``model``: a loaded model, or the name of one, for this edit; ``None`` is that of the repository.
        ``options``: free options of the plugin, as ``--option KEY=VALUE`` of the command line.
        ``effort``: how much work it is worth, ``"quick"``, ``"normal"`` or ``"thorough"``; ``None`` is the setting.
        ``progress`` is called with a line of text now and then; an exception of it ends the edit and is raised here.

        Raises :class:`RepositoryError` for a path that is outside, ignored or missing, :class:`ModelError` for a model that
        cannot be used, :class:`EditError` when no edit comes of it, and :class:`Cancelled`.
        """

    def run(
        self,
        verb: str,
        words: str = "",
        paths: _Paths | None = None,
        *,
        model: Model | str | None = None,
        seed: int = 0,
        cancel: Cancel | None = None,
        **params: Any,
    ) -> Edit | str:
        """Carry out any verb of a plugin, with its parameters as keywords: ``repo.run("explain", "why?", ["a.py"])``.

        ``words``, ``paths`` and ``model`` are as in :meth:`edit`. Returns an :class:`Edit` where the verb proposes a change,
        and otherwise its answer. Raises :class:`EditError` for a verb or a parameter that does not exist, and as
        :meth:`edit` does.
        """

    @property
    def refactor(self) -> Refactor:
        """Refactorings that are exact, without a model: ``repo.refactor.rename("bank.transfer", "move_money")``."""

    def explain(
        self,
        question: str,
        paths: _Paths | None = None,
        *,
        model: Model | str | None = None,
        seed: int = 0,
        cancel: Cancel | None = None,
    ) -> str:
        """Answer a question about files, in words. ``paths`` and ``model`` are as in :meth:`edit`, and so are the errors."""

    def complete(
        self,
        path: str | PathLike[str],
        line: int,
        column: int,
        *,
        model: Model | str | None = None,
        seed: int = 0,
        cancel: Cancel | None = None,
    ) -> str:
        """The code that belongs at ``line`` and ``column``, both from 1, the column in characters.

        Raises :class:`RepositoryError` when there is no such place, and as :meth:`edit` does.
        """

    def tasks(self, *, cancel: Cancel | None = None) -> list[Task]:
        """The tasks of this repository that are known, newest first: those that run, those whose result waits, and the latest
        that have ended. Nothing is started. Raises :class:`DaemonError`."""

    def task(self, id: str, *, cancel: Cancel | None = None) -> Task:
        """One task, by its id or the beginning of it.

        Raises :class:`EditError` when there is none, or several, and :class:`DaemonError`.
        """

    def undo(self, id: str | None = None, *, cancel: Cancel | None = None) -> str:
        """Take an applied edit back, all files or none; returns its id.

        ``id``: the id or the beginning of it; ``None`` is the last edit that is in effect.
        Raises :class:`EditError` when there is no such edit, or a file of it was changed since.
        """

    def restore(
        self,
        id: str,
        paths: _Paths,
        *,
        state: Literal["before", "after", "kept"] = "before",
        cancel: Cancel | None = None,
    ) -> str | None:
        """Bring files back to what they were before (or after) an edit, whatever they are now.

        Returns the id that undoes this, or ``None`` where nothing had to be done. ``kept`` are bytes that another
        program wrote to the old file while the edit was applied.
        Raises :class:`EditError` when there is no such edit, or it has no such file.
        """

    def file_of(
        self, id: str, path: str | PathLike[str], *, state: Literal["before", "after", "kept"] = "before"
    ) -> bytes | None:
        """The bytes of a file before (or after) an edit; ``None`` where it did not exist.

        Raises :class:`EditError` when there is no such edit, or it has no such file.
        """

    def log(self, limit: int = 50) -> list[HistoryEntry]:
        """The edits of this repository, newest first, at most ``limit``.

        Raises :class:`EditError` when the history cannot be read.
        """

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
        """When it happened, in milliseconds since 1970 (UTC)."""

    @property
    def kind(self) -> str:
        """``state``, ``progress`` or ``log``."""

    @property
    def state(self) -> str | None:
        """The new state, where the kind is ``state``; see :attr:`Job.state`."""

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
        """Tokens that the model wrote so far, where the kind is ``progress``."""

@final
class JobEvents:
    """The events of a job as they come, from :meth:`Job.events`: an iterator of :class:`JobEvent`.

    Dropping it ends the following, not the job. It belongs to the process that began it: a forked child gets
    :class:`DaemonError`.
    """

    def __iter__(self) -> Iterator[JobEvent]: ...
    def __next__(self) -> JobEvent: ...
    def ready(self) -> list[JobEvent]:
        """The events that are there already. Never waits; raises as iterating does."""

    @property
    def ended(self) -> bool:
        """Whether no more will come."""

    def cancel(self) -> None:
        """End the following, not the job."""

@final
class Job:
    """A background job. It goes on when this handle is dropped, this process ends or the daemon restarts.

    The properties say how it stood when it was last asked for: by :meth:`refresh`, at the end of :meth:`wait` or of its
    events, or by any other call.
    """

    @property
    def id(self) -> str:
        """Its id: 26 characters, that sort by the time at which jobs were added."""

    @property
    def kind(self) -> str:
        """The verb: ``edit``, ``explain``, …"""

    @property
    def instruction(self) -> str:
        """The instruction, as it was given."""

    @property
    def repository(self) -> str:
        """Absolute path of the work tree."""

    @property
    def paths(self) -> list[str]:
        """The paths and globs that it is about, relative to :attr:`repository`; empty where it finds the files itself."""

    @property
    def key(self) -> str | None:
        """The key that keeps it from being added twice."""

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
    def attempts(self) -> int:
        """The number of attempts that were begun."""

    @property
    def created_ms(self) -> int:
        """When it was added, in milliseconds since 1970 (UTC)."""

    @property
    def started_ms(self) -> int | None:
        """When its last attempt was begun, in milliseconds since 1970 (UTC)."""

    @property
    def finished_ms(self) -> int | None:
        """When it was over, in milliseconds since 1970 (UTC)."""

    @property
    def due_ms(self) -> int | None:
        """When it is due, in milliseconds since 1970 (UTC), where it waits for a time."""

    @property
    def template(self) -> str | None:
        """The id of the scheduled job that it was made from."""

    @property
    def error(self) -> str | None:
        """Why it failed, or did the last time."""

    @property
    def hint(self) -> str | None:
        """The way out of that error, where one is known."""

    @property
    def summary(self) -> str | None:
        """The result in one line."""

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
    def verified(self) -> bool:
        """Whether there is a result, and no check found an error in it."""

    @property
    def applicability(self) -> _Applicability | None:
        """How far the result may be trusted; see :attr:`Edit.applicability`. ``None`` where it changes nothing."""

    @property
    def notes(self) -> list[str]:
        """The findings of the checks and the doubts of the plugin, one line each."""

    @property
    def edit(self) -> str | None:
        """The edit in the history of the repository, once it has landed; see :meth:`Repo.undo`."""

    @property
    def commit(self) -> str | None:
        """The commit, once it has landed in one."""

    def refresh(self, *, cancel: Cancel | None = None) -> None:
        """Ask the daemon how it stands now. Raises :class:`DaemonError`."""

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

    def accept(
        self,
        hunks: Sequence[tuple[str, int]] | None = None,
        *,
        reviewed: bool = False,
        unverified: bool = False,
        cancel: Cancel | None = None,
    ) -> None:
        """Let the result land: all of it, or these ``hunks`` and nothing else.

        ``reviewed``: a person has looked at it; without that, a result whose :attr:`applicability` is ``needs-review`` is
        refused. ``unverified``: also where a check found an error.

        Raises :class:`EditError` when it needs a review or the checks refuse it, :class:`DaemonError` when it does not wait
        for a decision or its files were changed since, and :class:`ValueError` when ``hunks`` is empty.
        """

    def reject(self, *, cancel: Cancel | None = None) -> None:
        """Reject the result. Raises :class:`DaemonError` when it does not wait for a decision."""

    def cancel(self, *, cancel: Cancel | None = None) -> None:
        """Cancel it; one that runs ends within one step of the model and changes nothing. Raises :class:`DaemonError`."""

    def retry(self, *, cancel: Cancel | None = None) -> None:
        """Try it again once it is over. Raises :class:`DaemonError` when it is not."""

    def pause(self, *, cancel: Cancel | None = None) -> None:
        """Hold it back; one that runs goes back into the queue. Raises :class:`DaemonError` when it is over."""

    def resume(self, *, cancel: Cancel | None = None) -> None:
        """Let it go on after :meth:`pause`. Raises :class:`DaemonError` when it is not paused."""

    def _repr_html_(self) -> str:
        """Its state, its progress and its diff in colours, for notebooks."""

@final
class Jobs:
    """The background jobs of the daemon: :attr:`Client.jobs`."""

    def add(
        self,
        instruction: str,
        paths: _Paths | None = None,
        *,
        repo: Repo | str | PathLike[str] | None = None,
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
        after: Job | str | Sequence[Job | str] | None = None,
        max_attempts: int = 2,
        timeout: float | None = None,
        key: str | None = None,
        cancel: Cancel | None = None,
    ) -> Job:
        """Add a job. When this returns, it is on the disk and will be done, whatever happens to this process.

        ``paths``: one file or glob or several, below the root of ``repo``, by default the repository of the working
        directory.
        The result waits for :meth:`Job.accept`, unless it goes to a ``branch``, to a new ``worktree``, or with
        ``apply`` into the work tree at once. It starts as soon as there is room, ``at`` a time (a ``datetime``, or
        seconds since 1970), at the times of ``cron`` (five fields, local time), or ``on_change`` of its files; and
        ``after`` other jobs are done. Higher ``priority`` goes first. ``timeout`` is the most seconds of one attempt.
        A second job with the same ``key`` in the same repository is not added: the first is returned.
        ``model``: ``None`` is the client's, where it has one, or that of the daemon's settings. ``effort``: how much work it is
        worth, ``"quick"``, ``"normal"`` or ``"thorough"``; ``None`` is the daemon's setting.
        Raises :class:`RepositoryError`, :class:`DaemonError`, and :class:`ValueError` for arguments that exclude each other.
        """

    def get(self, id: str, *, cancel: Cancel | None = None) -> Job:
        """One job, by its id or the beginning of it. Raises :class:`DaemonError` when there is none, or several."""

    def list(
        self,
        *,
        repo: Repo | str | PathLike[str] | None = None,
        states: str | Sequence[str] | None = None,
        before: Job | str | None = None,
        limit: int = 100,
        cancel: Cancel | None = None,
    ) -> builtins.list[Job]:
        """The jobs, newest first, at most ``limit``; ``before`` one of them is the next page.

        ``repo`` and ``states`` (see :attr:`Job.state`) leave out the others. Raises :class:`DaemonError`, and
        :class:`ValueError` for a state that there is not.
        """

    def counts(self, *, cancel: Cancel | None = None) -> dict[str, int]:
        """The numbers of jobs: ``waiting``, ``queued``, ``running`` and ``review``. Raises :class:`DaemonError`."""

@final
class Watched:
    """A repository that is watched."""

    @property
    def root(self) -> str:
        """Absolute path of the work tree."""

    @property
    def files(self) -> int | None:
        """Files in it that are not ignored, once they have been counted."""

    @property
    def how(self) -> str:
        """``events`` of the system, or ``polling``."""

    @property
    def notes(self) -> list[str]:
        """Notes for its user, such as a limit of the system that was reached."""

@final
class Client:
    """The daemon, which is started when it is needed: its model, its background jobs, its watched repositories.

    ``model``: ``None`` takes ``DEEPCODER_MODEL``, the configuration file, or the default of the catalogue.
    ``command``: the ``deepcoder`` program that is started as the daemon; ``None`` is the one beside this interpreter, or
    the path's. A running daemon of another build is replaced, as the command line does it.

    Nothing is connected before the first call. Threads and forked children may share it. Where a ``repo`` may be given, it
    is a :class:`Repo` or a path; ``None`` is the repository of the working directory.
    Raises :class:`DaemonError` when there is no such program.
    """

    def __new__(cls, *, model: str | None = None, command: str | PathLike[str] | None = None) -> Client: ...
    @property
    def jobs(self) -> Jobs:
        """The background jobs."""

    def model(self, name: str | None = None, *, cancel: Cancel | None = None) -> Model:
        """A model in the daemon, shared with everyone else who uses it. ``name``: ``None`` is the model of the client.

        Raises :class:`ModelError` when it is not installed or cannot be loaded.
        """

    def repo(self, path: str | PathLike[str] | None = None) -> Repo:
        """The repository that ``path`` is in, with its model in the daemon; ``None`` is the working directory.

        Raises :class:`RepositoryError` when it is in none.
        """

    @overload
    def generate(self, prompt: str | Sequence[dict[str, str]], *, n: None = None, **options: Any) -> Generation:
        """Generate text; the options and errors are those of :meth:`Model.generate`."""

    @overload
    def generate(self, prompt: str | Sequence[dict[str, str]], *, n: int, **options: Any) -> list[Generation]: ...

    def stream(self, prompt: str | Sequence[dict[str, str]], **options: Any) -> Stream:
        """Generate text token by token; the options and errors are those of :meth:`Model.stream`."""

    def edit(
        self,
        instruction: str,
        paths: _Paths | None = None,
        *,
        repo: Repo | str | PathLike[str] | None = None,
        new: bool = False,
        read: _Paths | None = None,
        model: Model | str | None = None,
        options: dict[str, Any] | None = None,
        seed: int = 0,
        effort: Literal["quick", "normal", "thorough"] | None = None,
        progress: Callable[[str], None] | None = None,
        cancel: Cancel | None = None,
    ) -> Edit:
        """Propose an edit now; arguments and errors are those of :meth:`Repo.edit`."""

    def explain(
        self,
        question: str,
        paths: _Paths | None = None,
        *,
        repo: Repo | str | PathLike[str] | None = None,
        model: Model | str | None = None,
        seed: int = 0,
        cancel: Cancel | None = None,
    ) -> str:
        """Answer a question about files; arguments and errors are those of :meth:`Repo.explain`."""

    def complete(
        self,
        path: str | PathLike[str],
        line: int,
        column: int,
        *,
        repo: Repo | str | PathLike[str] | None = None,
        model: Model | str | None = None,
        seed: int = 0,
        cancel: Cancel | None = None,
    ) -> str:
        """The code that belongs at a position; arguments and errors are those of :meth:`Repo.complete`."""

    def watch(self, repo: Repo | str | PathLike[str] | None = None, *, cancel: Cancel | None = None) -> Watched:
        """Watch a repository, also after a restart of the daemon.

        Raises :class:`RepositoryError` and :class:`DaemonError`.
        """

    def unwatch(self, repo: Repo | str | PathLike[str] | None = None, *, cancel: Cancel | None = None) -> bool:
        """Watch it no more; ``False`` when it was not watched. Raises :class:`DaemonError`."""

    def watched(self, *, cancel: Cancel | None = None) -> list[Watched]:
        """The repositories that are watched. Raises :class:`DaemonError`."""

    def status(self, *, cancel: Cancel | None = None) -> dict[str, Any] | None:
        """The status of the daemon, as ``deepcoder status --json`` has it; ``None`` where none runs: it is not started.

        Raises :class:`DaemonError` when it does not answer.
        """
