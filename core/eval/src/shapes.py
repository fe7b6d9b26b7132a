"""Judges what an edit has left alone and what it has brought, by the text of the files before and after.

Reads `before` and `after` (path to text) and `shapes` (rows with `kind` and `path`) as JSON from standard input, and exits
with 0 and says the password if every shape holds. It shares no code with the checks that it judges.
"""

import ast
import io
import json
import os
import re
import sys
import tokenize

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = FUNCTIONS + (ast.ClassDef,)


class Wrong(Exception):
    pass


def expect(condition, message):
    if not condition:
        raise Wrong(message)


# --- tokens of other languages ------------------------------------------------------------------------------------

C_LIKE = re.compile(
    r"""(?P<space>\s+)
    |(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<string>"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|'(?:\\.|[^'\\\n])+')
    |(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    |(?P<number>[0-9][A-Za-z0-9_.]*)
    |(?P<other>.)""",
    re.S | re.X,
)
# A lifetime is no character.
RUST = re.compile(C_LIKE.pattern.replace(r"'(?:\\.|[^'\\\n])+'", r"'(?:\\.[^']*|[^'\\\n])'"), re.S | re.X)


def tokens(path, text):
    """Pairs of kind and text, without whitespace."""
    if path.endswith(".py"):
        out = []
        skip = (tokenize.NL, tokenize.ENDMARKER, tokenize.ENCODING)
        kinds = {tokenize.COMMENT: "comment", tokenize.STRING: "string", tokenize.NAME: "word"}
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in (tokenize.INDENT, tokenize.DEDENT):
                out.append((tokenize.tok_name[token.type], ""))
            elif token.type == tokenize.NEWLINE:
                out.append(("newline", ""))
            elif token.type not in skip:
                out.append((kinds.get(token.type, "other"), token.string))
        return out
    pattern = RUST if path.endswith(".rs") else C_LIKE
    found = ((match.lastgroup, match.group()) for match in pattern.finditer(text))
    return [pair for pair in found if pair[0] != "space"]


def code(path, text):
    return [pair for pair in tokens(path, text) if pair[0] != "comment"]


def comments(path, text):
    return [pair[1] for pair in tokens(path, text) if pair[0] == "comment"]


# --- Python -------------------------------------------------------------------------------------------------------


def parse(text):
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise Wrong("it does not parse: " + str(error))


def find(tree, name):
    """The definition with this dotted name."""
    node = tree
    for part in name.split("."):
        bodies = [n for n in ast.walk(node) if isinstance(n, DEFINITIONS) and n.name == part and n is not node]
        expect(bodies, "there is no " + name)
        node = bodies[0]
    return node


def without_docstrings(tree, names=None):
    """The tree as text, without the docstrings of all definitions, or of those named."""
    for node in list(ast.walk(tree)):
        if not isinstance(node, DEFINITIONS + (ast.Module,)):
            continue
        if names is not None and getattr(node, "name", "") not in names:
            continue
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            node.body = node.body[1:]
            # A body that was only a docstring needs nothing in its place to be compared.
    return ast.dump(tree)


