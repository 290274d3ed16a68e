"""From what a TOML file says to a dataclass: keys, values and types, with every fault collected."""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from adapters.settings import host_keys
from adapters.settings.faults import FileFaults, Location, Wrong
from adapters.settings.rules import NOT_EMPTY, RULES, duration

T = TypeVar("T")

# What people try in order to switch host key checks off, without separators and in lower case.
_CHECKS_OFF = re.compile(
    r"autoadd|missinghostkey|insecure|trustall|acceptnew|stricthost|knownhosts|skipverif|verifyssh"
    r"|(?:no|skip|ignore|disable|allow|accept|any|auto|trust|verify|check|strict|unknown).*hostkey"
    r"|hostkeys?.*(?:check|verif|policy|change|off|any)"
)
_SECRET = re.compile(r"password|passwd|secret|privatekey|token")
_REMEDIES = {
    "missing": "Add it; the commented template shows an example",
    "string_type": "Write text in quotes",
    "int_type": "Write a whole number without quotes",
    "bool_type": "Write true or false, without quotes",
    "tuple_type": "Write a list in square brackets",
    "dataclass_type": "Write it as a table, such as [folders]",
    "time_delta_type": 'Write a number and a unit in quotes: "30s", "5m", "1h" or "2d"',
    "date_type": "Write a date such as 2026-01-31",
}


def tidy(cls: type, raw: Mapping[str, object], faults: FileFaults, at: Location = ()) -> dict[str, Any]:
    """What `raw` says for the fields of `cls`, single values brought to their normal form.

    Unknown keys and values that break a rule become faults; an empty text for a field that may be
    None becomes None, as TOML has no null.
    """
    known: dict[str, Any] = {}
    for key, value in raw.items():
        if key in _hints(cls):
            known[key] = _value(cls, key, value, faults, (*at, key))
        else:
            faults.add((*at, key), *_unknown(key, cls))
    for key, (what, remedy) in NOT_EMPTY.get(cls, {}).items():
        if known.get(key, []) == []:
            faults.add((*at, key), what, remedy)
    return known


def typed(cls: type[T], tidied: Mapping[str, object], faults: FileFaults) -> T | None:
    """The dataclass, or None with faults.

    Strict JSON is the mode that takes text for dates and choices and arrays for tuples, and nothing
    else for anything else: no "22" for 22, no 1 for true.
    """
    adapter: TypeAdapter[T] = _adapter(cast(Any, cls))
    try:
        return adapter.validate_json(json.dumps(tidied, default=_json), strict=True)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            what, remedy = _explain(item["type"], item["msg"], item["input"], item.get("ctx", {}))
            faults.add(item["loc"], what, remedy)
        return None


@cache
def _adapter(cls: type) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _value(cls: type, key: str, value: object, faults: FileFaults, at: Location) -> object:
    kind, optional = _kind(_hints(cls)[key])
    if value == "" and optional:
        return None
    if isinstance(value, list):
        return [_one(cls, key, kind, item, faults, (*at, index)) for index, item in enumerate(value)]
    return _one(cls, key, kind, value, faults, at)


def _one(cls: type, key: str, kind: Any, value: object, faults: FileFaults, at: Location) -> object:
    if dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return tidy(kind, value, faults, at)  # type: ignore[arg-type]  # is_dataclass also narrows to instances
    rule = RULES.get((cls, key), duration if kind is timedelta else None)
    if rule is None or not isinstance(value, str):
        return value
    try:
        return rule(value)
    except Wrong as wrong:
        faults.add(at, wrong.what, wrong.remedy)
        return value


def _kind(hint: Any) -> tuple[Any, bool]:
    """The type of a field's values (of a tuple, its entries'), and whether it may be None."""
    if get_origin(hint) in (Union, UnionType):
        (inner,) = (item for item in get_args(hint) if item is not type(None))
        return _kind(inner)[0], True
    if get_origin(hint) is tuple:
        return _kind(get_args(hint)[0])[0], False
    return hint, False


def _unknown(key: str, cls: type) -> tuple[str, str]:
    """What to say about a key the dataclass does not have."""
    plain = re.sub(r"[^a-z]", "", key.lower())
    if _CHECKS_OFF.search(plain):
        return "does not exist: host keys are always checked, and nothing switches that off", host_keys.ASK
    if _SECRET.search(plain):
        return "does not exist: no secret stands in this file", "Remove it, and give a reference such as file:<path>"
    names = list(_hints(cls))
    near = difflib.get_close_matches(key, names, 1)
    if near:
        return "is not a known key", f"Did you mean {near[0]!r}?"
    for table, inside in _tables(cls):
        if key in inside:
            return "is not a known key here", f"It belongs into the table {table!r}"
    return "is not a known key", "Remove it; known here are " + ", ".join(names)


def _tables(cls: type) -> Iterator[tuple[str, list[str]]]:
    """The tables below a dataclass, each with its keys."""
    for name, hint in _hints(cls).items():
        kind = _kind(hint)[0]
        if dataclasses.is_dataclass(kind):
            yield name, list(_hints(kind))  # type: ignore[arg-type]  # is_dataclass also narrows to instances


def _explain(kind: str, message: str, value: object, context: Mapping[str, Any]) -> tuple[str, str]:
    """A pydantic error in our words. The value itself is never shown."""
    if kind == "missing":
        return "is missing", _REMEDIES[kind]
    what = message.replace("Input should be", "must be").replace("an object", "a table").replace("array", "list")
    if kind == "enum" and isinstance(value, str):
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        near = difflib.get_close_matches(value, choices, 1)
        return what, f"Did you mean {near[0]!r}?" if near else "Write one of these"
    return what, _REMEDIES.get(kind, "Correct the value")


def _json(value: object) -> str:
    if isinstance(value, timedelta):
        return f"PT{value.total_seconds():.0f}S"
    if isinstance(value, date | time):
        return value.isoformat()
    raise TypeError(type(value).__name__)
