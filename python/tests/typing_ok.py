"""Type-checked by mypy in strict mode, never run: the public types as users write them."""

from dataclasses import dataclass
from pathlib import Path

import deepcoder


@dataclass
class Answer:
    """A form."""

    name: str


def use() -> str:
    """Every class once."""
    repo = deepcoder.Repo(".", model=deepcoder.Model.load("name", threads=2))
    edit: deepcoder.Edit = repo.edit("do", paths=["a.py"], seed=1, progress=print)
    applied: str | None = edit.apply(reviewed=edit.applicability == "needs-review", protected=True)
    other = repo.edit("do", Path("a.py"), new=True, effort="thorough", read=["b.py"], model="name", options={"format": "whole"})
    severities: list[str] = [finding.severity for finding in other.findings]
    entries: list[deepcoder.HistoryEntry] = repo.log()
    restored: str | None = repo.restore(entries[0].id, entries[0].changed_since, state="after")
    old: bytes | None = repo.file_of("1", "a.py")
    renamed: deepcoder.Edit = repo.refactor.rename("bank.transfer", "move_money", ["bank.py"])
    extracted: deepcoder.Edit = repo.refactor.extract_variable("a.py:1:5-1:9", "total", all=True)
    possible: list[str | None] = [each.refused for each in repo.refactor.list("a.py:1:5")]
    worded: deepcoder.Edit | str = repo.refactor.run("inline a.py:3:1")
    print(renamed, extracted, possible, worded, repo.refactor.extract_function("a.py:1-3"), repo.refactor.inline("a.py:1:1"))
    edit.reject()
    reasons: list[str] = edit.reasons
    tasks: list[deepcoder.Task] = repo.tasks()
    landed: str | None = repo.task(tasks[0].id).wait(1.0, progress=reasons.append).apply(reviewed=True)
    tasks[0].reject()
    print(landed, tasks[0].diff, tasks[0].reasons)
    model = deepcoder.Model.load()
    text: str = model.generate("q", stop=["x"], schema={"type": "object"}, after="x").text
    many: list[deepcoder.Generation] = model.generate("q", n=8, temperature=0.7, schema=Answer)
    each: list[deepcoder.Generation] = model.generate_all(["q", [{"role": "user", "content": "r"}]], choices=["a", "b"])
    likely: list[tuple[str, float]] = model.choose("q", ["yes", "no"])
    print(many, each, likely, deepcoder.Client().generate("q", n=2, regex="a+")[0].text)
    return f"{applied}{severities}{entries}{restored}{old!r}{text}{edit.diff}"


def use_client() -> str:
    """The daemon."""
    client = deepcoder.Client(model="name")
    job: deepcoder.Job = client.jobs.add("do", ["a.py"], repo=deepcoder.Repo("."), branch="b", effort="quick", at=1.5, after=["id"])
    lines: list[str] = [str(event) for event in job]
    with deepcoder.Progress() as show:
        job.wait(1.0, progress=show).accept(job.hunks)
    job.accept(reviewed=True)
    client.jobs.add("do", "a.py", after=job)
    client.edit("do", "a.py", repo=".", new=True, read="b.py", model=client.model(), options={}).apply()
    client.jobs.list(states="review")
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
    edit: deepcoder.AsyncEdit = await client.edit("do", "a.py", new=True, model=await client.model())
    kind: str = edit.applicability
    await edit.apply(reviewed=kind != "safe")
    await done.accept(reviewed=done.applicability == "needs-review")


async def use_async() -> None:
    """The asyncio faces."""
    model = await deepcoder.AsyncModel.load()
    texts: list[str] = [made.text for made in await model.generate("q", n=2, schema=Answer)]
    one: deepcoder.Generation = await model.generate("q", grammar='start: "a"')
    print(texts, one, await model.generate_all(["q"]), (await model.choose("q", ["a", "b"]))[0][0])
    async for event in model.stream("q"):
        print(event.text)
    edit = await deepcoder.AsyncRepo(".", model=model).edit("do", read=Path("b.py"), model=model, options={})
    await edit.apply(commit=True, branch="topic")
    for task in await deepcoder.AsyncRepo(".").tasks():
        await (await task).apply(reviewed=True)
