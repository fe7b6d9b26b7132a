"""Edits of expressions: f-strings, comparisons with None, comprehensions and loops."""

from __future__ import annotations

import ast
import copy
import random
import re
import string
from collections.abc import Iterator

from .kinds import Kind, Made
from .source import Edit, Source, parsed, same

_FIELD = re.compile(r"[A-Za-z_][\w.]*(\[[\w.]+\]|\(\))?(\.[A-Za-z_]\w*(\(\))?)*\Z")
_LITERAL = re.compile(r"([fFuU]?)(\"|')((?:(?!\2)[^\\\n]|\\.)*)\2\Z")


def _fields(body: str) -> list[tuple[str, str | None, str, str | None]] | None:
    try:
        return list(string.Formatter().parse(body))
    except ValueError:
        return None


def canonical(node: ast.expr) -> tuple[object, ...] | None:
    """The pieces of an f-string, of `"…".format(…)` or of `"…" % …`, the same for the same result."""
    if isinstance(node, ast.JoinedStr):
        out: list[object] = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                out.append(part.value)
            elif isinstance(part, ast.FormattedValue):
                spec = ast.dump(part.format_spec) if part.format_spec else ""
                if isinstance(part.format_spec, ast.JoinedStr):
                    texts = part.format_spec.values
                    if not all(isinstance(t, ast.Constant) for t in texts):
                        return None
                    spec = "".join(t.value for t in texts)
                conversion = "" if part.conversion == -1 else chr(part.conversion)
                out.append((ast.dump(part.value), conversion, spec))
        return tuple(out)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        text = node.func.value
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
            return None
        named = {k.arg: k.value for k in node.keywords}
        if None in named or any(isinstance(a, ast.Starred) for a in node.args):
            return None
        out, automatic = [], 0
        for literal, field, spec, conversion in _fields(text.value) or []:
            if literal:
                out.append(literal)
            if field is None:
                continue
            if field == "":
                field, automatic = str(automatic), automatic + 1
            value = named.get(field)
            if field.isdigit() and int(field) < len(node.args):
                value = node.args[int(field)]
            if value is None or "{" in (spec or ""):
                return None
            out.append((ast.dump(value), conversion or "", spec or ""))
        return _joined(out)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
        text = node.left.value
        if not isinstance(text, str):
            return None
        values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        pieces = re.split(r"(%[sr%])", text)
        out, at = [], 0
        for piece in pieces:
            if piece == "%%":
                out.append("%")
            elif piece in ("%s", "%r"):
                if at >= len(values):
                    return None
                out.append((ast.dump(values[at]), "r" if piece == "%r" else "", ""))
                at += 1
            elif "%" in piece:
                return None
            elif piece:
                out.append(piece)
        return _joined(out) if at == len(values) else None
    return None


def _joined(pieces: list[object]) -> tuple[object, ...]:
    out: list[object] = []
    for piece in pieces:
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        else:
            out.append(piece)
    return tuple(out)


class _Formats(ast.NodeTransformer):
    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and (pieces := canonical(node)) is not None:
            return ast.Constant(("format", pieces))
        return self.generic_visit(node)


def _formats(text: str) -> ast.AST | None:
    tree = parsed(text)
    return None if tree is None else _Formats().visit(tree)


def _from_f(source: Source, node: ast.JoinedStr, percent: bool) -> Edit | None:
    """An f-string as `format` or `%` would have it, if its fields are plain enough."""
    match = _LITERAL.match(source.of(node))
    if not match or match[1] not in ("f", "F"):
        return None
    parts = _fields(match[3])
    named = [(field, spec, conversion) for _, field, spec, conversion in parts or [] if field is not None]
    if not named or not all(_FIELD.match(field) for field, _, _ in named) or "{" in "".join(s or "" for _, s, _ in named):
        return None
    quote, body, values = match[2], "", [field for field, _, _ in named]
    if percent:
        if any(spec or conversion not in (None, "r") for _, spec, conversion in named) or re.search(r"%|\{\{|\}\}", match[3]):
            return None
        for literal, field, _, conversion in parts or []:
            body += literal + ("" if field is None else "%r" if conversion else "%s")
        # One value alone might be a tuple, which `%` would take apart.
        right = f"({', '.join(values)}{',' if len(values) == 1 else ''})"
        return Edit(*source.span(node), f"{quote}{body}{quote} % {right}")
    for literal, field, spec, conversion in parts or []:
        body += literal.replace("{", "{{").replace("}", "}}")
        if field is not None:
            body += "{" + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "") + "}"
    return Edit(*source.span(node), f"{quote}{body}{quote}.format({', '.join(values)})")


