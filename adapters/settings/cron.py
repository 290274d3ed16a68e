"""Cron expressions: five fields, the part of the syntax that every cron reads alike.

Every expression accepted here is one that croniter (Airflow's parser) accepts and that comes true at
some time. Importing croniter for this alone would cost each DAG file more than all other checks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapters.settings.faults import Wrong

_REMEDY = 'Write five fields: minute hour day month weekday, such as "*/15 * * * *" or "0 6 * * 1-5"'
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?", re.ASCII)
_LONGEST = 20  # characters of a part: more say nothing more, and Python reads no number of thousands of digits
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_DAY = _Field("day", 1, 31)
_MONTH = _Field("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"))
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _DAY,
    _MONTH,
    _Field("weekday", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


def cron(text: str) -> str:
    """The expression with single spaces. Raises Wrong."""
    cells = text.split()
    if len(cells) != len(_FIELDS):
        raise Wrong(f"has {len(cells)} fields instead of 5", _REMEDY)
    values = [_values(field, cell) for field, cell in zip(_FIELDS, cells, strict=True)]
    days, months = values[2], values[3]
    if cells[4] == "*" and min(days) > max(_LONGEST_MONTH[month - 1] for month in months):
        raise Wrong("names a day that no such month has", _REMEDY)
    return " ".join(cells)


def _values(field: _Field, cell: str) -> set[int]:
    values: set[int] = set()
    for part in cell.split(","):
        match = _PART.fullmatch(part)
        if match is None or len(part) > _LONGEST:
            raise Wrong(f"has the {field.name} {part[:_LONGEST]!r}, which is no cron value", _REMEDY)
        values.update(_range(field, part, match))
    return values


def _range(field: _Field, part: str, match: re.Match[str]) -> range:
    step = int(match["step"] or 1)
    first = _number(field, match["first"], field.low)
    last = _number(field, match["last"], field.high if match["step"] or match["first"] is None else first)
    if not (field.low <= first <= last <= field.high and 0 < step <= field.high):
        raise Wrong(f"has the {field.name} {part!r}, outside {field.low}-{field.high}", _REMEDY)
    return range(first, last + 1, step)


def _number(field: _Field, text: str | None, default: int) -> int:
    if text is None:
        return default
    if text.isdigit():
        return int(text)
    if text.lower() in field.words:
        return field.words.index(text.lower()) + field.low
    raise Wrong(f"has the {field.name} {text!r}, which is no cron value", _REMEDY)
