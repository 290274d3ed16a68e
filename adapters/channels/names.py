"""File names that come from or go to a partner: data, never paths."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from itertools import count

from jobs.causes import printable as printable
from jobs.errors import RemoteFileRefused

PART = ".part"
"""Suffix of an upload under way. Such files are neither listed nor fetched."""

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


def checked(name: str, safe: Callable[[str], bool] = is_safe) -> str:
    """`name` itself. Raises RemoteFileRefused for an unsafe name or one of an upload under way."""
    if not safe(name) or name.endswith(PART):
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