def _to_f(source: Source, node: ast.expr) -> Edit | None:
    """`format` or `%` as an f-string."""
    text = node.func.value if isinstance(node, ast.Call) else node.left
    match = _LITERAL.match(source.of(text))
    if not match or match[1]:
        return None
    quote, body = match[2], match[3]
    if isinstance(node, ast.Call):
        values = {k.arg or "": source.of(k.value) for k in node.keywords} | {
            str(i): source.of(a) for i, a in enumerate(node.args)
        }
    else:
        elements = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        values = {str(i): source.of(e) for i, e in enumerate(elements)}
        body = body.replace("{", "{{").replace("}", "}}")
        body = re.sub(r"%([sr%])", lambda m: "%" if m[1] == "%" else "{!r}" if m[1] == "r" else "{}", body)
    if not values or not all(_FIELD.match(v) for v in values.values()):
        return None
    out, automatic = "", 0
    for literal, field, spec, conversion in _fields(body) or []:
        out += literal.replace("{", "{{").replace("}", "}}")
        if field is None:
            continue
        if field == "":
            field, automatic = str(automatic), automatic + 1
        if field not in values:
            return None
        out += "{" + values[field] + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "") + "}"
    return Edit(*source.span(node), f"f{quote}{out}{quote}")


def _make_f(source: Source, rng: random.Random) -> Iterator[Made]:
    joined = [n for n in ast.walk(source.tree) if isinstance(n, ast.JoinedStr)]
    # The parts of an f-string have no usable place of their own, and formats inside of one stay.
    inside = {id(inner) for n in joined for inner in ast.walk(n) if inner is not n}
    joined = [n for n in joined if id(n) not in inside]
    others = [
        n for n in ast.walk(source.tree) if isinstance(n, (ast.Call, ast.BinOp)) and id(n) not in inside and canonical(n)
    ]
    if joined and not others:
        percent = rng.random() < 0.4
        edits = [e for n in joined[:4] if (e := _from_f(source, n, percent))]
        if edits:
            yield Made(source.edited(edits), source.text, {}, "to")
    elif others:
        edits = [e for n in others if (e := _to_f(source, n))]
        if edits and len(edits) == len(others):
            yield Made(source.text, source.edited(edits), {}, "to")


F_STRINGS = Kind(
    "f-strings",
    _make_f,
    lambda before, after, slots: same(_formats(before), _formats(after)) and not same(parsed(before), parsed(after)),
    {
        "to": (
            "use f-strings",
            "turn the string formatting into f-strings",
            "convert to f-strings",
            "replace format and % by f-strings",
            "rewrite the formatted strings as f-strings",
            "use f-strings instead of the old string formatting",
        )
    },
)


def _make_none(source: Source, rng: random.Random) -> Iterator[Made]:
    edits = []
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.Is, ast.IsNot))):
            continue
        right = node.comparators[0]
        if not (isinstance(right, ast.Constant) and right.value is None):
            continue
        start, end = source.span(node.left)[1], source.span(right)[0]
        wanted = "is" if isinstance(node.ops[0], ast.Is) else "is not"
        if source.between(start, end) == f" {wanted} ":
            edits.append(Edit(start, end, " == " if wanted == "is" else " != "))
    if edits:
        yield Made(source.edited(edits), source.text, {})


def _with_is(text: str) -> ast.AST | None:
    tree = parsed(text)
    for node in ast.walk(tree) if tree else []:
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            right = node.comparators[0]
            if isinstance(right, ast.Constant) and right.value is None:
                node.ops = [ast.Is() if isinstance(o, ast.Eq) else ast.IsNot() if isinstance(o, ast.NotEq) else o for o in node.ops]
    return tree


NONE = Kind(
    "comparisons with None",
    _make_none,
    lambda before, after, slots: same(_with_is(before), parsed(after)),
    {
        "default": (
            "compare with None by is",
            "use `is None` and `is not None`",
            "fix the comparisons with None",
            "replace == None by is None and != None by is not None",
            "None should be compared with `is`",
            "comparison to None must use is, not ==",
        )
    },
)

_EMPTY = {ast.ListComp: "[]", ast.SetComp: "set()", ast.DictComp: "{}"}
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)


