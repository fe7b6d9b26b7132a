"""Edits of statements: errors that are caught, and tests of unittest as those of pytest."""

from __future__ import annotations

import ast
import copy
import random
import re
from collections.abc import Iterator

from .kinds import Kind, Made
from .source import Edit, Source, parsed, same


def _action(source: Source, node: ast.stmt) -> tuple[str, str] | None:
    """What a handler's only statement does: the list of phrases, and the code that they name."""
    if isinstance(node, ast.Pass):
        return "ignore", ""
    if isinstance(node, ast.Continue):
        return "skip", ""
    text = source.of(node)
    if "\n" in text or len(text) > 90:
        return None
    if isinstance(node, ast.Return):
        return "return", source.of(node.value) if node.value else "None"
    if isinstance(node, ast.Raise) and node.exc is not None:
        return "raise", text.removeprefix("raise ")
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return "call", text
    return None


def _make_errors(source: Source, rng: random.Random) -> Iterator[Made]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Try) or node.orelse or node.finalbody or len(node.handlers) != 1:
            continue
        handler = node.handlers[0]
        if handler.type is None or len(handler.body) != 1:
            continue
        action, indent = _action(source, handler.body[0]), source.indent(node)
        exception, inner = source.of(handler.type), source.indent(node.body[0])
        if action is None or indent is None or inner is None or "\n" in exception:
            continue
        start, end = source.line_start(source.span(node)[0]), source.line_end(source.span(node)[1])
        first, last = source.span(node.body[0])[0], source.line_end(source.span(node.body[-1])[1])
        body = source.between(source.line_start(first), last).splitlines(keepends=True)
        shift = len(inner) - len(indent)
        if source.between(start, source.line_start(first)).strip() != "try:" or any(
            line.strip() and not line.startswith(inner) for line in body
        ):
            continue
        bare = source.edited([Edit(start, end, "".join(line[shift:] if line.strip() else line for line in body))])
        around = body[0].strip()
        if len(around) > 60:
            continue
        slots = {"exception": exception, "around": around, "action": action[1]}
        if handler.name:
            slots["as"] = handler.name
        yield Made(bare, source.text, slots, action[0] + (" as" if handler.name else ""))


class _Untried(ast.NodeTransformer):
    def visit_Try(self, node: ast.Try) -> ast.AST | list[ast.stmt]:
        node = self.generic_visit(node)
        if node.orelse or node.finalbody or len(node.handlers) != 1:
            return node
        return node.body


def _untried(text: str) -> ast.AST | None:
    tree = parsed(text)
    return None if tree is None else _Untried().visit(copy.deepcopy(tree))


def _phrases() -> dict[str, tuple[str, ...]]:
    does = {
        "ignore": ("ignore it", "do nothing then", "go on"),
        "skip": ("continue with the next one", "skip that one", "go on with the next"),
        "return": ("return {action}", "return {action} then", "the result is {action}"),
        "raise": ("raise {action}", "raise {action} instead", "turn it into {action}"),
        "call": ("call {action}", "run {action} then", "do {action}"),
    }
    out = {}
    for key, (first, second, third) in does.items():
        for suffix, name in (("", ""), (" as", " as {as}")):
            out[key + suffix] = (
                f"catch {{exception}}{name} around {{around}} and {first}",
                f"handle {{exception}}{name}: {second}",
                f"if {{around}} raises {{exception}}{name}, {first}",
                f"put {{around}} into a try block; on {{exception}}{name}, {second}",
                f"when {{exception}} occurs at {{around}}{name}, {third}",
            )
    return out


ERRORS = Kind(
    "error handling",
    _make_errors,
    lambda before, after, slots: same(_untried(before), _untried(after)) and not same(parsed(before), parsed(after)),
    _phrases(),
)

_COMPARED = {
    "assertEqual": "==", "assertEquals": "==", "assertNotEqual": "!=", "assertIs": "is", "assertIsNot": "is not",
    "assertIn": "in", "assertNotIn": "not in", "assertGreater": ">", "assertGreaterEqual": ">=", "assertLess": "<",
    "assertLessEqual": "<=",
}  # fmt: skip
_OPERATORS = {
    "==": ast.Eq, "!=": ast.NotEq, "is": ast.Is, "is not": ast.IsNot, "in": ast.In, "not in": ast.NotIn, ">": ast.Gt,
    ">=": ast.GtE, "<": ast.Lt, "<=": ast.LtE,
}  # fmt: skip
#: What is put between operands must bind tighter than a comparison.
_LOOSE = (ast.Compare, ast.BoolOp, ast.IfExp, ast.Lambda, ast.NamedExpr)


def _assertion(node: ast.AST) -> tuple[str, list[ast.expr]] | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    on = node.func.value
    if not (isinstance(on, ast.Name) and on.id == "self" and node.func.attr.startswith("assert")) or node.keywords:
        return None
    return node.func.attr, node.args


