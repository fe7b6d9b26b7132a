"""Edits of names: renames, and constants that are extracted or put back."""

from __future__ import annotations

import ast
import builtins
import copy
import keyword
import random
import re
import tokenize
from collections import Counter
from collections.abc import Iterator

from .kinds import Kind, Made
from .source import FUNCTIONS, Edit, Source, parsed, same

_NOT_NAMES = set(keyword.kwlist) | set(keyword.softkwlist) | set(dir(builtins)) | {"self", "cls", "args", "kwargs"}
_WORDS = (
    "item value entry result index count total name key node path line text data size offset source target buffer "
    "record row column field option config state token chunk limit start end first last current previous parent child "
    "message request response user group label width height score weight step level rate mode kind part"
).split()


def _nodes(tree: ast.AST, name: str) -> list[ast.AST]:
    """The nodes that a rename of `name` changes."""
    out: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            out.append(node)
        elif isinstance(node, ast.arg) and node.arg == name:
            out.append(node)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)) and node.name == name:
            out.append(node)
    return out


def renamed(tree: ast.AST, old: str, new: str) -> ast.AST:
    tree = copy.deepcopy(tree)
    for node in _nodes(tree, old):
        attribute = "id" if isinstance(node, ast.Name) else "arg" if isinstance(node, ast.arg) else "name"
        setattr(node, attribute, new)
    return tree


def _new_name(old: str, taken: set[str], rng: random.Random) -> str:
    """Another name in the same style, in part made of the old one."""
    parts = [p for p in re.split(r"_|(?<=[a-z0-9])(?=[A-Z])", old.strip("_")) if p] or ["x"]
    for _ in range(20):
        words = list(parts)
        way = rng.random()
        if way < 0.4 or len(words) == 1 and way < 0.7:
            words[rng.randrange(len(words))] = rng.choice(_WORDS)
        elif way < 0.7:
            words.append(rng.choice(_WORDS))
        else:
            words = rng.sample(_WORDS, rng.choice([1, 2]))
        words = [w.lower() for w in words]
        if old[:1].isupper() and "_" not in old and not old.isupper():
            new = "".join(w.capitalize() for w in words)
        elif re.search(r"[a-z][A-Z]", old):
            new = words[0] + "".join(w.capitalize() for w in words[1:])
        else:
            new = "_".join(words)
        new = "_" * (len(old) - len(old.lstrip("_"))) + new
        if new not in taken and new not in _NOT_NAMES and new.isidentifier():
            return new
    return ""


def _make_rename(source: Source, rng: random.Random) -> Iterator[Made]:
    tokens = [t for t in source.tokens() if t.type == tokenize.NAME]
    count = Counter(t.string for t in tokens)
    other = " ".join(t.string for t in source.tokens() if t.type in (tokenize.STRING, tokenize.COMMENT))
    spoken = set(re.findall(r"\w+", other))
    roles: dict[str, str] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, FUNCTIONS):
            roles.setdefault(node.name, "function")
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    roles.setdefault(inner.id, "variable")
                elif isinstance(inner, ast.arg):
                    roles.setdefault(inner.arg, "parameter")
        elif isinstance(node, ast.ClassDef):
            roles.setdefault(node.name, "class")
    # Every token of that name is one of the nodes: no attribute, no keyword of a call, no import, no text.
    free = [
        (name, role)
        for name, role in sorted(roles.items())
        if name not in _NOT_NAMES and not name.startswith("__") and name not in spoken
        and len(_nodes(source.tree, name)) == count[name]
    ]
    for name, role in rng.sample(free, min(len(free), 2)):
        new = _new_name(name, set(count) | spoken, rng)
        if not new:
            continue
        edits = [Edit(*source.at_token(t), new) for t in tokens if t.string == name]
        yield Made(source.text, source.edited(edits), {"old": name, "new": new, "role": role}, role)


def _is_rename(before: str, after: str, slots: dict[str, str]) -> bool:
    tree = parsed(before)
    return tree is not None and same(renamed(tree, slots["old"], slots["new"]), parsed(after)) and before != after


_RENAME = (
    "rename {old} to {new}",
    "rename %s {old} to {new}",
    "call %s {old} {new} instead",
    "change the name of %s {old} to {new}",
    "{old} should be called {new}",
    "%s {old} is to be named {new}",
)
RENAME = Kind(
    "rename",
    _make_rename,
    _is_rename,
    {role: tuple(p.replace("%s", f"the {role}") for p in _RENAME) for role in ("variable", "parameter", "function", "class")},
)


