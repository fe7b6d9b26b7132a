"""Tests of the edits that are made by program: each changes what it says, and nothing else."""

import ast
import collections
import random
import re
import textwrap

import pytest

from train.data.files import File
from train.pairs import behaves, fim, kinds, make
from train.pairs.source import Source

TEXTS = {
    "type hints": '''
        def scale(values: list[int], by: int = 2, *rest: str, deep: bool = False) -> list[int]:
            """Multiply."""
            return [v * by for v in values]
    ''',
    "docstring": '''
        def scale(values, by):
            """Multiply each of the values."""

            return [v * by for v in values]
    ''',
    "remove comments": """
        def scale(values):
            # The factor.
            by = 2  # two
            text = "# not a comment"
            return [v * by for v in values], text
    """,
    "modern types": """
        from typing import Dict, List, Optional, Union

        def find(items: List[Dict[str, int]], key: Optional[str] = None) -> Union[int, str]:
            return items[0][key or "a"]
    """,
    "f-strings": """
        def greet(user, n):
            print(f"Hello {user.name}, {n:>4}!")
            return f"{n} of {user.total}"
    """,
    "comparisons with None": """
        def pick(a, b):
            if a is None and b is not None:
                return b
            return a
    """,
    "comprehension and loop": """
        def names(users):
            found = [user.name for user in users if user.active]
            return sorted(found)
    """,
    "rename": """
        def total(values):
            result = 0
            for value in values:
                result += value
            return result
    """,
    "constants": """
        import time

        def wait(times):
            for _ in range(times):
                time.sleep(3600)
    """,
    "error handling": """
        def read(path):
            try:
                text = path.read_text()
            except OSError:
                return None
            return text.strip()
    """,
    "unittest to pytest": """
        import unittest


        class TestAdd(unittest.TestCase):
            def test_add(self):
                self.assertEqual(add(1, 2), 3)
                self.assertTrue(add(1, 2) > 2)
                self.assertIsNone(None)
                with self.assertRaises(TypeError):
                    add(1, "a")
    """,
}


def _made(name, seed=1):
    text = textwrap.dedent(TEXTS[name]).lstrip("\n")
    return list(make.KINDS[name].make(Source(text, "a.py"), random.Random(seed)))


@pytest.mark.parametrize("name", TEXTS)
def test_every_kind_makes_checked_edits(name):
    """Protects the pairs: each kind makes an edit of a text that has what it is about, both sides parse, the check holds,
    and the kind's own judge takes the right answer and refuses the text as it was."""
    kind = make.KINDS[name]
    found = [made for seed in range(8) for made in _made(name, seed)]
    assert found
    for made in found:
        ast.parse(made.before), ast.parse(made.after)
        assert kind.check(made.before, made.after, made.slots), made
        assert kind.right(made.before, made.after, made.after, made.slots)
        assert not kind.right(made.before, made.before, made.after, made.slots)


@pytest.mark.parametrize("name", [n for n in TEXTS if n != "remove comments"])
def test_a_check_sees_what_else_changed(name):
    """Protects from pairs that do more than they say: one more statement, and the check and the judge refuse."""
    kind = make.KINDS[name]
    for made in _made(name):
        worse = made.after + "\n\nunasked = 1\n"
        assert not kind.check(made.before, worse, made.slots)
        assert not kind.right(made.before, worse, made.after, made.slots)


def test_edits_keep_bytes():
    """Protects layout: only the span that is edited changes, odd blanks and letters beyond ASCII around it stay."""
    text = 'def gruß(a,b ,  c):\n    é = {"ü":a}  \n    if a is None : return b\n    return é\n'
    (made,) = make.KINDS["comparisons with None"].make(Source(text, "a.py"), random.Random(1))
    assert made.after == text and made.before == text.replace("a is None", "a == None")


def test_each_kind_of_edit_is_what_is_expected():
    """Protects the very texts that some kinds write."""
    assert any("return [v * by for v in values]" in m.before and "-> list[int]" not in m.before for m in _made("type hints"))
    first = _made("type hints")[0].before
    assert first.startswith("def scale(values, by=2, *rest, deep=False):")
    loops = {m.after if m.phrases == "loop" else m.before for s in range(8) for m in _made("comprehension and loop", s)}
    assert any("    for user in users:\n        if user.active:\n            found.append(user.name)\n" in t for t in loops)
    (tests,) = _made("unittest to pytest")
    assert tests.after.startswith("import pytest\n\n\nclass TestAdd:\n")
    assert "assert add(1, 2) > 2" in tests.after and "with pytest.raises(TypeError):" in tests.after
    made = [m for s in range(20) for m in _made("constants", s) if m.phrases == "extract"]
    assert re.search(r"import time\n\n[A-Z_]+ = 3600\n\n\ndef wait", made[0].after)


