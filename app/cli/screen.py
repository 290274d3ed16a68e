"""What the terminal shows: results on standard output, everything else on standard error.

Nothing is coloured or animated unless it goes to a terminal and NO_COLOR is not set (rich sees to it).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, TextIO

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from adapters.settings.environment import variable

_PIPE_WIDTH = 500  # for a program or a file nothing is wrapped
_STYLES = {
    "bold red": ("UNCERTAIN", "FAIL", "FAILED", "failed", "QUARANTINED", "missing", "expired", "revoked"),
    "yellow": ("REJECTED", "REVIEW", "warn", "partly failed", "CANCELLED", "REFUSED", "running", "interrupted", "HELD"),
    "green": ("CLOSED", "ENROLLED", "DONE", "done", "ok", "APPLIED", "COMPLETED"),
    "dim": ("nothing to do",),
}
_STYLE = {word: style for style, words in _STYLES.items() for word in words}

Cell = str | int | datetime | Text | None


def results() -> Console:
    """Standard output."""
    return _console(sys.stdout)


def messages() -> Console:
    """Standard error."""
    return _console(sys.stderr)


def working(text: str) -> AbstractContextManager[object]:
    """A spinner on standard error while the block lasts, where somebody is there to see it."""
    screen = messages()
    return screen.status(f"  {text} …") if screen.is_terminal and not screen.no_color else nullcontext()


def print_json(document: object) -> None:
    """One JSON document on standard output; times are ISO 8601 in UTC."""
    sys.stdout.write(json.dumps(_plain(document), indent=2) + "\n")


def clean(text: str) -> str:
    """`text` without characters that would act on the terminal: much of it was written by partners."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)


def state(text: str) -> Text:
    """A state in its colour; the word says it without."""
    return Text(clean(text), _STYLE.get(text, ""))


def moment(value: datetime | None, zone: tzinfo) -> str:
    """`21 Nov 2026 10:15 CET`, or a dash."""
    return "-" if value is None else f"{_date(value, zone)} {value.astimezone(zone):%Z}"


def plural(count: int, noun: str) -> str:
    """`1 batch`, `1,200 batches`."""
    ending = "" if count == 1 else "es" if noun.endswith(("ch", "s")) else "s"
    return f"{count:,} {noun}{ending}"


def table(headings: Sequence[str], rows: Iterable[Sequence[Cell]], zone: tzinfo = UTC) -> Padding:
    """A plain table, indented; numbers stand right; where it is too wide, texts are broken, nothing else."""
    listed = [list(row) for row in rows]
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for position, heading in enumerate(headings):
        cells = [row[position] for row in listed]
        numeric = any(isinstance(cell, int) for cell in cells)
        breaks = any(isinstance(cell, str) for cell in cells)
        made.add_column(heading, justify="right" if numeric else "left", overflow="fold", no_wrap=not breaks)
    for row in listed:
        made.add_row(*(_cell(cell, zone, with_zone=False) for cell in row))
    timed = any(isinstance(cell, datetime) for row in listed for cell in row)
    return Padding.indent(Group(made, Text(f"Times: {zone}", "dim")) if timed else made, 2)


def facts(pairs: Iterable[tuple[str, Cell]], zone: tzinfo = UTC, indent: int = 2) -> Padding:
    """Names and values, one pair a line; empty values are left out."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    made.add_column("", style="dim", no_wrap=True)
    made.add_column("", overflow="fold")
    for name, value in pairs:
        if value not in (None, ""):
            made.add_row(name, _cell(value, zone, with_zone=True))
    return Padding.indent(made, indent)


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() or variable("COLUMNS") else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def _cell(value: Cell, zone: tzinfo, with_zone: bool) -> Text:
    if isinstance(value, Text):
        return value
    if isinstance(value, datetime):
        return Text(moment(value, zone) if with_zone else _date(value, zone))
    if isinstance(value, int):
        return Text(f"{value:,}")
    return Text(clean(value or "-"))


def _date(value: datetime, zone: tzinfo) -> str:
    local = value.astimezone(zone)
    return f"{local.day} {local:%b %Y %H:%M}"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    return str(value)
