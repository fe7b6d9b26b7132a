"""``%%deepcoder``: edit the code of a notebook cell by instruction."""

from __future__ import annotations

import argparse
import shlex
import tempfile
from pathlib import Path
from typing import Any, Literal, NoReturn

from deepcoder import _core
from deepcoder._progress import Progress

_USAGE = "%%deepcoder [-m INSTRUCTION] [--model NAME] [--seed N] [--apply] [INSTRUCTION ...]"


class CellEdit:
    """The result of ``%%deepcoder``: shown as a diff."""

    def __init__(self, edit: _core.Edit, code: str) -> None:
        self._edit = edit
        #: The cell's new code.
        self.code = code

    @property
    def diff(self) -> str:
        """The unified diff; empty when nothing would change."""
        return self._edit.diff

    @property
    def verified(self) -> bool:
        """Whether every check passed."""
        return self._edit.verified

    @property
    def applicability(self) -> Literal["safe", "needs-review", "display-only"]:
        """How far it may be trusted; see :attr:`deepcoder.Edit.applicability`."""
        return self._edit.applicability

    @property
    def findings(self) -> list[_core.Finding]:
        """The findings of the checks."""
        return self._edit.findings

    def _notes(self) -> list[str]:
        review = "needs a review" if self._edit.changed and self.applicability != "safe" else None
        notes = [f"{finding.severity}: {finding.message}" for finding in self.findings]
        notes += [review] if review else []
        return notes if self._edit.changed else [*notes, "nothing to change"]

    def __repr__(self) -> str:
        return "\n".join([*self._notes(), self.diff]).rstrip("\n")

    def _repr_html_(self) -> str:
        import html

        notes = "".join(f"<div>{html.escape(note)}</div>" for note in self._notes())
        return notes + (self._edit._repr_html_() if self._edit.changed else "")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _usage_error(f"{message}\nusage: {_USAGE}")


def _usage_error(message: str) -> Exception:
    from IPython.core.error import UsageError

    error: Exception = UsageError(message)
    return error


def _parse(line: str) -> argparse.Namespace:
    parser = _Parser(prog="%%deepcoder", usage=_USAGE, add_help=False, allow_abbrev=False)
    parser.add_argument("-m", "--message")
    parser.add_argument("--model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--apply", action="store_true")
    parser.add_argument("words", nargs="*")
    try:
        parts = shlex.split(line)
    except ValueError:
        # An apostrophe, as in "don't": the words are meant as they stand.
        parts = line.split()
    args = parser.parse_intermixed_args(parts)
    if (args.message is None) == (not args.words):
        raise _usage_error(f"say what to do with the cell, once\nusage: {_USAGE}")
    args.instruction = args.message if args.message is not None else " ".join(args.words)
    return args


def _edit_cell(client: _core.Client, code: str, instruction: str, seed: int) -> CellEdit:
    with tempfile.TemporaryDirectory(prefix="deepcoder-cell-") as folder:
        # What makes a folder a repository to git: edits are made in repositories, and this one is thrown away.
        git = Path(folder, ".git")
        for name in ("objects", "refs"):
            (git / name).mkdir(parents=True)
        (git / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
        cell = Path(folder, "cell.py")
        cell.write_text(code, encoding="utf-8", newline="")
        repo = client.repo(folder)
        with Progress() as show:
            edit = repo.edit(instruction, ["cell.py"], seed=seed, progress=show)
        changed = CellEdit(edit, _patched(code, edit))
        if edit.changed:
            # The repository is gone in a moment: nothing is left to decide about.
            edit.reject()
        return changed


def _patched(code: str, edit: _core.Edit) -> str:
    after = edit.text_of("cell.py")
    return code if after is None else after


def register(ipython: Any) -> None:
    """Add ``%%deepcoder`` to a shell of IPython."""
    clients: dict[str | None, _core.Client] = {}

    def deepcoder(line: str, cell: str) -> CellEdit:
        """Edit the code of this cell as the first line says, and put the result into the next cell.

        ``--apply`` replaces this cell's code instead, where the result passes every check and needs no review. Nothing is run. The edit is
        returned, and so shown as a diff; ``_.code`` is the new code.
        """
        args = _parse(line)
        if args.model not in clients:
            clients[args.model] = _core.Client(model=args.model)
        edit = _edit_cell(clients[args.model], cell, args.instruction, args.seed)
        if edit.diff:
            ipython.set_next_input(edit.code, replace=args.apply and edit.verified and edit.applicability == "safe")
        return edit

    ipython.register_magic_function(deepcoder, magic_kind="cell", magic_name="deepcoder")
