"""What a source of lookups is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause


@dataclass(frozen=True)
class Source:
    """`columns` by the names lookups use, all of them from `start`; `only`: which records it shows.

    `keys`: sets of columns that no two records share.
    """

    start: FromClause
    columns: Mapping[str, ColumnElement[Any]]
    keys: tuple[frozenset[str], ...]
    only: tuple[ColumnElement[bool], ...] = ()

    def is_unique(self, names: Collection[str]) -> bool:
        """At most one record has these columns' values."""
        return any(key <= set(names) for key in self.keys)
