"""Converts the values that ``schema=`` accepts to JSON schemas."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import json
import types
import typing
import uuid
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union

_PLAIN: dict[Any, dict[str, Any]] = {
    Any: {},
    None: {"type": "null"},
    type(None): {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    dict: {"type": "object"},
    list: {"type": "array"},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    datetime.time: {"type": "string", "format": "time"},
    uuid.UUID: {"type": "string", "format": "uuid"},
}

_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def text_of(schema: Any) -> str:
    """The JSON text of a schema: a dictionary, a JSON text, a pydantic model or a dataclass.

    Raises :class:`TypeError` for any other value, and for fields of types that have no JSON schema.
    """
    if isinstance(schema, str):
        return schema
    if isinstance(schema, Mapping):
        return json.dumps(schema)
    if isinstance(schema, type):
        pydantic = getattr(schema, "model_json_schema", None)
        if callable(pydantic):
            return json.dumps(_closed(pydantic()))
        if dataclasses.is_dataclass(schema):
            return json.dumps(_of_dataclass(schema))
    name = schema.__name__ if isinstance(schema, type) else type(schema).__name__
    raise TypeError(
        f"`schema` is a dictionary, a JSON text, a pydantic model (of version 2) or a dataclass, not {name}"
    )


def _closed(schema: Any) -> Any:
    """Forbids additional properties where the schema says nothing about them: pydantic would ignore them."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: value if key in _VALUES else _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


#: Keywords whose values are no schemas.
_VALUES = frozenset({"const", "enum", "default", "examples", "discriminator"})


def _of_dataclass(cls: type) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    named: dict[type, str] = {}
    schema = _type(cls, cls.__name__, definitions, named)
    return schema | {"$defs": definitions}


def _object(cls: type, definitions: dict[str, Any], named: dict[type, str]) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(cls)
    except NameError as error:
        raise TypeError(f"the types of {cls.__name__} are not known: {error}") from None
    fields = [field for field in dataclasses.fields(cls) if field.init]
    properties = {
        field.name: _type(hints[field.name], f"{cls.__name__}.{field.name}", definitions, named) for field in fields
    }
    missing = dataclasses.MISSING
    required = [field.name for field in fields if field.default is missing and field.default_factory is missing]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _type(of: Any, where: str, definitions: dict[str, Any], named: dict[type, str]) -> dict[str, Any]:
    def inner(each: Any) -> dict[str, Any]:
        return _type(each, where, definitions, named)

    try:
        if of in _PLAIN:
            return dict(_PLAIN[of])
    except TypeError:
        pass
    origin, arguments = typing.get_origin(of), typing.get_args(of)
    if isinstance(of, type) and dataclasses.is_dataclass(of):
        if of not in named:
            names = set(named.values())
            # Two classes may have the same name.
            named[of] = next(name for name in _numbered(of.__name__) if name not in names)
            definitions[named[of]] = _object(of, definitions, named)
        return {"$ref": f"#/$defs/{named[of]}"}
    if isinstance(of, type) and issubclass(of, enum.Enum):
        return _one_of([member.value for member in of], where)
    if isinstance(of, typing.NewType):
        return inner(of.__supertype__)
    if origin is typing.Annotated:
        return inner(arguments[0])
    if origin is Literal:
        return _one_of(list(arguments), where)
    if origin in (Union, types.UnionType):
        return {"anyOf": [inner(each) for each in arguments]}
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", "items": inner(arguments[0])}
    if origin is tuple:
        count = len(arguments)
        items = {"prefixItems": [inner(each) for each in arguments], "items": False}
        return {"type": "array", **items, "minItems": count, "maxItems": count}
    if origin in _LISTS:
        return {"type": "array", "items": inner(arguments[0])}
    if origin in _MAPS and arguments[0] is str:
        return {"type": "object", "additionalProperties": inner(arguments[1])}
    raise TypeError(f"`schema` cannot have a field of the type {_name(of)}: {where}")


def _numbered(name: str) -> collections.abc.Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1


def _one_of(values: list[Any], where: str) -> dict[str, Any]:
    if not all(value is None or isinstance(value, (str, int, float)) for value in values):
        raise TypeError(f"`schema` can have strings, numbers, booleans and None as values only: {where}")
    return {"enum": values}


def _name(of: Any) -> str:
    return of.__name__ if isinstance(of, (type, TypeVar)) else str(of)
