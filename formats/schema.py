"""Record schemas: every record that crosses a border is declared once, here's how.

From one declaration come the Arrow schema, the row checks (`formats.judge`), the Great
Expectations suite (`adapters.quality`), the published Table Schema
(`formats.table_schema`) and the reference page. Nothing is declared twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa


class Kind(StrEnum):
    """What a column holds. All cells travel as text until they have been judged."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"  # a plain number with a point, 12.97
    MOMENT = "moment"  # UTC date-time, 2026-03-05T14:30:00Z
    DATE = "date"  # a calendar day, 2026-03-05
    CHOICE = "choice"
    SERIAL = "serial"
    IMEI = "imei"
    MEID = "meid"
    MAC = "mac"
    VIN = "vin"  # frame id of a vehicle, as makers write it; not the 17 characters of ISO 3779
    PHONE = "phone"  # E.164, +919876543210
    EMAIL = "email"


PLAIN_TEXT = r"[^\x00-\x1f\x7f-\x9f]*"
"""No control characters: they break databases, terminals and line-based formats."""


@dataclass(frozen=True)
class Column:
    """One column: `pattern` is a whole-cell regular expression common to RE2 and Python.

    `aliases` are other headings the column is known by. `offers` names the registry's list of
    values a workbook offers for it. A `secret` is never shown, stored or given back. `dummies` may stand
    for what is not there yet, in several records.
    """

    name: str
    heading: str
    description: str
    example: str
    kind: Kind = Kind.TEXT
    required: bool = False
    pattern: str = PLAIN_TEXT
    choices: tuple[str, ...] = ()
    min_length: int = 0
    max_length: int = 255
    aliases: tuple[str, ...] = ()
    offers: str = ""
    secret: bool = False
    dummies: bool = False


@dataclass(frozen=True)
class UniqueTogether:
    """No two rows may share these cells; rows with one of them empty are left out."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class AnyGiven:
    """At least one of these cells must be filled, unless `unless` holds one of `values`."""

    columns: tuple[str, ...]
    unless: str | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class RequiredWhen:
    """`column` must be filled when `when` holds one of `values`."""

    column: str
    when: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class EmptyWhen:
    """`column` must be empty when `when` holds one of `values`."""

    column: str
    when: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class NotBefore:
    """The moment in `column` must not lie before the one in `other`."""

    column: str
    other: str


Rule = UniqueTogether | AnyGiven | RequiredWhen | EmptyWhen | NotBefore


@dataclass(frozen=True)
class RecordSchema:
    """One kind of record: its columns in order and the rules across columns."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def arrow(self) -> pa.Schema:
        """The text form: every column a nullable string, an empty cell is null."""
        return pa.schema([pa.field(name, pa.string()) for name in self.names])
