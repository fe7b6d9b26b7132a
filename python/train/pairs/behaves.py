"""Tests that come with the code: its doctests, run on both texts in a process of their own."""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
import tempfile

from .source import parsed

#: Modules that a text may import for its doctests to be run: none of them reaches files, processes or the network.
_HARMLESS = {"math", "re", "itertools", "functools", "collections", "string", "operator", "typing", "dataclasses", "enum"}
_REACHES = {"open", "exec", "eval", "compile", "input", "__import__", "globals", "vars", "breakpoint", "getattr", "setattr"}
_RUNNER = "import doctest, sys, types\nm = types.ModuleType('unit')\ntext = sys.stdin.read()\n" + (
    "exec(compile(text, 'unit', 'exec'), m.__dict__)\nr = doctest.testmod(m)\n"
    "print(r.failed, r.attempted)\n"
)


def runnable(text: str) -> bool:
    """Whether the text has doctests and names nothing that reaches outside."""
    tree = parsed(text)
    if ">>>" not in text or tree is None:
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            if any(a.name.split(".")[0] not in _HARMLESS for a in node.names):
                return False
        elif isinstance(node, ast.ImportFrom):
            if node.level or (node.module or "").split(".")[0] not in _HARMLESS:
                return False
        elif isinstance(node, ast.Name) and node.id in _REACHES:
            return False
        elif isinstance(node, ast.Attribute) and node.attr.startswith("__"):
            return False
    examples = " ".join(line for line in text.splitlines() if line.strip().startswith((">>>", "...")))
    return not any(word in examples for word in ("import ", "open(", "__", "exec", "eval"))


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def tests(text: str) -> tuple[int, int] | None:
    """How many doctests failed and were tried, or `None` where they did not come to an end."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _RUNNER], input=text, capture_output=True, text=True, timeout=10,
                cwd=folder, env={}, preexec_fn=_limits, check=False,
            )  # fmt: skip
            failed, tried = done.stdout.split()[-2:]
            return int(failed), int(tried)
        except (subprocess.TimeoutExpired, ValueError, OSError):
            return None


def unchanged(before: str, after: str) -> bool | None:
    """Whether tests that pass before pass after as well; `None` where there are none to run."""
    if not runnable(before) or not runnable(after):
        return None
    found = tests(before)
    if found is None or found[0] or not found[1]:
        return None
    return tests(after) == found
