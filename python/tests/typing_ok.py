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


def use_client() -> str:
    """The daemon."""
    client = deepcoder.Client(model="name")
    job: deepcoder.Job = client.jobs.add("do", ["a.py"], repo=deepcoder.Repo("."), branch="b", at=1.5, after=["id"])
    lines: list[str] = [str(event) for event in job]
    with deepcoder.Progress() as show:
        job.wait(1.0, progress=show).accept(job.hunks)
    roots: list[str] = [watched.root for watched in client.watched()]
    text: str = client.generate("q", max_tokens=1).text + client.explain("why", ["a.py"], repo=".")
    return f"{lines}{roots}{text}{client.status()}{[each.diff for each in client.jobs.list(before=job)]}"


async def use_async_client() -> None:
    """The daemon, for asyncio."""
    client = deepcoder.AsyncClient()
    job = await client.jobs.add("do", repo=deepcoder.AsyncRepo("."))
    async for event in job:
        number: int = event.number
        print(number)
    done: deepcoder.AsyncJob = await job
    await done.accept()
    async for token in client.stream("q"):
        print(token.text)
    edit: deepcoder.AsyncEdit = await client.edit("do", ["a.py"])
    await edit.apply()


async def use_async() -> None:
    """The asyncio faces."""
    model = await deepcoder.AsyncModel.load()
    async for event in model.stream("q"):
        print(event.text)
    edit = await deepcoder.AsyncRepo(".", model=model.model).edit("do")
    await edit.apply(commit=True, branch="topic")
