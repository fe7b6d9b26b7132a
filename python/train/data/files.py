"""Archives -> the source files in them that are worth learning from: read in memory, nothing is unpacked or run."""

from __future__ import annotations

import ast
import collections
import dataclasses
import io
import json
import pathlib
import re
import tarfile
import tomllib
import warnings
import zipfile
from collections.abc import Iterator

from . import licences
from .sources import Source

LANGUAGES = {
    ".py": "python",
    ".pyi": "python",
    ".rs": "rust",
    ".js": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".jsx": "javascript",
    ".ts": "typescript",
    ".mts": "typescript",
    ".tsx": "typescript",
    ".go": "go",
    ".java": "java",
    ".c": "c",
    ".h": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cxx": "cpp",
    ".hpp": "cpp",
    ".hh": "cpp",
}
MOST_BYTES = 96 << 10
LEAST_BYTES = 120
_VENDORED = re.compile(
    r"(^|/)(_?vendor(ed)?|third[-_]party|3rdparty|node_modules|site-packages|extern(al)?s?|bundled?|dist|build|"
    r"out|umd|esm|cjs|min|generated|gen|__generated__|migrations|locales?|lang|fixtures?|testdata|snapshots?|data)/",
    re.I,
)
_GENERATED_NAME = re.compile(
    r"(\.min\.|\.bundle\.|[._-]generated\.|_pb2(_grpc)?\.pyi?$|\.pb\.|\.g\.|_versioneer\.py$|(^|/)versioneer\.py$|"
    r"parsetab\.py$|lextab\.py$|-lock\.|(^|/)_version\.py$|\.d\.ts$|bindings\.rs$)",
    re.I,
)
_GENERATED = re.compile(
    r"(do not (edit|modify)|don't edit|@generated|auto-?generated|automatically generated|code generated|"
    r"generated (by|from|with)|this file (is|was) generated|sourceMappingURL=)",
    re.I,
)
_OTHER_LICENCE = re.compile(r"general public licen[sc]e|\bL?GPL|mozilla public|SPDX-License-Identifier:\s*(\S+)", re.I)
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abp]-[0-9A-Za-z-]{20,}"
)
_LICENCE_NAME = re.compile(r"^(licen[cs]e|copying|unlicen[cs]e)([-._].*)?$", re.I)


@dataclasses.dataclass(frozen=True)
class File:
    """One file that is kept."""

    package: str
    licence: str
    language: str
    path: str
    text: str


@dataclasses.dataclass
class Package:
    """What an archive holds: its members, its metadata's words on the licence, and its licence files."""

    members: list[tuple[str, bytes]]
    expression: str
    licence_texts: list[str]


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if not info.is_dir() and info.file_size <= 4 << 20:
                    yield info.filename, archive.read(info)
        return
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
        for member in archive:
            if member.isfile() and member.size <= 4 << 20:
                handle = archive.extractfile(member)
                if handle is not None:
                    yield member.name.removeprefix("./"), handle.read()


def _python_licence(metadata: str) -> str:
    """From the headers of METADATA or PKG-INFO: the expression, else the field, else the classifiers."""
    headers = metadata.split("\n\n", 1)[0]
    fields = collections.defaultdict(list)
    for line in headers.splitlines():
        key, _, value = line.partition(":")
        fields[key.strip().lower()].append(value.strip())
    if fields["license-expression"]:
        return fields["license-expression"][0]
    named = [c.rsplit("::", 1)[-1].strip() for c in fields["classifier"] if c.startswith("License ::")]
    named = [n for n in named if n != "OSI Approved"]
    field = (fields["license"] or [""])[0]
    if licences.of_expression(field):
        return field
    return " OR ".join(named) if named else field


def _expression(registry: str, members: list[tuple[str, bytes]]) -> str:
    def first(test: str) -> str:
        found = sorted((n.count("/"), n, d) for n, d in members if re.search(test, n))
        return found[0][2].decode("utf-8", "replace") if found else ""

    if registry.startswith("pypi"):
        return _python_licence(first(r"\.dist-info/METADATA$|(^|/)PKG-INFO$"))
    if registry == "npm":
        try:
            said = json.loads(first(r"^[^/]+/package\.json$") or "{}").get("license", "")
        except ValueError:
            return ""
        return said.get("type", "") if isinstance(said, dict) else str(said)
    if registry == "crates":
        try:
            return str(tomllib.loads(first(r"^[^/]+/Cargo\.toml$")).get("package", {}).get("license", ""))
        except tomllib.TOMLDecodeError:
            return ""
    # A source package of Debian states the licence in a file of another archive; there the text alone decides.
    texts = [d.decode("utf-8", "replace") for n, d in members if _is_licence(n)]
    found = set().union(*(licences.of_text(t)[0] for t in texts)) if texts else set()
    return " OR ".join(sorted(found))


def _is_licence(name: str) -> bool:
    parts = pathlib.PurePosixPath(name).parts
    top = len(parts) <= 2 or any(p.endswith((".dist-info", ".egg-info")) for p in parts[:-1])
    return top and bool(_LICENCE_NAME.match(parts[-1])) and not name.endswith((".py", ".rs", ".js"))


def opened(source: Source, data: bytes) -> Package:
    members = list(_members(data))
    texts = [d.decode("utf-8", "replace") for n, d in members if _is_licence(n)]
    return Package(members, _expression(source.registry, members), texts)


def rejected(path: str, data: bytes) -> str | None:
    """Why a file is left out, in one or two words for the card, or `None` if it is kept."""
    if len(data) > MOST_BYTES:
        return "too long"
    if len(data) < LEAST_BYTES:
        return "too short"
    inner = path.split("/", 1)[-1]
    if _VENDORED.search(inner):
        return "vendored or built"
    if _GENERATED_NAME.search(path):
        return "generated, by its name"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    lines = text.splitlines()
    head = "\n".join(lines[:40])
    if _GENERATED.search("\n".join(lines[:12])) or "sourceMappingURL=" in text[-400:]:
        return "generated, as it says"
    for match in _OTHER_LICENCE.finditer(head):
        if not match[1] or licences.of_expression(match[1]) is None:
            return "another licence in its head"
    if _SECRET.search(text):
        return "a secret"
    longest = max(map(len, lines), default=0)
    if longest > 1000 or len(text) / max(len(lines), 1) > 100:
        return "minified"
    letters = sum(c.isalpha() for c in text)
    if letters < 0.35 * len(text.replace(" ", "").replace("\n", "")) or "\0" in text or "\ufffd" in text:
        return "mostly data"
    if "<｜" in text or "｜>" in text:
        return "tokens of control"
    if path.endswith((".py", ".pyi")):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return "does not parse"
    return None


def kept(source: Source, package: Package, licence: str, counts: collections.Counter[str]) -> Iterator[File]:
    """The files of a package that are kept; what happened to the others is counted."""
    for name, data in package.members:
        suffix = pathlib.PurePosixPath(name).suffix.lower()
        language = LANGUAGES.get(suffix)
        if language is None:
            continue
        if suffix == ".h" and source.language == "cpp":
            language = "cpp"
        why = rejected(name, data)
        counts[why or "kept"] += 1
        if why is None:
            text = data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
            inner = name.split("/", 1)[-1] if source.registry != "pypi-wheel" else name
            yield File(source.key, licence, language, inner, text)
