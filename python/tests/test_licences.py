"""The licences that are packed into the wheel."""

from __future__ import annotations

import pathlib
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "licences.py"


def test_the_wheel_has_the_licences_of_what_it_is_linked_with(tmp_path: pathlib.Path) -> None:
    """Protects those whose code is in the package, the C sources of git and SQLite included, and everyone who gives the
    package on: each crate is named with its licence, and the texts are there."""
    subprocess.run([sys.executable, str(SCRIPT), str(tmp_path)], check=True)
    text = (tmp_path / "THIRD-PARTY.txt").read_text(encoding="utf-8")
    for name in ["tokenizers", "ort", "pyo3", "tree-sitter", "sqlx", "libgit2-sys", "libsqlite3-sys", "clap"]:
        assert f"\n{name} " in text, name
    # It comes in a directory of its own below the crate, and allows linking.
    assert "linking exception" in text.lower() or "unlimited permission to link" in text
    # Built with, but in no program: a macro, and a test.
    assert "\nserde_derive " not in text and "\ninsta " not in text
    assert (tmp_path / "LICENSE-MIT").exists() and (tmp_path / "LICENSE-APACHE").exists()
