"""The list of source packages, `sources.tsv`: what is fetched, at which version, under which licence."""

from __future__ import annotations

import dataclasses
import pathlib

REGISTRIES = ("pypi-wheel", "pypi-sdist", "crates", "npm", "debian-source")
HEADER = "registry\tname\tversion\tlicence\tlanguage\tsha256"


@dataclasses.dataclass(frozen=True)
class Source:
    """One pinned package. Without version and hash it is not pinned yet, and only `pin` takes it."""

    registry: str
    name: str
    version: str
    licence: str
    language: str
    sha256: str

    @property
    def key(self) -> str:
        return f"{self.registry}/{self.name}-{self.version}".replace("@", "").replace(":", "_")

    @property
    def pinned(self) -> bool:
        return bool(self.version and self.sha256)


def read(path: pathlib.Path) -> list[Source]:
    """The sources of a list. A line that is no source is an error that names it."""
    out: list[Source] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#") or line == HEADER:
            continue
        fields = line.split("\t")
        fields += [""] * (6 - len(fields))
        if len(fields) != 6 or fields[0] not in REGISTRIES or not fields[1]:
            raise ValueError(f"{path.name}:{number}: not `{HEADER.expandtabs(1)}`")
        out.append(Source(*fields))
    keys = [(s.registry, s.name) for s in out]
    twice = {k for k in keys if keys.count(k) > 1}
    if twice:
        raise ValueError(f"{path.name}: listed twice: {sorted(twice)}")
    return out


def write(path: pathlib.Path, sources: list[Source]) -> None:
    rows = [HEADER] + ["\t".join(dataclasses.astuple(s)) for s in sorted(sources, key=lambda s: (s.registry, s.name))]
    path.write_text("\n".join(rows) + "\n", "utf-8")
