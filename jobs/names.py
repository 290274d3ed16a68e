"""Names that people give: one that is unknown is answered with those there are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from jobs.errors import NotFound

_LISTED = 30


def unknown(noun: str, name: str, known: Iterable[str]) -> NotFound:
    """The error for a name that is none of `known`: what may be meant, and which there are."""
    names = sorted(str(item) for item in known)
    near = get_close_matches(name.lower(), names, 1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    listed = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
    there = f"there are: {listed}" if names else "there is none yet"
    return NotFound(f"there is no {noun} {name!r}{meant}; {there}", name=name)