def _as_loop(node: ast.Assign) -> list[ast.stmt] | None:
    """The statements that `x = [… for … in …]` stands for."""
    value, target = node.value, node.targets[0]
    if not (isinstance(value, _COMPREHENSIONS) and isinstance(target, ast.Name) and len(node.targets) == 1):
        return None
    if len(value.generators) != 1 or value.generators[0].is_async:
        return None
    generator = value.generators[0]
    load = ast.Name(target.id, ast.Load())
    if isinstance(value, ast.DictComp):
        inner: ast.stmt = ast.Assign([ast.Subscript(load, value.key, ast.Store())], value.value)
        empty: ast.expr = ast.Dict([], [])
    else:
        method = "append" if isinstance(value, ast.ListComp) else "add"
        inner = ast.Expr(ast.Call(ast.Attribute(load, method, ast.Load()), [value.elt], []))
        empty = ast.List([], ast.Load())
        if isinstance(value, ast.SetComp):
            empty = ast.Call(ast.Name("set", ast.Load()), [], [])
    for condition in reversed(generator.ifs):
        inner = ast.If(condition, [inner], [])
    return [ast.Assign([target], empty), ast.For(generator.target, generator.iter, [inner], [])]


class _Loops(ast.NodeTransformer):
    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        return _as_loop(node) or node


def _loops(text: str) -> ast.AST | None:
    tree = parsed(text)
    return None if tree is None else _Loops().visit(copy.deepcopy(tree))


def _written_loop(source: Source, node: ast.Assign) -> str | None:
    indent, value = source.indent(node), node.value
    if indent is None or not source.ends_line(node) or not isinstance(value, _COMPREHENSIONS):
        return None
    generator = value.generators[0]
    name = source.of(node.targets[0])
    pieces = [generator.target, generator.iter, *generator.ifs]
    pieces += [value.key, value.value] if isinstance(value, ast.DictComp) else [value.elt]
    if any("\n" in source.of(p) for p in pieces) or any(isinstance(n, ast.NamedExpr) for n in ast.walk(value)):
        return None
    lines = [f"{name} = {_EMPTY[type(value)]}", f"for {source.of(generator.target)} in {source.of(generator.iter)}:"]
    lines[1] = lines[1].replace("for (", "for ", 1).replace(") in ", " in ", 1) if lines[1].startswith("for (") else lines[1]
    if len(generator.ifs) > 1:
        return None
    depth = 1
    for condition in generator.ifs:
        lines.append("    " * depth + f"if {source.of(condition)}:")
        depth += 1
    if isinstance(value, ast.DictComp):
        lines.append("    " * depth + f"{name}[{source.of(value.key)}] = {source.of(value.value)}")
    else:
        method = "append" if isinstance(value, ast.ListComp) else "add"
        lines.append("    " * depth + f"{name}.{method}({source.of(value.elt)})")
    return "\n".join(indent * (i > 0) + line for i, line in enumerate(lines))


def _make_comprehension(source: Source, rng: random.Random) -> Iterator[Made]:
    for function in source.functions():
        names = [n.id for n in ast.walk(function) if isinstance(n, ast.Name)]
        for node in function.body:
            statements = _as_loop(node) if isinstance(node, ast.Assign) else None
            if statements is None:
                continue
            inner = [n.id for n in ast.walk(node.value.generators[0].target) if isinstance(n, ast.Name)]
            within = [n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)]
            # Elsewhere the loop's names mean nothing, and the list is not its own source.
            if node.targets[0].id in within or any(names.count(i) != within.count(i) for i in inner):
                continue
            loop = _written_loop(source, node)
            if loop is None:
                continue
            other = source.edited([Edit(*source.span(node), loop)])
            slots = {"name": node.targets[0].id}
            if rng.random() < 0.5:
                yield Made(other, source.text, slots, "comprehension")
            else:
                yield Made(source.text, other, slots, "loop")


COMPREHENSION = Kind(
    "comprehension and loop",
    _make_comprehension,
    lambda before, after, slots: same(_loops(before), _loops(after)) and not same(parsed(before), parsed(after)),
    {
        "comprehension": (
            "build {name} with a comprehension",
            "turn the loop that fills {name} into a comprehension",
            "use a comprehension for {name}",
            "replace the loop by a comprehension",
            "{name} can be a comprehension",
        ),
        "loop": (
            "build {name} in a for loop",
            "turn the comprehension of {name} into a loop",
            "use a plain loop instead of the comprehension for {name}",
            "write the comprehension out as a loop",
            "{name} should be filled by a for loop",
        ),
    },
)
