"""Progress where the user looks: one line that changes in a notebook, standard error elsewhere."""

from __future__ import annotations

import html
import sys
from types import TracebackType
from typing import Any


class Progress:
    """Shows what is going on; an instance is what the ``progress`` arguments take.

    >>> with deepcoder.Progress() as show:
    ...     edit = repo.edit("add type hints", ["util.py"], progress=show)

    In a notebook it is one line of output, which disappears at the end of the block; on a terminal one line of standard
    error; elsewhere one line each.
    """

    def __init__(self, title: str = "deepcoder") -> None:
        self._title = title
        self._handle: Any = None
        self._width = 0
        self._notebook = _in_notebook()

    def __call__(self, line: str) -> None:
        """Show ``line`` in the place of the one before."""
        if self._notebook:
            self._display(f"<progress></progress> <small>{html.escape(self._title)}: {html.escape(line)}</small>", line)
            return
        text = f"{self._title}: {' '.join(line.split())}"
        if sys.stderr.isatty():
            # One row of a narrow terminal: a longer line would leave its first part behind.
            text = "".join(c if c.isprintable() else "?" for c in text)[:78]
            print("\r" + text.ljust(self._width), end="", file=sys.stderr, flush=True)
            self._width = len(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the line away."""
        if self._handle is not None:
            self._display("", "")
            self._handle = None
        if self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0

    def _display(self, markup: str, text: str) -> None:
        from IPython import display

        show: Any = display.display
        data = {"text/html": markup, "text/plain": text}
        if self._handle is None:
            self._handle = show(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def _in_notebook() -> bool:
    # IPython is there already wherever this is a notebook; elsewhere it is not worth half a second.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
