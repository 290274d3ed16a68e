"""File names that come from or go to a partner: data, never paths."""

from __future__ import annotations

import posixpath
import re
import secrets
from collections.abc import Callable, Iterator
from itertools import count

from jobs.causes import printable as printable
from jobs.errors import RemoteFileRefused

PART = ".part"
"""Suffix of an upload under way. Such files are neither listed nor fetched."""

_UNFINISHED = (PART, ".filepart", ".tmp")  # WinSCP uploads under `<name>.filepart`
_HIDDEN = (".", "~$")  # Excel keeps `~$<name>` beside a workbook while it is open
_CLUTTER = frozenset({"desktop.ini", "thumbs.db"})  # hidden where they come from
_TAKEN = re.compile(r"\.taken-[0-9a-f]{8}-(.+)", re.DOTALL)
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PEOPLES = re.compile(r'[^/\\:*?"<>|\N{REPLACEMENT CHARACTER}]+')
_PEOPLES_BYTES = 200  # with what is added to it a file system still takes it


def is_safe(name: str) -> bool:
    """Whether `name` may be joined to a folder: one component, ASCII, no leading dot."""
    return _SAFE.fullmatch(name) is not None


def is_peoples(name: str) -> bool:
    """Whether `name`, as people give them, may be joined to a folder: any script and blanks, but one component
    on every system, and nothing that cannot be seen.
    """
    return (
        _PEOPLES.fullmatch(name) is not None
        and name.isprintable()
        and name.strip(". ") != ""
        and len(name.encode()) <= _PEOPLES_BYTES
    )


def is_passed_over(name: str) -> bool:
    """Whether nobody means `name` to be read: it is hidden, or that of a file somebody is still writing."""
    lower = name.lower()
    is_hidden = name.startswith(_HIDDEN) and "/" not in name and "\\" not in name
    return is_hidden or lower in _CLUTTER or lower.endswith(_UNFINISHED)


def taken_name(name: str) -> str:
    """A hidden name of ours for a file we take, which nobody else ever gives to a file."""
    return f".taken-{secrets.token_hex(4)}-{name}"


def given_name(name: str) -> str:
    """The name a taken file had; any other name is itself."""
    ours = _TAKEN.fullmatch(name)
    return name if ours is None else ours[1]


def checked(name: str, safe: Callable[[str], bool] = is_safe) -> str:
    """`name` itself. Raises RemoteFileRefused for an unsafe name or one of an upload under way."""
    if not safe(given_name(name)) or name.endswith(PART):
        raise RemoteFileRefused(f"{printable(name)} is no safe file name")
    return name


def remote_path(folder: str, name: str, safe: Callable[[str], bool] = is_safe) -> str:
    """Path of a file in a configured folder, with `/` on every system."""
    return posixpath.join(folder, checked(name, safe))


def numbered(name: str) -> Iterator[str]:
    """`name`, then names for when it is taken: `a.pgp`, `a.1.pgp`, `a.2.pgp`, …"""
    yield name
    stem, suffix = posixpath.splitext(name)
    for number in count(1):
        yield f"{stem}.{number}{suffix}"
