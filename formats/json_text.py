"""JSON from outside, read strictly: what two readers could understand differently is refused."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def parse(data: bytes) -> Any:
    """The document in `data` (UTF-8). Raises UnicodeDecodeError, and ValueError for anything but sound JSON.

    Refused are also a member named twice, half a surrogate pair, NaN, numbers of thousands of
    digits and nesting that exhausts the parser.
    """
    text = data.decode("utf-8-sig")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def cell(value: Any) -> str | None:
    """A text or whole number as a cell, null as None. Raises ValueError: a float has lost digits already."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError("neither a text nor a whole number")
    return str(value)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a member stands twice")
    for value in found.values():
        if isinstance(value, str):
            value.encode()  # raises UnicodeEncodeError, a ValueError, for half a surrogate pair
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
