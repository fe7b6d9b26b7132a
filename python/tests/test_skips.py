"""Skips: allowed by name, and failures otherwise where the run is strict."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = '''
import pytest

def test_allowed():
    pytest.skip("pytorch: it is not installed")

def test_other():
    pytest.skip("the-moon: it is far")
'''

MODULE = '''
import pytest

pytest.importorskip("no_such_module", reason="the-moon: it is far")
'''


@pytest.mark.parametrize(("strict", "status", "said"), [("1", 1, "forbids: the-moon"), ("0", 0, "2 skipped")])
def test_a_skip_without_leave_fails(tmp_path: Path, strict: str, status: int, said: str) -> None:
    """Protects strict runs: only what tests/skips.txt names may be skipped; each skip is shown and logged."""
    (tmp_path / "test_it.py").write_text(SKIPS)
    hooks = Path(__file__).parent.parent / "conftest.py"
    (tmp_path / "conftest.py").symlink_to(hooks)
    log = tmp_path / "log"
    env = os.environ | {"DEEPCODER_TEST_STRICT": strict, "DEEPCODER_TEST_SKIPS": str(log)}
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, said in done.stdout) == (status, True), done.stdout + done.stderr
    assert log.read_text().splitlines() == [
        "SKIPPED test_it.py::test_allowed: needs pytorch: it is not installed",
        "SKIPPED test_it.py::test_other: needs the-moon: it is far",
    ]
    (tmp_path / "test_it.py").write_text(MODULE)
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert ("forbids: the-moon" in done.stdout) == (strict == "1"), done.stdout
