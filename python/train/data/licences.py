"""Which licences may be trained on, from a package's metadata and from the text of its licence files.

Both must agree: the metadata is what somebody typed into a field, the file is what binds. A package whose file says
anything that is not permissive is left out, whatever its metadata says.
"""

from __future__ import annotations

import re

ALLOWED = frozenset({"MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD"})

# What people write where an SPDX identifier belongs.
_NAMES = {
    "mit": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "the mit license (mit)": "MIT",
    "mit license (mit)": "MIT",
    "expat": "MIT",
    "expat license": "MIT",
    "mit-0": "MIT-0",
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-3-clause license": "BSD-3-Clause",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "0bsd": "0BSD",
}

# Phrases that only the text of that licence has, in lower case with single blanks.
_TEXTS = {
    "MIT": ("permission is hereby granted, free of charge, to any person obtaining a copy",),
    "Apache-2.0": (
        "apache license version 2.0",
        "licensed under the apache license, version 2.0",
    ),
    "BSD": ("redistribution and use in source and binary forms, with or without modification, are permitted",),
    "0BSD": ("permission to use, copy, modify, and/or distribute this software for any purpose with or without fee",),
}
_FORBIDDEN = {
    "GPL": r"gnu (?:lesser |library |affero )?general public licen[sc]e",
    "MPL": r"mozilla public licen[sc]e",
    "EPL": r"eclipse public licen[sc]e",
    "CDDL": r"common development and distribution licen[sc]e",
    "CC": r"creative commons attribution",
    "SSPL": r"server side public licen[sc]e",
    "BUSL": r"business source licen[sc]e",
    "Commons Clause": r"commons clause",
    "non-commercial": r"non-?commercial (?:use|purposes) only",
}


def normalised(name: str) -> str | None:
    """The SPDX identifier that one licence's name means, or `None` where it is not an allowed one."""
    name = " ".join(name.split()).strip("\"' .")
    if name in ALLOWED:
        return name
    return _NAMES.get(name.lower())


def of_expression(expression: str) -> frozenset[str] | None:
    """The allowed licences that an expression lets one choose, or `None`: all parts of an `AND`, one of an `OR`.

    A slash is the old way to write `OR` in Cargo's field. Exceptions (`WITH`) only permit more.
    """
    text = re.sub(r"\bWITH\s+[\w.-]+", "", expression).replace("/", " OR ").strip()
    if not text:
        return None
    whole = normalised(text)
    if whole:
        return frozenset({whole})
    # Parentheses: each inner group is replaced by what it comes to.
    while inner := re.search(r"\(([^()]*)\)", text):
        found = of_expression(inner[1])
        word = next(iter(sorted(found))) if found else "NONE"
        text = text[: inner.start()] + word + text[inner.end() :]
    chosen: set[str] = set()
    for way in re.split(r"\s+OR\s+", text):
        parts = [normalised(part) for part in re.split(r"\s+AND\s+", way)]
        if all(parts):
            chosen.update(p for p in parts if p)
    return frozenset(chosen) or None


def of_text(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The permissive licences whose text this is, and the names of others that it speaks of."""
    words = " ".join(re.sub(r"[*#>/;|-]{2,}|^[ \t]*[*#>;|]+", " ", text, flags=re.M).lower().split())
    found = {name for name, phrases in _TEXTS.items() if any(p in words for p in phrases)}
    if "BSD" in found:
        found.remove("BSD")
        three = "neither the name" in words or "may not be used to endorse or promote" in words
        found.add("BSD-3-Clause" if three else "BSD-2-Clause")
    if "0BSD" in found and "provided that the above copyright notice" in words:
        found.remove("0BSD")  # That sentence makes it the ISC licence.
    # The Apache licence itself never names these; a notice about another licence is for a person to judge.
    others = {name for name, pattern in _FORBIDDEN.items() if re.search(pattern, words)}
    return frozenset(found), frozenset(others)


def judged(expression: str, texts: list[str]) -> tuple[str | None, str]:
    """The licence of a package by its metadata and its licence files, or `None` and why it is left out."""
    said = of_expression(expression)
    if said is None:
        return None, f"metadata says `{' '.join(expression.split())[:60]}`"
    if not texts:
        return None, "no licence file"
    found: set[str] = set()
    for text in texts:
        permissive, others = of_text(text)
        if others:
            return None, f"a licence file speaks of {', '.join(sorted(others))}"
        found |= permissive
    # A field that says only `BSD` means either.
    bsd = {"BSD-2-Clause", "BSD-3-Clause"}
    agreed = said & found or (found & bsd if said & bsd else set())
    if not agreed:
        return None, f"metadata says {', '.join(sorted(said))}, its files {', '.join(sorted(found)) or 'nothing known'}"
    return " OR ".join(sorted(agreed)), ""
