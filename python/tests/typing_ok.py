"""Type-checked by mypy in strict mode, never run: the public types as users write them."""

import deepcoder


def use() -> str:
    """Every class once."""
    repo = deepcoder.Repo(".", model=deepcoder.Model.load("name", threads=2))
    edit: deepcoder.Edit = repo.edit("do", paths=["a.py"], seed=1, progress=print)
    applied: str | None = edit.apply()
    entries: list[deepcoder.HistoryEntry] = repo.log()
    restored: str | None = repo.restore(entries[0].id, entries[0].changed_since, state="after")
    old: bytes | None = repo.file_of("1", "a.py")
    text: str = deepcoder.Model.load().generate("q", stop=["x"]).text
    return f"{applied}{entries}{restored}{old!r}{text}{edit.diff}"


async def use_async() -> None:
    """The asyncio faces."""
    model = await deepcoder.AsyncModel.load()
    async for event in model.stream("q"):
        print(event.text)
    edit = await deepcoder.AsyncRepo(".", model=model.model).edit("do")
    await edit.apply(commit=True, branch="topic")
