"""Packages from their registries, each through its own client, into a folder that serves as a cache.

No build script of a fetched package runs, but for source distributions of Python, whose metadata pip asks their build
backend for.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable

from .sources import Source


class FetchError(Exception):
    """A package that could not be had as it is listed."""


def _run(command: list[str], folder: pathlib.Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FetchError(f"`{' '.join(command[:4])} …`: {done.stderr.strip()[-400:]}")
    return done.stdout


def _newest(folder: pathlib.Path, patterns: Iterable[str]) -> pathlib.Path:
    found = [p for pattern in patterns for p in folder.glob(pattern)]
    if len(found) != 1:
        raise FetchError(f"expected one archive and found {sorted(p.name for p in found)}")
    return found[0]


def _pip(source: Source, folder: pathlib.Path) -> tuple[pathlib.Path, str]:
    # Only the package itself comes as source, not what its build needs.
    form = ["--only-binary", ":all:"] if source.registry == "pypi-wheel" else ["--no-binary", source.name]
    wanted = f"{source.name}=={source.version}" if source.version else source.name
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *form, "--dest", str(folder), wanted]
    _run(pip, folder)
    path = _newest(folder, ["*.whl", "*.tar.gz", "*.zip"])
    if path.suffix == ".whl":
        return path, path.name.split("-")[1]
    stem = path.name.removesuffix(".tar.gz").removesuffix(".zip")
    return path, stem.rsplit("-", 1)[1]


def _npm(source: Source, folder: pathlib.Path) -> tuple[pathlib.Path, str]:
    wanted = f"{source.name}@{source.version or 'latest'}"
    said = _run(["npm", "pack", wanted, "--ignore-scripts", "--json", "--pack-destination", str(folder)], folder)
    entries = json.loads(said)
    entry = entries[0] if isinstance(entries, list) else next(iter(entries.values()))
    return _newest(folder, ["*.tgz"]), entry["version"]


def _debian(source: Source, folder: pathlib.Path) -> tuple[pathlib.Path, str]:
    wanted = f"{source.name}={source.version}" if source.version else source.name
    _run(["apt-get", "source", "--download-only", "-qq", wanted], folder)
    described = _newest(folder, ["*.dsc"]).read_text("utf-8", "replace")
    version = re.search(r"^Version: (\S+)", described, re.M)
    if not version:
        raise FetchError("the description has no version")
    path = _newest(folder, [f"*.orig.tar.{kind}" for kind in ("gz", "xz", "bz2")])
    return path, version[1]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Cache:
    """The folder with what was fetched; each archive's name is what the list calls it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def path(self, source: Source) -> pathlib.Path:
        return self.folder / (source.key.replace("/", "--") + ".archive")

    def data(self, source: Source) -> bytes:
        """The archive of a pinned source, fetched if it is not there, and exactly the one that was pinned."""
        path = self.path(source)
        if not path.is_file():
            self.fetch([source])
        data = path.read_bytes()
        if _sha256(data) != source.sha256:
            raise FetchError(f"{source.key}: the archive is not the one that was pinned")
        return data

    def _keep(self, source: Source, version: str, data: bytes) -> Source:
        found = dataclasses.replace(source, version=version, sha256=_sha256(data))
        if source.sha256 and source.sha256 != found.sha256:
            raise FetchError(f"{source.key}: the registry's archive is not the one that was pinned")
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.path(found).with_suffix(".part")
        part.write_bytes(data)
        part.replace(self.path(found))
        return found

    def fetch(self, sources: list[Source]) -> tuple[list[Source], dict[str, str]]:
        """Fetches what is missing; the sources with version and hash, and what could not be had with the reason."""
        done: list[Source] = []
        failed: dict[str, str] = {}
        missing = []
        for source in sources:
            if source.pinned and self.path(source).is_file():
                done.append(source)
            else:
                missing.append(source)
        crates = [s for s in missing if s.registry == "crates"]
        for source in missing:
            if source.registry == "crates":
                continue
            client = {"npm": _npm, "debian-source": _debian}.get(source.registry, _pip)
            try:
                with tempfile.TemporaryDirectory() as name:
                    path, version = client(source, pathlib.Path(name))
                    done.append(self._keep(source, version, path.read_bytes()))
            except (FetchError, OSError, ValueError, KeyError) as error:
                failed[source.key] = str(error)
            print(f"{source.key}: {failed.get(source.key, 'fetched')}", file=sys.stderr, flush=True)
        if crates:
            self._crates(crates, done, failed)
        return done, failed

    def _crates(self, sources: list[Source], done: list[Source], failed: dict[str, str]) -> None:
        """All crates at once: Cargo fetches what an otherwise empty crate depends on."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "src").mkdir()
            (folder / "src/lib.rs").write_text("")
            rows = [
                f'{s.name} = {{ version = "{"=" + s.version if s.version else "*"}", default-features = false }}'
                for s in sources
            ]
            manifest = '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n'
            (folder / "Cargo.toml").write_text(manifest + "\n".join(rows) + "\n")
            try:
                _run(["cargo", "fetch", "--quiet"], folder)
            except FetchError as error:
                failed.update({s.key: str(error) for s in sources})
                return
            locked = tomllib.loads((folder / "Cargo.lock").read_text())["package"]
            ours = next(set(p["dependencies"]) for p in locked if p["name"] == "fetch")
            home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
            for source in sources:
                versions = [
                    p["version"]
                    for p in locked
                    if p["name"] == source.name
                    and ({source.name, f"{source.name} {p['version']}"} & ours or p["version"] == source.version)
                ]
                found = [
                    (v, p) for v in versions for p in home.glob(f"registry/cache/*/{source.name}-{v}.crate")
                ]
                if not found:
                    failed[source.key] = "Cargo did not fetch it"
                    continue
                try:
                    done.append(self._keep(source, found[0][0], found[0][1].read_bytes()))
                except FetchError as error:
                    failed[source.key] = str(error)
