"""Write the licences of every crate that is linked into the package to a directory, for the wheel.

    python python/licences.py python/licenses

Asks cargo which crates those are, and copies the licence files that the crates come with. Fails where a crate has neither
a licence file nor a licence expression.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
import subprocess
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKED = ["deepcoder-cli", "deepcoder-python"]
FILE = re.compile(r"(licen[cs]e|copying|notice|unlicense)([-._].*)?", re.IGNORECASE)
# The texts are in the crates' own packages; sources in C have them one directory deeper.
DEPTHS = ["*", "*/*", "*/*/*"]


def linked() -> list[dict[str, Any]]:
    """The packages that the command and the extension are linked with, without ours: no build scripts, no macros, no tests."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", host()]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    todo = [package["id"] for package in metadata["packages"] if package["name"] in PACKED]
    seen: set[str] = set()
    while todo:
        current = todo.pop()
        macro = any("proc-macro" in target["kind"] for target in packages[current]["targets"])
        if current in seen or macro:
            continue
        seen.add(current)
        for dependency in nodes[current]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                todo.append(dependency["pkg"])
    others = [packages[one] for one in seen if packages[one]["source"]]
    return sorted(others, key=lambda package: (package["name"], package["version"]))


def host() -> str:
    said = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    return next(line.split(": ")[1] for line in said.splitlines() if line.startswith("host: "))


def files(package: dict[str, Any]) -> list[pathlib.Path]:
    folder = pathlib.Path(package["manifest_path"]).parent
    found = [path for depth in DEPTHS for path in folder.glob(depth) if path.is_file() and FILE.fullmatch(path.name)]
    return sorted(path for path in found if path.suffix.lower() in ("", ".md", ".txt") or "-" in path.name)


def document(packages: list[dict[str, Any]]) -> str:
    """A list of the crates, and each text once, with the crates that come with it."""
    texts: dict[str, tuple[str, list[str]]] = {}
    rows = []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        expression, found = package["license"], files(package)
        if not expression and not found:
            sys.exit(f"{name} comes without a licence")
        rows.append(f"{name}: {expression or 'see its text'}" + ("" if found else f"; no text in its package; {credit(package)}"))
        for path in found:
            text = path.read_text(encoding="utf-8", errors="replace").strip()
            key = hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
            names = texts.setdefault(key, (text, []))[1]
            if name not in names:
                names.append(name)
    line = "=" * 80
    parts = ["Licences of the software that deepcoder is linked with\n", *rows, ""]
    for text, names in sorted(texts.values(), key=lambda entry: entry[1]):
        parts += [line, "Text of: " + ", ".join(names), line, "", text, ""]
    return "\n".join(parts) + "\n"


def credit(package: dict[str, Any]) -> str:
    return ", ".join([*package["authors"], package["repository"] or ""])


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "THIRD-PARTY.txt").write_text(document(linked()), encoding="utf-8")
    for name in ["LICENSE-MIT", "LICENSE-APACHE"]:
        (folder / name).write_bytes((ROOT / name).read_bytes())


if __name__ == "__main__":
    main()
