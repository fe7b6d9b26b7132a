"""Renames in languages that are not parsed here: by their tokens, which is exact for what it dares to rename."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator

from .kinds import Made
from .names import _new_name

#: Comments, texts, then words and single signs. Regular expressions of JavaScript are not told apart from divisions, so
#: that a text with a slash before a word is left alone.
_TOKENS = re.compile(
    r"//[^\n]*|/\*.*?\*/|r#*\".*?\"#*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])'|`[^`]*`|[A-Za-z_$][\w$]*|\d[\w.]*|\s+|.", re.S
)
_DECLARED = {
    "rust": re.compile(r"\blet\s+(?:mut\s+)?([a-z_]\w*)\b"),
    "javascript": re.compile(r"\b(?:const|let|var)\s+([A-Za-z_]\w*)\s*="),
    "typescript": re.compile(r"\b(?:const|let|var)\s+([A-Za-z_]\w*)\s*[=:]"),
    "go": re.compile(r"\b([a-z]\w*)\s*:="),
    "java": re.compile(r"\b(?:int|long|boolean|double|String|[A-Z]\w*(?:<[\w, ]+>)?)\s+([a-z]\w*)\s*="),
    "c": re.compile(r"\b(?:int|long|char|size_t|unsigned|double|uint\d+_t|\w+_t)\s+\*?\s*([a-z_]\w*)\s*[=;]"),
    "cpp": re.compile(r"\b(?:int|long|char|size_t|auto|double|bool|std::string|uint\d+_t)\s+[*&]?\s*([a-z_]\w*)\s*[=;]"),
}
_OPENS = re.compile(r"^(?:pub |async |export |static |inline |func |fn |function |void |int |const |unsafe |default )[^\n]*\{$", re.M)
_KEYWORDS = set("if else for while return match let mut const var fn func self this new in of type as use int char".split())
MOST_BYTES = 2200


def tokens(text: str) -> list[str]:
    return _TOKENS.findall(text)


def units(text: str) -> Iterator[str]:
    """Functions at the left margin, up to the closing brace there."""
    for match in _OPENS.finditer(text):
        end = text.find("\n}", match.start())
        if end < 0:
            continue
        stop = text.find("\n", end + 1)
        unit = text[match.start() : stop + 1 if stop > 0 else len(text)]
        if 60 <= len(unit) <= MOST_BYTES and unit.count("\n") > 2 and "`" not in unit and "\t/" not in unit:
            yield unit if unit.endswith("\n") else unit + "\n"


def made(text: str, language: str, rng: random.Random) -> Iterator[Made]:
    """One rename of a local variable."""
    pattern = _DECLARED.get(language)
    if pattern is None:
        return
    parts = tokens(text)
    count = Counter(parts)
    spoken = " ".join(p for p in parts if p[:1] in "\"'`/" and len(p) > 1)
    names = sorted({m[1] for m in pattern.finditer(text)} - _KEYWORDS)
    for name in rng.sample(names, len(names)):
        if count[name] < 2 or re.search(rf"\b{re.escape(name)}\b", spoken) or not _plain(parts, name):
            continue
        new = _new_name(name, set(count), rng)
        if new and new not in _KEYWORDS:
            after = "".join(new if p == name else p for p in parts)
            yield Made(text, after, {"old": name, "new": new, "role": "variable"}, "variable")
            return


def _plain(parts: list[str], name: str) -> bool:
    """Whether no token of that name is a field, a key, a label or a shorthand."""
    solid = [p for p in parts if not p.isspace() and not p.startswith(("//", "/*"))]
    for at, part in enumerate(solid):
        if part == name:
            before, after = "".join(solid[at - 1 : at]), "".join(solid[at + 1 : at + 2])
            # A field, a key or a label, and what may be the short form of a field.
            if before in (".", ">", ":") or after == ":" or (before in ("{", ",") and after in (",", "}")):
                return False
    return True


def is_rename(before: str, after: str, slots: dict[str, str]) -> bool:
    """Token for token the same, but for the name."""
    old, new = slots["old"], slots["new"]
    return [new if p == old else p for p in tokens(before)] == tokens(after) and new not in tokens(before)
