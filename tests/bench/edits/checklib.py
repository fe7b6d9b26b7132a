"""Functions for the checks of tasks.toml. A check runs in the edited repository; ORIG names the unedited one.

A check ends without an exception where the edit is right. `incomplete` says that nothing is broken, but that a part of
what was asked for is missing; every other exception means that the edit is wrong.
"""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ORIG = Path(os.environ["ORIG"])
LIMIT = 120


def incomplete(what):
    """Ends the check: a part of what was asked for is missing."""
    print(f"incomplete: {what}", file=sys.stderr)
    sys.exit(3)


def read(path):
    return Path(path).read_text(encoding="utf-8")


def orig(path):
    return (ORIG / path).read_text(encoding="utf-8")


def sub(path, old, new, count=1):
    """For reference edits: replaces a text that must be there."""
    text = read(path)
    assert old in text, f"{path} has no {old!r}"
    Path(path).write_text(text.replace(old, new) if count == 0 else text.replace(old, new, count), encoding="utf-8")


def write(path, text):
    """For reference edits: a whole file."""
    Path(path).write_text(text, encoding="utf-8")


def sh(*words, env=None, stdin=None):
    """Runs a program, which must succeed, and returns what it printed."""
    full = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, env=full, input=stdin)
    tail = " / ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-4:])
    assert done.returncode == 0, f"{os.path.basename(words[0])} failed: {tail}"
    return done.stdout


# ---------------------------------------------------------------- Python


def py(code, path="src"):
    return sh(sys.executable, "-c", code, env={"PYTHONPATH": path})


def unittests(path="src", top="tests"):
    return sh(sys.executable, "-m", "unittest", "discover", "-s", "tests", "-t", top, env={"PYTHONPATH": path})


def unittests_fail(path="src", top="tests"):
    """For checks of tests: whether the tests notice a fault."""
    try:
        unittests(path, top)
    except AssertionError:
        return True
    return False


def parse(text):
    return ast.parse(text)


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def defines(path, name):
    """Whether a file defines the name at its top level; an import is no definition."""
    for node in parse(read(path)).body:
        if getattr(node, "name", None) == name:
            return True
        if isinstance(node, ast.Assign) and any(getattr(target, "id", None) == name for target in node.targets):
            return True
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", None) == name:
            return True
    return False


class _Bare(ast.NodeTransformer):
    def __init__(self, docstrings, hints, imports):
        self.docstrings, self.hints, self.imports = docstrings, hints, imports

    def generic_visit(self, node):
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if self.docstrings and isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
            first = body[0] if body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                node.body = body[1:]
        if self.hints:
            if isinstance(node, ast.FunctionDef):
                node.returns = None
            if isinstance(node, ast.arg):
                node.annotation = None
            if isinstance(node, ast.AnnAssign) and node.value is not None:
                return ast.Assign(targets=[node.target], value=node.value)
        return node

    def visit_Import(self, node):
        return None if self.imports else node

    def visit_ImportFrom(self, node):
        return None if self.imports and node.module in ("typing", "__future__", "collections.abc") else node


def same_code(path, docstrings=False, hints=False):
    """The code is what it was, but for docstrings or annotations (and the imports that annotations need)."""
    bare = [ast.dump(_Bare(docstrings, hints, hints).visit(parse(text))) for text in (read(path), orig(path))]
    assert bare[0] == bare[1], f"the code of {path} has changed"


def comments_kept(path, mark="#"):
    """No line that is a comment has been lost."""
    old = [line.strip() for line in orig(path).splitlines() if line.strip().startswith(mark)]
    new = [line.strip() for line in read(path).splitlines()]
    lost = [line for line in old if line not in new]
    assert not lost, f"{path} has lost the comment {lost[0]!r}"


def docstrings_kept(path):
    names = lambda tree: {getattr(node, "name", ""): ast.get_docstring(node) for node in ast.walk(tree)
                          if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module))}
    old, new = names(parse(orig(path))), names(parse(read(path)))
    for name, text in old.items():
        assert text is None or new.get(name), f"{path} has lost the docstring of {name or 'the module'}"


def documented(path):
    """Every function has a docstring of more than one word."""
    bare = [node.name for node in functions(parse(read(path)))
            if node.name != "__init__" and len((ast.get_docstring(node) or "").split()) < 2]
    if bare:
        incomplete(f"{path}: no docstring in {', '.join(bare)}")


def hinted(path):
    """Every function has types for its arguments and its result."""
    bare = []
    for node in functions(parse(read(path))):
        every = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        missing = [arg.arg for arg in every if arg.annotation is None and arg.arg not in ("self", "cls")]
        if missing or (node.returns is None and node.name != "__init__"):
            bare.append(node.name)
    if bare:
        incomplete(f"{path}: types are missing in {', '.join(bare)}")


