"""The form of an answer: JSON schemas of classes, what reaches the model, and what is refused before it is asked."""

import asyncio
import datetime
import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest
from fake_daemon import FakeDaemon

import deepcoder
from deepcoder._schema import text_of


class Level(enum.Enum):
    """An enumeration."""

    LOW = "low"
    HIGH = "high"


@dataclass
class Leaf:
    """A class within another one."""

    name: str
    children: list["Leaf"] = field(default_factory=list)


@dataclass
class Report:
    """A bit of everything."""

    level: Level
    kind: Literal["bug", "wish", 3]
    leaves: Sequence[Leaf]
    score: float | None
    place: tuple[int, str]
    numbers: tuple[int, ...]
    by_name: dict[str, bool]
    when: datetime.datetime
    note: Annotated[Optional[str], "said by a person"] = None
    anything: Any = None
    hidden: int = field(default=0, init=False)


def test_a_dataclass_is_a_schema() -> None:
    """Protects users of dataclasses: the schema has the fields that the class is made with, in their order, its defaults are
    not required, and a class that contains itself is one definition."""
    schema = json.loads(text_of(Report))
    assert schema["$ref"] == "#/$defs/Report" and list(schema["$defs"]) == ["Leaf", "Report"]
    report, leaf = schema["$defs"]["Report"], schema["$defs"]["Leaf"]
    assert list(report["properties"])[:3] == ["level", "kind", "leaves"] and "hidden" not in report["properties"]
    assert report["required"] == ["level", "kind", "leaves", "score", "place", "numbers", "by_name", "when"]
    assert report["additionalProperties"] is False
    assert report["properties"]["level"] == {"enum": ["low", "high"]}
    assert report["properties"]["kind"] == {"enum": ["bug", "wish", 3]}
    assert report["properties"]["score"] == {"anyOf": [{"type": "number"}, {"type": "null"}]}
    assert report["properties"]["place"]["prefixItems"] == [{"type": "integer"}, {"type": "string"}]
    assert report["properties"]["by_name"] == {"type": "object", "additionalProperties": {"type": "boolean"}}
    assert leaf["properties"]["children"] == {"type": "array", "items": {"$ref": "#/$defs/Leaf"}}
    assert leaf["required"] == ["name"]


def test_a_pydantic_model_is_a_schema() -> None:
    """Protects users of pydantic: the schema is the one that the class says itself, without properties that it does not
    name; whichever other classes there are, they are refused by name."""

    class Model:
        @classmethod
        def model_json_schema(cls) -> dict[str, Any]:
            inner = {"type": "object", "properties": {"x": {"const": {"properties": {}}}}}
            other = {"type": "object", "properties": {}, "additionalProperties": True}
            return {"$defs": {"Inner": inner, "Other": other}, "type": "object", "properties": {"a": {"type": "string"}}}

    schema = json.loads(text_of(Model))
    assert schema["additionalProperties"] is False and schema["$defs"]["Inner"]["additionalProperties"] is False
    assert schema["$defs"]["Other"]["additionalProperties"] is True
    assert schema["$defs"]["Inner"]["properties"]["x"] == {"const": {"properties": {}}}

    @dataclass
    class Odd:
        value: complex

    for wrong, name in [(int, "int"), (5, "int"), (Odd, "complex: Odd.value"), (Leaf("x"), "Leaf")]:
        with pytest.raises(TypeError, match=name):
            text_of(wrong)


def test_a_form_reaches_the_model(daemon: FakeDaemon, client: deepcoder.Client) -> None:
    """Protects every way to give a form: the daemon is asked for it, by `generate`, by `stream` and for several prompts."""
    model = client.model()
    text = '{"type": "object"}'

    def asked() -> Any:
        return [do["generate"]["request"].get("grammar") for do in daemon.asked if isinstance(do, dict) and "generate" in do]

    model.generate("q", schema=text)
    model.generate("q", schema={"type": "object"}, after="</think>")
    model.generate("q", regex=r"\d+")
    model.generate("q", choices=("a", "b"))
    model.stream("q", grammar='start: "a"').result()
    model.generate("q")
    assert asked() == [
        {"form": {"json": text}},
        {"form": {"json": text}, "after": "</think>"},
        {"form": {"regex": r"\d+"}},
        {"form": {"choices": ["a", "b"]}},
        {"form": {"lark": 'start: "a"'}},
        None,
    ]
    daemon.asked.clear()
    model.generate_all(["q", [{"role": "user", "content": "r"}]], schema=Leaf)
    assert [json.loads(grammar["form"]["json"])["$ref"] for grammar in asked()] == ["#/$defs/Leaf"] * 2
    # Whatever a schema of a class contains can be built.
    model.generate("q", schema=Report)


def test_candidates_have_seeds_of_their_own(daemon: FakeDaemon, client: deepcoder.Client, home: Path) -> None:
    """Protects several answers to one prompt: a list of them, each with the next seed, also for asyncio."""
    daemon.answer = "yes"

    def seeds() -> list[int]:
        made = [do["generate"]["request"] for do in daemon.asked if isinstance(do, dict) and "generate" in do]
        daemon.asked.clear()
        return sorted(request["sampling"]["seed"] for request in made)

    answers = client.generate("q", n=3, seed=5, temperature=0.5)
    assert [answer.text for answer in answers] == ["yes"] * 3 and seeds() == [5, 6, 7]
    assert [answer.text for answer in client.generate("q", n=1)] == ["yes"] and seeds() == [0]
    with pytest.raises(ValueError, match="`n`"):
        client.generate("q", n=0)

    async def main() -> None:
        model = await deepcoder.AsyncClient(command=home / "deepcoder").model()
        assert [made.text for made in await model.generate("q", n=2)] == ["yes"] * 2
        assert (await model.generate("q", choices=["yes"])).text == "yes"
        assert [made.text for made in await model.generate_all(["q", "r"])] == ["yes"] * 2

    asyncio.run(main())
    assert seeds() == [0, 0, 0, 0, 1]


def test_a_form_that_cannot_be_is_refused_at_once(daemon: FakeDaemon, client: deepcoder.Client) -> None:
    """Protects users from answers without the form that they asked for: the model is not asked, and the reason is said."""
    model = client.model()
    refused: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"schema": {"type": "array", "uniqueItems": True}}, deepcoder.ModelError, "uniqueItems"),
        ({"schema": "{"}, deepcoder.ModelError, "not valid JSON"),
        ({"schema": 5}, TypeError, "a dataclass, not int"),
        ({"regex": "("}, deepcoder.ModelError, "unclosed group"),
        ({"choices": []}, deepcoder.ModelError, "0 options"),
        ({"choices": "ab"}, TypeError, "not a string"),
        ({"grammar": "start: nothing"}, deepcoder.ModelError, "nothing"),
        ({"regex": "a", "choices": ["a"]}, ValueError, "exclude each other"),
        ({"after": "x"}, ValueError, "`after` goes with"),
    ]
    for options, kind, reason in refused:
        for call in (model.generate, model.stream):
            with pytest.raises(kind, match=reason):
                call("q", **options)
    for wrong in ([], ["a", ""]):
        with pytest.raises(ValueError, match="empty"):
            model.choose("q", wrong)
    with pytest.raises(TypeError, match="not a string"):
        model.choose("q", "yes")
    with pytest.raises(TypeError, match="not a string"):
        model.generate_all("q")
    assert not [do for do in daemon.asked if isinstance(do, dict) and "generate" in do]
