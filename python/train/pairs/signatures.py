"""Edits of what a function says about itself: type hints, docstrings, comments, names of types."""

from __future__ import annotations

import ast
import copy
import random
import tokenize
from collections.abc import Iterator

from .kinds import Kind, Made
from .source import FUNCTIONS, Edit, Function, Source, parsed, same


def _arguments(node: Function) -> list[ast.arg]:
    a = node.args
    return [*a.posonlyargs, *a.args, *([a.vararg] if a.vararg else []), *a.kwonlyargs, *([a.kwarg] if a.kwarg else [])]


def _annotations(node: Function) -> int:
    return sum(a.annotation is not None for a in _arguments(node)) + (node.returns is not None)


def without_types(tree: ast.AST, name: str | None = None) -> ast.AST:
    """A copy without the annotations of parameters and results; of one function, where it is named."""
    tree = copy.deepcopy(tree)
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS) and name in (None, node.name):
            node.returns = None
            for argument in _arguments(node):
                argument.annotation = None
    return tree


def _defaults(node: Function) -> dict[ast.arg, ast.expr]:
    plain = [*node.args.posonlyargs, *node.args.args]
    out = dict(zip(plain[len(plain) - len(node.args.defaults) :], node.args.defaults))
    out.update({a: d for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults) if d is not None})
    return out


def _untyped(source: Source, node: Function) -> list[Edit] | None:
    edits = []
    defaults = _defaults(node)
    for argument in _arguments(node):
        if argument.annotation is None:
            continue
        start = source.span(argument)[0] + len(argument.arg.encode())
        end = source.span(argument.annotation)[1]
        if (default := defaults.get(argument)) is not None:
            value = source.span(default)[0]
            if source.between(end, value).strip() != "=":
                return None
            edits.append(Edit(start, value, "="))
        else:
            edits.append(Edit(start, end, ""))
    if node.returns is not None:
        start, end = source.span(node.returns)
        arrow = source.data.rfind(b"->", 0, start)
        closing = source.data.rfind(b")", 0, arrow)
        if source.between(closing + 1, arrow).strip() or source.between(arrow + 2, start).strip():
            return None
        edits.append(Edit(closing + 1, end, ""))
    return edits


def _make_types(source: Source, rng: random.Random) -> Iterator[Made]:
    names = [f.name for f in source.functions()]
    typed = [f for f in source.functions() if _annotations(f) and names.count(f.name) == 1 and f.name != "__init__"]
    for node in typed[:2]:
        edits = _untyped(source, node)
        if edits:
            bare = source.edited(edits)
            slots = {"name": node.name}
            yield Made(bare, source.text, slots, "add")
            if rng.random() < 0.15:
                yield Made(source.text, bare, slots, "remove")
    if len(typed) > 1 and len(typed) == len(names):
        every = [_untyped(source, f) for f in typed]
        if all(every):
            yield Made(source.edited(e for edits in every for e in edits or []), source.text, {}, "all")


def _types_kept(before: str, after: str, slots: dict[str, str]) -> bool:
    a, b = parsed(before), parsed(after)
    if a is None or b is None or ast.dump(a) == ast.dump(b):
        return False
    return same(without_types(a, slots.get("name")), without_types(b, slots.get("name")))


def _types_right(before: str, answer: str, after: str, slots: dict[str, str]) -> bool:
    """Whatever types are named: as many places are annotated as in the original, and nothing else changed."""
    wanted, got = parsed(after), parsed(answer)
    if wanted is None or got is None or not _types_kept(before, answer, slots):
        return False
    count = [sum(_annotations(f) for f in ast.walk(t) if isinstance(f, FUNCTIONS)) for t in (wanted, got)]
    return count[1] >= count[0] if count[0] > sum(
        _annotations(f) for f in ast.walk(parsed(before) or wanted) if isinstance(f, FUNCTIONS)
    ) else count[1] == count[0]


TYPES = Kind(
    "type hints",
    _make_types,
    _types_kept,
    {
        "add": (
            "add type hints to {name}",
            "annotate the parameters and the return value of {name}",
            "add type annotations to {name}",
            "{name} needs type hints",
            "give {name} type hints",
            "add types to the signature of {name}",
            "write the types of {name}'s parameters and result",
        ),
        "remove": (
            "remove the type hints from {name}",
            "drop the annotations of {name}",
            "take the type annotations out of {name}",
            "make {name} untyped",
        ),
        "all": (
            "add type hints",
            "add type hints to every function",
            "annotate all functions",
            "add type annotations to all parameters and return values",
            "type all signatures in this file",
        ),
    },
    _types_right,
)


def _docstring(node: ast.AST) -> ast.Expr | None:
    body = getattr(node, "body", None)
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        return body[0] if isinstance(body[0].value.value, str) else None
    return None


def without_docstrings(tree: ast.AST, name: str | None = None) -> ast.AST:
    """A copy without docstrings; of one definition, where it is named."""
    tree = copy.deepcopy(tree)
    for node in ast.walk(tree):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and name in (None, node.name) and _docstring(node):
            node.body = node.body[1:]
    return tree


def _make_docstring(source: Source, rng: random.Random) -> Iterator[Made]:
    nodes = [n for n in ast.walk(source.tree) if isinstance(n, (*FUNCTIONS, ast.ClassDef))]
    names = [n.name for n in nodes]
    for node in nodes:
        said = _docstring(node)
        if said is None or len(node.body) < 2 or names.count(node.name) > 1 or node.name.startswith("__"):
            continue
        if not 12 <= len(said.value.value) <= 240 or source.indent(said) is None or not source.ends_line(said):
            continue
        start, end = source.span(said)
        start, end = source.line_start(start), source.line_end(end)
        # The blank line after it belongs to it.
        while source.between(end, source.line_end(end)) == "\n":
            end += 1
        bare = source.edited([Edit(start, end, "")])
        slots = {"name": node.name}
        yield Made(bare, source.text, slots, "add")
        if rng.random() < 0.15:
            yield Made(source.text, bare, slots, "remove")