def no_name(name, *suffixes):
    """No file has the name any more, as a whole word."""
    for path in sorted(Path(".").rglob("*")):
        if path.is_file() and path.suffix in suffixes and ".git" not in path.parts:
            if re.search(rf"\b{name}\b", path.read_text(encoding="utf-8")):
                incomplete(f"{path} still has {name}")


# ---------------------------------------------------------------- JavaScript


def node(code):
    return sh("node", "--input-type=module", "-e", f'import assert from "node:assert/strict";\n{code}')


def node_tests():
    return sh("node", "--test")


# ---------------------------------------------------------------- C-like languages


def without_comments(text):
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"\s+", "", re.sub(r"(?m)//.*$", "", text))


def only_comments(path):
    """The file differs from what it was in comments and whitespace only."""
    assert without_comments(read(path)) == without_comments(orig(path)), f"the code of {path} has changed"


def commented(path, pattern, comment_end):
    """A comment stands right before each line that matches the pattern; annotations and attributes may be between."""
    lines = read(path).splitlines()
    bare = []
    for number, line in enumerate(lines):
        if re.search(pattern, line):
            above = number - 1
            while above >= 0 and lines[above].strip().startswith(("@", "#[")):
                above -= 1
            if above < 0 or not re.search(comment_end, lines[above]):
                bare.append(line.strip())
    if bare:
        incomplete(f"{path}: no comment at {bare[0]}")


def java(body, throws="Exception"):
    """Compiles all of src and runs `body` as a main method in the package bank."""
    with tempfile.TemporaryDirectory() as out:
        main = Path(out, "Check.java")
        need = "static void need(boolean ok, String what) { if (!ok) throw new AssertionError(what); }"
        main.write_text("package bank;\nimport java.util.*;\npublic class Check { " + need
                        + " public static void main(String[] args) throws " + throws + " {\n" + body + "\n} }\n")
        sources = [str(path) for path in sorted(Path("src").rglob("*.java"))]
        sh("javac", "-proc:none", "-d", out, *sources, str(main))
        return sh("java", "-Xshare:auto", "-cp", out, "bank.Check")


def java_main():
    """The output of the repository's own program."""
    with tempfile.TemporaryDirectory() as out:
        sh("javac", "-proc:none", "-d", out, *[str(path) for path in sorted(Path("src").rglob("*.java"))])
        return sh("java", "-Xshare:auto", "-cp", out, "bank.Main")


def rust(body):
    """Compiles the library, its own tests and `body` as a main function, and runs the last two."""
    with tempfile.TemporaryDirectory() as out:
        flags = ["--edition", "2021", "-A", "warnings"]
        lib = f"{out}/libtextkit.rlib"
        sh("rustc", *flags, "--crate-type", "rlib", "--crate-name", "textkit", "src/lib.rs", "-o", lib)
        sh("rustc", *flags, "--test", "src/lib.rs", "-o", f"{out}/tests")
        sh(f"{out}/tests")
        main = Path(out, "check.rs")
        main.write_text("fn main() {\n" + body + "\n}\n")
        sh("rustc", *flags, str(main), "--extern", f"textkit={lib}", "-o", f"{out}/check")
        sh("rustc", *flags, "src/main.rs", "--extern", f"textkit={lib}", "-o", f"{out}/main")
        return sh(f"{out}/check")


# ---------------------------------------------------------------- data


def toml(path):
    return tomllib.loads(read(path))


def yaml(text):
    """Maps, lists and scalars in block style, which is all that the files here use; anything else raises."""
    rows = []
    for line in text.splitlines():
        bare = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        if bare.strip():
            assert "\t" not in bare, "a tab in YAML"
            rows.append((len(bare) - len(bare.lstrip()), bare.lstrip()))

    def scalar(word):
        if word == "{}":
            return {}
        assert not word.startswith(("&", "*", "|", ">", "[", "{", "%")), f"not understood: {word}"
        if word[:1] in "\"'":
            assert len(word) > 1 and word[-1] == word[0], f"an open quote: {word}"
            return word[1:-1]
        return word

    def block(depth):
        if rows[0][1].startswith("- "):
            out = []
            while rows and rows[0][0] == depth and rows[0][1].startswith("- "):
                out.append(scalar(rows.pop(0)[1][2:].strip()))
        else:
            out = {}
            while rows and rows[0][0] == depth:
                key, colon, rest = rows.pop(0)[1].partition(":")
                assert colon and (not rest or rest[0] == " ") and key not in out, f"no key, or twice: {key}"
                if rest.strip():
                    out[key] = scalar(rest.strip())
                elif rows and (rows[0][0] > depth or (rows[0][0] == depth and rows[0][1].startswith("- "))):
                    out[key] = block(rows[0][0])
                else:
                    out[key] = None
        assert not rows or rows[0][0] <= depth, f"indentation: {rows[0][1]}"
        return out

    out = block(rows[0][0])
    assert not rows, f"indentation: {rows[0][1]}"
    return out
