"""Notebooks and the daemon on real weights: a shell of IPython, what it shows, and what the cell magic does."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import deepcoder

MakeRepo = Callable[[dict[str, bytes]], Path]

CELL = "def add(a, b):\n    return a + b\n\n\ndef greet(name):\n    return 'hello ' + name\n"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """IPython as a kernel has it: without a terminal, displaying by messages."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    with monkeypatch.context() as patch:
        # IPython warns where it is another environment's.
        patch.delenv("VIRTUAL_ENV", raising=False)
        shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.run_line_magic("load_ext", "deepcoder")
    yield shell
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()


def test_a_cell_is_edited_by_instruction(shell: Any, served: Path) -> None:
    """Protects the magic: the cell's code comes back edited, shown as a diff and put where the user goes on, not run."""
    result = shell.run_cell("%%deepcoder rename the function greet to welcome\n" + CELL)
    result.raise_error()
    edit = result.result
    assert "+def welcome(name):" in edit.diff and edit.verified
    assert edit.code == CELL.replace("greet", "welcome") and shell.rl_next_input == edit.code
    assert "greet" not in shell.user_ns and "welcome" not in shell.user_ns, "nothing is run"
    assert "<ins" in edit._repr_html_() and "+def welcome" in repr(edit)
    assert deepcoder.Client().status() is not None, "the daemon has done it"


@pytest.mark.parametrize("line", ["", "--nonsense x", "-m one two", "--seed x y"])
def test_wrong_use_of_the_magic_says_how(shell: Any, line: str) -> None:
    """Protects notebooks: a misspelt option is IPython's usage error and not an exit of the kernel."""
    with pytest.raises(UsageError, match="usage: %%deepcoder"):
        shell.run_cell_magic("deepcoder", line, CELL)


def test_progress_is_one_line_of_a_notebook(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects notebooks: progress takes the place of what it said before, escaped, and leaves nothing behind."""
    publisher = CapturingDisplayPublisher()
    monkeypatch.setattr(shell, "display_pub", publisher)
    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    with deepcoder.Progress("a<b") as show:
        show("reading <x>")
        show("writing")
    first, *rest = publisher.outputs
    assert "a&lt;b: reading &lt;x&gt;" in first["data"]["text/html"] and not first.get("update")
    assert [output["update"] for output in rest] == [True, True]
    assert len({output["transient"]["display_id"] for output in publisher.outputs}) == 1
    assert rest[-1]["data"]["text/html"] == ""


def test_progress_elsewhere_is_standard_error(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """Protects scripts: without a notebook progress goes to standard error, one line each where it is not a terminal."""
    monkeypatch.setitem(sys.modules, "IPython", None)
    with deepcoder.Progress() as show:
        show("one\ntwo")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "deepcoder: one two\n")


def test_the_client_starts_the_daemon(served: Path, make_repo: MakeRepo) -> None:
    """Protects the promise of the client: with nothing running, text and edits come from a daemon that it starts."""
    root = make_repo({"util.py": CELL.encode()})
    client = deepcoder.Client()
    made = client.generate("Say hi.", max_tokens=4)
    assert made.usage["completion_tokens"] > 0
    assert "".join(event.text for event in client.stream("Say hi.", max_tokens=4)) == made.text
    edit = client.edit("rename the function greet to welcome", ["util.py"], repo=root)
    assert "+def welcome(name):" in edit.diff
    edit.apply(reviewed=True)
    assert b"welcome" in (root / "util.py").read_bytes()
    assert "+def welcome" in edit._repr_html_()

    async def main() -> None:
        other = deepcoder.AsyncClient()
        assert (await other.generate("Say hi.", max_tokens=4)).text == made.text
        answer = await other.complete("util.py", 2, 12, repo=root)
        assert isinstance(answer, str)
        # A cancelled task frees the model.
        task = asyncio.create_task(other.generate("Count from 1 to 10000.", max_tokens=4000))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        status = await other.status()
        assert status is not None and not status["busy"]

    asyncio.run(main())