def _docstrings_kept(before: str, after: str, slots: dict[str, str]) -> bool:
    a, b = parsed(before), parsed(after)
    if a is None or b is None or ast.dump(a) == ast.dump(b):
        return False
    return same(without_docstrings(a, slots["name"]), without_docstrings(b, slots["name"]))


def _docstring_right(before: str, answer: str, after: str, slots: dict[str, str]) -> bool:
    if not _docstrings_kept(before, answer, slots):
        return False
    has = []
    for text in (after, answer):
        nodes = [n for n in ast.walk(parsed(text) or ast.Module([], [])) if getattr(n, "name", None) == slots["name"]]
        has.append(any(_docstring(n) for n in nodes))
    return has[0] == has[1]


DOCSTRING = Kind(
    "docstring",
    _make_docstring,
    _docstrings_kept,
    {
        "add": (
            "add a docstring to {name}",
            "document {name}",
            "write a docstring for {name}",
            "{name} has no docstring; add one",
            "add a short docstring that says what {name} does",
            "describe {name} in a docstring",
        ),
        "remove": ("remove the docstring of {name}", "delete {name}'s docstring", "drop the docstring from {name}"),
    },
    _docstring_right,
)


def _make_comments(source: Source, rng: random.Random) -> Iterator[Made]:
    comments = [t for t in source.tokens() if t.type == tokenize.COMMENT]
    plain = [t for t in comments if not t.string.startswith(("#!", "# type:", "# noqa", "# pragma", "# -*-"))]
    if not plain or len(plain) != len(comments) or len(plain) > 8:
        return
    edits = []
    for token in plain:
        start, end = source.at_token(token)
        line = source.line_start(start)
        before = source.between(line, start)
        if before.strip():
            edits.append(Edit(line + len(before.rstrip().encode()), end, ""))
        else:
            edits.append(Edit(line, source.line_end(end), ""))
    yield Made(source.text, source.edited(edits), {})


def _comments_gone(before: str, after: str, slots: dict[str, str]) -> bool:
    skipped = (tokenize.COMMENT, tokenize.NL)
    a, b = ([(t.type, t.string) for t in Source(x, "").tokens() if t.type not in skipped] for x in (before, after))
    return a == b and "#" in before


COMMENTS = Kind(
    "remove comments",
    _make_comments,
    _comments_gone,
    {
        "default": (
            "remove the comments",
            "delete all comments",
            "strip the comments from this file",
            "take out every comment",
            "leave the code as it is but without comments",
        )
    },
    lambda before, answer, after, slots: parsed(answer) is not None
    and _comments_gone(before, answer, slots)
    and "".join(answer.split()) == "".join(after.split()),
)

_BUILTIN = {"List": "list", "Dict": "dict", "Set": "set", "FrozenSet": "frozenset", "Tuple": "tuple", "Type": "type"}


def _modern_edits(source: Source) -> list[Edit]:
    """Edits of `Optional[X]`, `Union[X, Y]` and `List[X]`, the innermost first, where none is inside another."""
    edits: list[Edit] = []
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)):
            continue
        (start, end), (inner, inner_end) = source.span(node), source.span(node.slice)
        name = node.value.id
        if name in _BUILTIN:
            edits.append(Edit(start, start + len(name), _BUILTIN[name]))
        elif name == "Optional" and not isinstance(node.slice, ast.Tuple):
            edits += [Edit(start, inner, ""), Edit(inner_end, end, " | None")]
        elif name == "Union" and isinstance(node.slice, ast.Tuple):
            edits += [Edit(start, inner, ""), Edit(inner_end, end, "")]
            parts = [source.span(e) for e in node.slice.elts]
            edits += [Edit(a[1], b[0], " | ") for a, b in zip(parts, parts[1:])]
    return edits


def _modern(tree: ast.AST) -> ast.AST:
    class Modern(ast.NodeTransformer):
        def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
            node = self.generic_visit(node)
            if not isinstance(node.value, ast.Name):
                return node
            if node.value.id in _BUILTIN:
                node.value.id = _BUILTIN[node.value.id]
            elif node.value.id == "Optional":
                return ast.BinOp(node.slice, ast.BitOr(), ast.Constant(None))
            elif node.value.id == "Union" and isinstance(node.slice, ast.Tuple):
                out = node.slice.elts[0]
                for part in node.slice.elts[1:]:
                    out = ast.BinOp(out, ast.BitOr(), part)
                return out
            return node

    return Modern().visit(copy.deepcopy(tree))


def _make_modern(source: Source, rng: random.Random) -> Iterator[Made]:
    quoted = {n.value for n in ast.walk(source.tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    if any(name in text for text in quoted for name in ("Optional[", "List[", "Dict[", "Union[")):
        return
    edits = _modern_edits(source)
    if edits:
        yield Made(source.text, source.edited(edits), {})


MODERN = Kind(
    "modern types",
    _make_modern,
    lambda before, after, slots: same(_modern(parsed(before) or ast.Module([], [])), parsed(after)),
    {
        "default": (
            "use built-in generics and | instead of those of typing",
            "modernise the type hints: list[int] instead of List[int], X | None instead of Optional[X]",
            "replace typing's List, Dict, Optional and Union by the built-in forms",
            "write the annotations as Python 3.10 does",
        )
    },
)