def test_renames_do_not_touch_fields_keys_and_texts():
    """Protects renames: a name that is also a field, a keyword of a call or a word of a text is left alone."""
    text = "def f(size, box):\n    box.size = g(depth=1)\n    depth = size\n    return depth\n"
    found = {m.slots["old"] for s in range(20) for m in make.KINDS["rename"].make(Source(text, "a.py"), random.Random(s))}
    assert "size" not in found and "depth" not in found and found <= {"f", "box"}


def test_renames_by_tokens():
    """Protects renames in other languages: comments, texts, fields and keys of that name stay, or nothing is made."""
    kind = make.LEXICAL
    text = "fn total(values: &[u32]) -> u32 {\n    let mut sum = 0;\n    for v in values {\n        sum += v;\n    }\n    sum\n}\n"
    file = File("p", "MIT", "rust", "src/a.rs", "use x;\n\n" + text)
    (pair,) = make.pairs(file, 1, False, collections.Counter())
    assert pair.slots["old"] == "sum" and pair.after == re.sub(r"\bsum\b", pair.slots["new"], text)
    assert kind.right(pair.before, pair.after, pair.after, pair.slots)
    assert not kind.right(pair.before, pair.after.replace("+=", "-="), pair.after, pair.slots)
    held = "function f(a) {\n  const size = a;\n  g({ size });\n  h(size, 1);\n  return size;\n}\n"
    assert not list(make.pairs(File("p", "MIT", "javascript", "a.js", held), 1, False, collections.Counter()))


def test_pairs_do_not_depend_on_chance():
    """Protects reproducibility: the same file and seed give the same pairs."""
    text = "\n\n".join(textwrap.dedent(t).strip("\n") for n, t in TEXTS.items() if n != "unittest to pytest") + "\n"
    file = File("p", "MIT", "python", "src/a.py", text)
    runs = [list(make.pairs(file, 5, False, collections.Counter())) for _ in range(2)]
    assert runs[0] == runs[1] and len(runs[0]) > 5


def test_held_out_words_are_not_trained_on():
    """Protects the measurement: the last phrase of each list is asked only of held-out pairs."""
    kind = make.KINDS["comparisons with None"]
    made = kinds.Made("", "", {})
    rng = random.Random(1)
    last = kind.phrases["default"][-1].lower()
    trained = {kinds.worded(kind, made, rng, False).lower().rstrip(".") for _ in range(200)}
    held = {kinds.worded(kind, made, rng, True).lower().rstrip(".") for _ in range(200)}
    assert not any(last in t for t in trained) and any(last in t for t in held)
    assert len(trained) >= len(kind.phrases["default"]) - 1


def test_doctests_decide():
    """Protects behaviour: an edit after which the text's own doctests fail is known, and what reaches out is not run."""
    text = 'def add(a, b):\n    """\n    >>> add(1, 2)\n    3\n    """\n    return a + b\n'
    assert behaves.unchanged(text, text.replace("a + b", "b + a")) is True
    assert behaves.unchanged(text, text.replace("a + b", "a - b")) is False
    assert behaves.unchanged(text.replace("add(1, 2)", "open('x')"), text) is None
    assert not behaves.runnable("import os\n" + text) and not behaves.runnable(text + "\nx = ().__class__\n")


def test_holes_are_whole():
    """Protects completion: prefix, middle and suffix are the text again, and the middle has the blanks that the plugin
    takes away before it asks."""
    text = "import os\n\n\ndef f(a):\n    if a:\n        return os.path.join(a, 'b')\n    return None\n" * 3
    rng = random.Random(3)
    found = [h for _ in range(300) if (h := fim.hole(text, rng))]
    assert {h.kind for h in found} == {"line", "lines", "span"}
    assert all(h.prefix + h.middle + h.suffix == text and h.middle for h in found)
    assert sum(h.prefix != h.prefix.rstrip(" \t") for h in found) < len(found) / 4
    lines = [h for h in found if h.kind == "line"]
    assert all("\n" not in h.middle.strip(" \n") and h.suffix.startswith("\n") for h in lines)
    prefix, suffix = fim.windowed("a\n" * 100, "b\n" * 100, 50, 20)
    assert prefix == "a\n" * 24 and suffix == "b\n" * 10