class Untyped(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.returns = None
        arguments = node.args
        for argument in arguments.posonlyargs + arguments.args + arguments.kwonlyargs:
            argument.annotation = None
        for argument in (arguments.vararg, arguments.kwarg):
            if argument:
                argument.annotation = None
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_AnnAssign(self, node):
        if node.value is None:
            return node
        return ast.Assign(targets=[node.target], value=node.value)

    def visit_ImportFrom(self, node):
        return None if node.module in ("typing", "collections.abc", "__future__") else node

    def visit_Import(self, node):
        return None if [alias.name for alias in node.names] == ["typing"] else node


# --- shapes -------------------------------------------------------------------------------------------------------


def docstring(path, before, after, row):
    names = row["names"]
    if path.endswith(".py"):
        old, new = parse(before), parse(after)
        for name in names:
            text = ast.get_docstring(find(new, name))
            expect(text and len(text.split()) >= 2, name + " has no docstring")
            want = row.get("mentions", [])
            expect(all(word.lower() in text.lower() for word in want), "the docstring lacks one of " + ", ".join(want))
        last = [name.split(".")[-1] for name in names]
        expect(without_docstrings(old, last) == without_docstrings(new, last), "more than the docstring is changed")
        expect(comments(path, before) == comments(path, after), "comments are changed")
        return
    expect(code(path, before) == code(path, after), "code is changed")
    kept, there = comments(path, before), comments(path, after)
    for name in names:
        lines = after.splitlines()
        at = [i for i, line in enumerate(lines) if re.search(row.get("definition", r"\b%s\b") % re.escape(name), line)]
        expect(at, "there is no " + name)
        above = at[0] - 1
        while above >= 0 and lines[above].strip().startswith(("@", "#[")):
            above -= 1
        marks = ("//", "/*", "*")
        is_comment = above >= 0 and (lines[above].strip().startswith(marks) or lines[above].strip().endswith("*/"))
        # Some write it at the beginning of the body.
        opened = next((i for i in range(at[0], len(lines)) if "{" in lines[i]), len(lines))
        if opened + 1 < len(lines) and not row.get("above"):
            is_comment = is_comment or lines[opened + 1].strip().startswith(marks)
        expect(is_comment, name + " has no comment above it")
    for text in kept:
        expect(text in there, "a comment is lost: " + text)
    expect(len(there) > len(kept), "there is no new comment")


def hints(path, before, after, row):
    old, new = parse(before), parse(after)
    names = row["names"]
    for name in names:
        node = find(new, name)
        arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
        expect(not bare, name + " has no hint for " + ", ".join(bare))
        expect(node.returns is not None or node.name == "__init__", name + " has no hint of what it returns")
        want = row.get("types", {})
        for argument in arguments:
            if argument.arg in want:
                found = ast.unparse(argument.annotation)
                expect(re.search(want[argument.arg], found), "%s is hinted as %s" % (argument.arg, found))
        if "return" in want:
            found = ast.unparse(node.returns)
            expect(re.search(want["return"], found), "the result is hinted as " + found)
    expect(ast.dump(Untyped().visit(old)) == ast.dump(Untyped().visit(new)), "more than hints is changed")
    expect(comments(path, before) == comments(path, after), "comments are changed")
    # Hints must be names that exist.
    scope = {"__name__": "hints"}
    known = {n.id for n in ast.walk(new) if isinstance(n, ast.Name)} - {n.id for n in ast.walk(old) if isinstance(n, ast.Name)}
    bound = set(dir(__builtins__)) | set(scope)
    for node in ast.walk(new):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, DEFINITIONS):
            bound.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
    expect(known <= bound, "unknown names: " + ", ".join(sorted(known - bound)))


def rename_in_python(before, after, row):
    """The trees are compared, so that f-strings count."""
    old, new = row["old"], row["new"]
    tree = parse(before)
    definition = find(tree, row["within"].split()[-1])
    found = False
    for node in ast.walk(definition):
        for field in ("id", "arg", "name"):
            if isinstance(node, (ast.Name, ast.arg, ast.ExceptHandler)) and getattr(node, field, None) == old:
                setattr(node, field, new)
                found = True
    expect(found, "the shape names nothing")
    expect(ast.dump(tree) == ast.dump(parse(after)), "the code is not that with `%s` as `%s`" % (old, new))


def rename(path, before, after, row):
    """`old` is `new` in all code of the file, or, with `within`, in one definition."""
    old, new = row["old"], row["new"]
    if path.endswith(".py"):
        return rename_in_python(before, after, row)

    word = re.compile(r"(?<![A-Za-z0-9_$.])%s(?![A-Za-z0-9_$])" % re.escape(old))

    def renamed(text):
        out = []
        for kind, value in code(path, text):
            if kind == "word" and value == old:
                value = new
            elif value.startswith("`"):
                value = re.sub(r"\$\{[^}]*\}", lambda part: word.sub(new, part.group()), value)
            out.append((kind, value))
        return out

    if "within" in row:
        # The definition is all lines from the first that matches to the next line of the same or less indentation.
        lines = before.splitlines(keepends=True)
        start = next((i for i, line in enumerate(lines) if row["within"] in line), None)
        expect(start is not None, "there is no " + row["within"])
        indent = len(lines[start]) - len(lines[start].lstrip())
        end = start + 1
        while end < len(lines):
            line = lines[end]
            if line.strip() and len(line) - len(line.lstrip()) <= indent and line.strip()[0] not in "{})]":
                break
            end += 1
        part = renamed("".join(lines[start:end]))
        want = code(path, "".join(lines[:start])) + part + code(path, "".join(lines[end:]))
        expect(want != code(path, before), "the shape names nothing")
        expect(want == code(path, after), "the code is not that with `%s` as `%s`" % (old, new))
        return
    expect(renamed(before) != code(path, before), "the shape names nothing")
    expect(renamed(before) == code(path, after), "the code is not that with `%s` as `%s`" % (old, new))