def _top(source: Source) -> int | None:
    """Where constants of a module belong: before its first statement that is no import and no docstring."""
    for node in source.tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text or isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        first = node.decorator_list[0] if getattr(node, "decorator_list", None) else node
        at = source.line_start(source.span(first)[0])
        # Comments above it are its own.
        while at > 0:
            above = source.line_start(at - 1)
            if not source.between(above, at).startswith("#"):
                break
            at = above
        return at
    return None


def _literals(source: Source) -> Iterator[tuple[ast.FunctionDef, ast.Constant]]:
    for function in source.tree.body:
        if not isinstance(function, FUNCTIONS):
            continue
        skipped = {id(i) for n in ast.walk(function) if isinstance(n, (ast.JoinedStr, ast.Expr, ast.Subscript)) for i in
                   (ast.walk(n) if isinstance(n, ast.JoinedStr) else ast.iter_child_nodes(n))}
        for node in ast.walk(function):
            if isinstance(node, ast.Constant) and id(node) not in skipped:
                yield function, node


def _constant_name(value: object, rng: random.Random) -> str:
    words = re.findall(r"[A-Za-z]+", value)[:3] if isinstance(value, str) else []
    if not words:
        words = [rng.choice(["default", "max", "min", "base"]), rng.choice(_WORDS)]
    elif rng.random() < 0.5:
        words = [rng.choice(["default", *_WORDS]), *words[:1]]
    return "_".join(words).upper()


def _make_constant(source: Source, rng: random.Random) -> Iterator[Made]:
    top = _top(source)
    if top is None:
        return
    found = [
        (f, n) for f, n in _literals(source)
        if (isinstance(n.value, (int, float)) and not isinstance(n.value, bool) and abs(n.value) > 2)
        or (isinstance(n.value, str) and 3 <= len(n.value) <= 40 and "\n" not in n.value)
    ]
    if not found:
        return
    function, chosen = rng.choice(found)
    name = _constant_name(chosen.value, rng)
    if re.search(rf"\b{name}\b", source.text):
        return
    places = [n for f, n in found if f is function and n.value == chosen.value and type(n.value) is type(chosen.value)]
    literal = source.of(chosen)
    if any(source.of(p) != literal for p in places) or "\n" in literal:
        return
    edits = [Edit(*source.span(p), name) for p in places] + [Edit(top, top, f"{name} = {literal}\n\n\n")]
    with_constant = source.edited(edits)
    slots = {"name": name, "function": function.name, "literal": literal}
    if rng.random() < 0.7:
        yield Made(source.text, with_constant, slots, "extract")
    else:
        yield Made(with_constant, source.text, slots, "inline")


def _inlined(text: str, name: str) -> ast.AST | None:
    """The tree with a module's constant put where its name stands, or `None` where there is no such constant."""
    tree = parsed(text)
    if tree is None:
        return None
    for index, node in enumerate(tree.body):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if [getattr(t, "id", "") for t in targets] == [name] and isinstance(node.value, ast.Constant):
            value = node.value
            del tree.body[index]

            class Inline(ast.NodeTransformer):
                def visit_Name(self, inner: ast.Name) -> ast.AST:
                    return copy.deepcopy(value) if inner.id == name else inner

            return Inline().visit(tree)
    return None


def _is_constant(before: str, after: str, slots: dict[str, str]) -> bool:
    a, b = parsed(before), parsed(after)
    return same(_inlined(after, slots["name"]), a) or same(_inlined(before, slots["name"]), b)


CONSTANT = Kind(
    "constants",
    _make_constant,
    _is_constant,
    {
        "extract": (
            "extract {literal} in {function} into a constant {name}",
            "make {literal} a module constant called {name}",
            "put {literal} into a constant {name} at the top of the file",
            "name the value {literal} {name}",
            "move the literal {literal} out of {function} into {name}",
        ),
        "inline": (
            "inline the constant {name}",
            "replace {name} by its value and remove it",
            "put the value of {name} where it is used",
            "get rid of the constant {name}",
        ),
    },
    lambda before, answer, after, slots: _is_constant(before, answer, slots)
    and (slots["name"] in answer) == (slots["name"] in after),
)
