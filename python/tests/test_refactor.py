"""Refactorings from Python: exact, without a model, and held by the same rule as on every surface."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import deepcoder

MakeRepo = Callable[[dict[str, bytes]], Path]

BANK = b"def pay(rate):\n    total = rate * 2\n    return total\n\n\nclass Book:\n    def pay(self):\n        return 1\n"
MAIN = b"from bank import pay\n\nprint(pay(1))\n"


@pytest.fixture
def root(make_repo: MakeRepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A repository, without a daemon and without a model."""
    monkeypatch.setenv("DEEPCODER_NO_DAEMON", "1")
    monkeypatch.setenv("DEEPCODER_HOME", str(tmp_path / "home"))
    return make_repo({"bank.py": BANK, "main.py": MAIN, "to all/in.py": b"value = 1\nprint(value)\n"})


def test_a_rename_is_exact_and_is_undone(root: Path) -> None:
    """Protects renames from Python: they change what means the name in every file, need no model, and are undone."""
    edit = deepcoder.Repo(root).refactor.rename("bank.pay", "settle")
    assert edit.applicability == "safe" and edit.files == ["bank.py", "main.py"] and edit.title == "rename pay to settle"
    assert (root / "bank.py").read_bytes() == BANK
    edit.apply()
    assert (root / "bank.py").read_bytes() == BANK.replace(b"def pay(rate)", b"def settle(rate)")
    assert (root / "main.py").read_bytes() == MAIN.replace(b"pay", b"settle")
    edit.undo()
    assert (root / "bank.py").read_bytes() == BANK and (root / "main.py").read_bytes() == MAIN


def test_each_operation_has_a_method(root: Path) -> None:
    """Protects the methods: each asks for its own operation, with the target and the name that it was given."""
    refactor = deepcoder.Repo(root).refactor
    extracted = refactor.extract_variable("bank.py:2:13-2:21", "doubled").text_of("bank.py") or ""
    assert "doubled = rate * 2\n    total = doubled\n" in extracted
    function = refactor.extract_function("bank.py:2", "double").text_of("bank.py") or ""
    assert "def double(rate):" in function and "total = double(rate)" in function
    assert "return rate * 2" in (refactor.inline("bank.py:3:12").text_of("bank.py") or "")
    more = refactor.change_signature("bank.py:1:5", "add", "fee: int = 0")
    assert "def pay(rate, fee: int = 0):" in (more.text_of("bank.py") or "")
    flipped = refactor.convert("bank.py:2:18", "flip-operands").text_of("bank.py") or ""
    assert "total = 2 * rate" in flipped
    worded = refactor.run("rename bank.pay to settle")
    assert isinstance(worded, deepcoder.Edit) and worded.files == ["bank.py", "main.py"]
    told = refactor.run("list bank.py:1:5")
    assert isinstance(told, str) and "rename: 3 places in 2 files" in told
    possible = {each.operation: each for each in refactor.list("bank.py:1:5")}
    assert (possible["rename"].places, possible["rename"].files, possible["rename"].doubts) == (3, 2, 0)
    assert possible["rename"].refused is None and possible["extract-variable"].refused
    assert possible["extract-variable"].kind == "refactor.extract.variable"


def test_targets_and_names_are_taken_as_they_are(root: Path) -> None:
    """Protects callers from the words of a request: no part of a path or a name is one, and what cannot be asked is an error."""
    refactor = deepcoder.Repo(root).refactor
    edit = refactor.rename("to all/in.py:1:1", "everywhere")
    assert edit.text_of("to all/in.py") == "everywhere = 1\nprint(everywhere)\n"
    for target, name in [("", "x"), ("bank.pay", ""), ("bank.pay", "`"), ("`", "x")]:
        with pytest.raises(ValueError, match="neither a target nor a name"):
            refactor.rename(target, name)


def test_what_would_break_is_refused_and_what_is_open_waits(root: Path) -> None:
    """Protects the code: a taken name is an error that says where, and a place that the text leaves open needs a review."""
    repo = deepcoder.Repo(root)
    with pytest.raises(deepcoder.EditError, match="taken") as taken:
        repo.refactor.rename("bank.py:1:9", "total")
    assert taken.value.hint
    with pytest.raises(deepcoder.EditError, match="nothing_such"):
        repo.refactor.rename("nothing_such", "x")
    (root / "shop.py").write_bytes(b"def buy(book):\n    return book.pay()\n")
    waits = repo.refactor.rename("Book.pay", "settle")
    assert waits.applicability == "needs-review" and "shop.py:2" in waits.rationale
    with pytest.raises(deepcoder.EditError):
        waits.apply()
    limited = repo.refactor.rename("bank.pay", "settle", paths="bank.py")
    assert limited.files == ["bank.py"] and limited.applicability == "needs-review"


def test_the_same_for_asyncio(root: Path) -> None:
    """Protects asyncio users: every method is there and gives the same."""

    async def use() -> None:
        refactor = deepcoder.AsyncRepo(root).refactor
        edit = await refactor.rename("bank.pay", "settle")
        assert isinstance(edit, deepcoder.AsyncEdit) and edit.files == ["bank.py", "main.py"]
        assert (await refactor.extract_variable("bank.py:2:13-2:21", "doubled")).changed
        assert (await refactor.extract_function("bank.py:2", "double")).changed
        assert (await refactor.inline("bank.py:3:12")).changed
        assert (await refactor.change_signature("bank.py:1:5", "add", "fee = 0")).changed
        assert {each.operation for each in await refactor.list("bank.py:1:5")} >= {"rename", "extract-function"}
        assert isinstance(await refactor.run("list bank.py:1:5"), str)
        assert isinstance(await refactor.run("inline bank.py:3:12"), deepcoder.AsyncEdit)

    asyncio.run(use())