def imported(tree):
    out = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            out += [(0, alias.name, "", alias.asname) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            out += [(node.level, node.module or "", alias.name, alias.asname) for alias in node.names]
    return out


def imports(path, before, after, row):
    old, new = parse(before), parse(after)
    removed = set(row.get("removed", []))
    want = [i for i in imported(old) if (i[3] or i[2] or i[1]) not in removed]
    found = imported(new)
    expect(sorted(map(str, set(want))) == sorted(map(str, found)), "the imported names are others")
    rest = lambda tree: [ast.dump(n) for n in tree.body if not isinstance(n, (ast.Import, ast.ImportFrom))]
    expect(rest(old) == rest(new), "more than the imports is changed")
    expect(comments(path, before) == comments(path, after), "comments are changed")
    if row.get("sorted"):
        block, blocks = [], []
        for line in after.splitlines() + [""]:
            if re.match(r"(import|from)\s", line):
                block.append(line)
            elif not line.startswith((" ", ")")) and block:
                blocks.append(block)
                block = []
        for block in blocks:
            key = lambda line: line.split()[1].lower()
            plain = [key(l) for l in block if l.startswith("import")]
            names = [key(l) for l in block if l.startswith("from")]
            mixed = [key(l) for l in block]
            apart = plain == sorted(plain) and names == sorted(names)
            apart = apart and [l.split()[0] for l in block] == sorted((l.split()[0] for l in block), reverse=True)
            expect(mixed == sorted(mixed) or apart, "imports are not sorted")


def layout(path, before, after, row):
    """Only whitespace is changed, and it is as asked for."""
    if path.endswith(".py"):
        expect(ast.dump(parse(before)) == ast.dump(parse(after)), "the code is changed")
        expect(comments(path, before) == comments(path, after), "comments are changed")
    squeezed = lambda text: [(kind, " ".join(value.split())) for kind, value in tokens(path, text)]
    same = squeezed(before) == squeezed(after)
    # Where lines are wrapped, parentheses and commas may come.
    expect(same or row.get("wraps"), "more than the layout is changed")
    lines = after.split("\n")
    ask = row["ask"]
    if ask == "trailing":
        expect(all(line == line.rstrip() for line in lines), "there is trailing whitespace")
    elif ask == "tabs":
        expect("\t" not in after, "there are tabs")
    elif ask == "final_newline":
        expect(after.endswith("\n") and not after.endswith("\n\n"), "the file does not end in one newline")
    elif ask == "blank_lines":
        expect("\n\n\n\n" not in after, "there are more than two blank lines together")
    elif ask == "width":
        expect(all(len(line) <= row["width"] for line in lines), "a line is too long")
    else:
        raise Wrong("unknown layout " + ask)


def text(path, before, after, row):
    """The file is the old one with one text in place of another, up to whitespace at the ends of lines."""
    expect(row["old"] in before, "the shape names nothing")
    plain = lambda value: [line.rstrip() for line in value.strip().splitlines() if line.strip()]
    wanted = [row["new"]] + row.get("or", [])
    texts = [plain(before.replace(row["old"], new)) for new in wanted]
    expect(plain(after) in texts, "the text is another")


def pattern(path, before, after, row):
    for have in row.get("has", []):
        expect(re.search(have, after, re.M), "the text lacks " + have)
    for lack in row.get("lacks", []):
        expect(not re.search(lack, after, re.M), "the text has " + lack)


def comment(path, before, after, row):
    """Comments are added, or taken out, and the code is the same."""
    expect(code(path, before) == code(path, after), "code is changed")
    there, kept = comments(path, after), comments(path, before)
    if row.get("none"):
        expect(not there, "there are comments")
        return
    expect(len(there) > len(kept) and all(c in there for c in kept), "there is no new comment")


KINDS = [docstring, hints, rename, imports, layout, text, pattern, comment]


def main():
    task = json.loads(sys.stdin.buffer.read())
    kinds = {kind.__name__: kind for kind in KINDS}
    for row in task["shapes"]:
        path = row["path"]
        expect(path in task["after"], path + " is gone")
        expect(row["kind"] in kinds, "unknown shape " + row["kind"])
        kinds[row["kind"]](path, task["before"].get(path, ""), task["after"][path], row)
    sys.stdout.flush()
    os.write(1, ("\n" + task["password"] + "\n").encode())


try:
    main()
except BaseException as error:
    said = str(error) if isinstance(error, Wrong) else type(error).__name__ + ": " + str(error)
    os.write(2, b"\n" + " ".join(said.split()).encode("utf-8", "replace")[:2000])
    os._exit(1)
os._exit(0)
