"""A text of Python and edits of it by spans: what is not edited keeps its bytes."""

from __future__ import annotations

import ast
import dataclasses
import io
import tokenize
import warnings
from collections.abc import Iterable, Iterator

#: Bytes of a text that is edited as a whole, and of one that is worth it.
MOST_BYTES, LEAST_BYTES = 2600, 60

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def parsed(text: str) -> ast.Module | None:
    """The tree, or `None` where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def same(a: ast.AST | None, b: ast.AST | None) -> bool:
    """Whether two trees are one, wherever their nodes stand."""
    return a is not None and b is not None and ast.dump(a) == ast.dump(b)


@dataclasses.dataclass(frozen=True)
class Edit:
    """`start..end` in bytes becomes `text`."""

    start: int
    end: int
    text: str


class Source:
    """A text with its tree, and the places of its nodes in bytes."""

    def __init__(self, text: str, path: str, tree: ast.Module | None = None) -> None:
        found = tree or parsed(text)
        if found is None:
            raise ValueError(f"{path}: does not parse")
        self.text, self.path, self.tree = text, path, found
        self.data = text.encode()
        self.lines = [0]
        for line in self.data.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def offset(self, line: int, column: int) -> int:
        return self.lines[line - 1] + column

    def span(self, node: ast.AST) -> tuple[int, int]:
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def of(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode()

    def between(self, start: int, end: int) -> str:
        return self.data[start:end].decode()

    def line_start(self, at: int) -> int:
        return self.data.rfind(b"\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """After the newline of the line that `at` is in."""
        found = self.data.find(b"\n", at)
        return len(self.data) if found < 0 else found + 1

    def indent(self, node: ast.AST) -> str | None:
        """The blanks before a node that is first in its line."""
        start = self.span(node)[0]
        before = self.between(self.line_start(start), start)
        return before if not before.strip() else None

    def ends_line(self, node: ast.AST) -> bool:
        end = self.span(node)[1]
        return not self.between(end, self.line_end(end)).strip()

    def edited(self, edits: Iterable[Edit]) -> str:
        """The text with the edits. They may not overlap."""
        out, at = [], 0
        for edit in sorted(edits, key=lambda e: (e.start, e.end)):
            if edit.start < at:
                raise ValueError("edits overlap")
            out += [self.data[at : edit.start], edit.text.encode()]
            at = edit.end
        return b"".join([*out, self.data[at:]]).decode()

    def tokens(self) -> list[tokenize.TokenInfo]:
        return list(tokenize.generate_tokens(io.StringIO(self.text).readline))

    def at_token(self, token: tokenize.TokenInfo) -> tuple[int, int]:
        """The bytes of a token, whose columns count characters."""

        def place(position: tuple[int, int]) -> int:
            start = self.lines[position[0] - 1]
            line = self.data[start : self.line_end(start)].decode()
            return start + len(line[: position[1]].encode())

        return place(token.start), place(token.end)

    def functions(self) -> Iterator[Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, FUNCTIONS):
                yield node


def _used(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _bound(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {(a.asname or a.name).split(".")[0] for a in node.names}


def units(text: str, path: str) -> Iterator[Source]:
    """The texts of a file that are edited: the file, if it is short, else each of its definitions below the imports that
    it needs."""
    tree = parsed(text)
    if tree is None or "\t" in text or "\f" in text:
        return
    if len(text) <= MOST_BYTES:
        if len(text) >= LEAST_BYTES:
            yield Source(text if text.endswith("\n") else text + "\n", path)
        return
    whole = Source(text, path, tree)
    imports = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    for node in tree.body:
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            continue
        first = node.decorator_list[0] if node.decorator_list else node
        start = whole.line_start(whole.span(first)[0])
        body = whole.between(start, whole.line_end(whole.span(node)[1]))
        if not LEAST_BYTES <= len(body) <= MOST_BYTES:
            continue
        used = _used(node)
        needed = [whole.of(n) for n in imports if _bound(n) & used and whole.indent(n) == ""]
        head = "\n".join(needed) + "\n\n\n" if needed else ""
        unit = head + (body if body.endswith("\n") else body + "\n")
        if len(unit) <= MOST_BYTES + 600 and parsed(unit) is not None:
            yield Source(unit, path)