def _as_assert(name: str, args: list[ast.expr]) -> ast.expr | None:
    """What `assert` is followed by."""
    if name in _COMPARED and len(args) == 2:
        return ast.Compare(args[0], [_OPERATORS[_COMPARED[name]]()], [args[1]])
    if name == "assertTrue" and len(args) == 1:
        return args[0]
    if name == "assertFalse" and len(args) == 1:
        return ast.UnaryOp(ast.Not(), args[0])
    if name in ("assertIsNone", "assertIsNotNone") and len(args) == 1:
        operator = ast.Is() if name == "assertIsNone" else ast.IsNot()
        return ast.Compare(args[0], [operator], [ast.Constant(None)])
    if name == "assertIsInstance" and len(args) == 2:
        return ast.Call(ast.Name("isinstance", ast.Load()), args, [])
    return None


def _written_assert(source: Source, name: str, args: list[ast.expr]) -> str | None:
    texts = [source.of(a) for a in args]
    if any("\n" in t for t in texts) or _as_assert(name, args) is None:
        return None
    if name in _COMPARED:
        texts = [f"({t})" if isinstance(a, _LOOSE) else t for t, a in zip(texts, args)]
        return f"assert {texts[0]} {_COMPARED[name]} {texts[1]}"
    loose = f"({texts[0]})" if isinstance(args[0], _LOOSE) else texts[0]
    if name == "assertTrue":
        return f"assert {texts[0]}"
    if name == "assertFalse":
        return f"assert not {loose}"
    if name == "assertIsInstance":
        return f"assert isinstance({', '.join(texts)})"
    return f"assert {loose} {'is' if name == 'assertIsNone' else 'is not'} None"


class _Pytest(ast.NodeTransformer):
    """The tree of the tests in pytest's way; told apart from how the text of them is made."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        found = _assertion(node.value)
        test = _as_assert(*found) if found else None
        return ast.Assert(test, None) if test is not None else node

    def visit_With(self, node: ast.With) -> ast.AST:
        node = self.generic_visit(node)
        for item in node.items:
            found = _assertion(item.context_expr)
            if found and found[0] == "assertRaises" and len(found[1]) == 1:
                item.context_expr = ast.Call(
                    ast.Attribute(ast.Name("pytest", ast.Load()), "raises", ast.Load()), found[1], []
                )
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node = self.generic_visit(node)
        node.bases = [b for b in node.bases if ast.unparse(b) not in ("unittest.TestCase", "TestCase")]
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        return None if [a.name for a in node.names] in (["unittest"], ["pytest"]) else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "unittest" and [a.name for a in node.names] == ["TestCase"] else node


def _pytest(text: str) -> ast.AST | None:
    tree = parsed(text)
    return None if tree is None else _Pytest().visit(copy.deepcopy(tree))


def _make_pytest(source: Source, rng: random.Random) -> Iterator[Made]:
    if "TestCase" not in source.text or re.search(r"\b(setUp|tearDown|subTest|mock|skip\w*|expectedFailure)\b", source.text):
        return
    edits: list[Edit] = []
    raises = False
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and (found := _assertion(node.value)):
            text = _written_assert(source, *found)
            if text is None:
                return
            edits.append(Edit(*source.span(node), text))
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                found = _assertion(item.context_expr)
                if found and found[0] == "assertRaises" and len(found[1]) == 1:
                    function = item.context_expr.func
                    edits.append(Edit(*source.span(function), "pytest.raises"))
                    raises = True
        elif isinstance(node, ast.ClassDef):
            header = re.match(r"class (\w+)\((unittest\.)?TestCase\):", source.of(node))
            if not header or not node.name.startswith("Test"):
                return
            start = source.span(node)[0]
            edits.append(Edit(start, start + len(header[0]), f"class {node.name}:"))
    imports = [n for n in source.tree.body if isinstance(n, (ast.Import, ast.ImportFrom)) and "unittest" in source.of(n)]
    if not edits or len(imports) != 1 or source.text.count("unittest") > 1 + source.text.count("(unittest.TestCase)"):
        return
    start, end = source.span(imports[0])
    if source.of(imports[0]) not in ("import unittest", "from unittest import TestCase"):
        return
    edits.append(Edit(start, end, "import pytest") if raises else Edit(start, source.line_end(end), ""))
    after = source.edited(edits).lstrip("\n")
    if "self.assert" not in after:
        yield Made(source.text, after, {})


PYTEST = Kind(
    "unittest to pytest",
    _make_pytest,
    lambda before, after, slots: same(_pytest(before), _pytest(after))
    and "self.assert" not in after
    and not same(parsed(before), parsed(after)),
    {
        "default": (
            "convert the tests to pytest",
            "use pytest instead of unittest",
            "rewrite these tests in the style of pytest",
            "turn the unittest assertions into plain asserts",
            "make this a pytest test",
        )
    },
    lambda before, answer, after, slots: same(_pytest(before), _pytest(answer)) and "TestCase" not in answer,
)
