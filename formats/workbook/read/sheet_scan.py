"""What a sheet's XML says that the value reader does not: formulas, errors, merges, what is hidden, how far it goes.

Runs of plain cells, which are nearly everything, are taken out by one expression before the parser
sees the rest: each run leaves a mark with the address of its last cell. What is taken out can hold
neither formula nor error, so nothing escapes the parser that matters.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from formats.workbook.read.addresses import Addresses
from formats.workbook.read.inspection import LAST_COLUMN, LAST_ROW, Range, Refused, SheetFacts, WorkbookLimits, key
from formats.workbook.read.xml_scan import feed, guarded, local, parser

_REF = rb"[A-Z]{1,2}[1-9][0-9]{0,6}"
_STYLE = rb'(?: s="[0-9]{1,6}")?'
_CONTENT = rb'>(?:<v>[^<>&]*</v>|<is><t(?: xml:space="preserve")?>[^<>&]*</t></is>)</c>'
_EMPTY = re.compile(rb'(?:<c r="(' + _REF + rb')"' + _STYLE + rb"/>)+")
_MARK = b'<v r="%b" n="%d"/>'  # a real <v> has no address
_EMPTY_MARK = b'<passed r="%b" n="%d"/>'
_MOST_TELLING = 200  # styles in one expression; with more of them every number with a style goes to the parser
_ADDRESS = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9][0-9]{0,6})")
_TRUE = ("1", "true")
_ERROR_LENGTH = 30
_NOTHING: frozenset[int] = frozenset()


def scan_sheet(
    pieces: Iterable[bytes], facts: SheetFacts, limits: WorkbookLimits, telling: frozenset[int] = _NOTHING
) -> None:
    """Fill in `facts`. `telling`: styles under which a number shows something else. Raises Refused."""
    addresses = Addresses()
    walker, scan = parser(), _Scan(facts, limits, telling, addresses)
    walker.StartElementHandler = scan.start
    walker.EndElementHandler = scan.end
    walker.CharacterDataHandler = scan.text
    feed(walker, _thinned(guarded(pieces, facts.part), _plain_cells(telling), addresses), facts.part)
    if addresses.doubled():
        raise Refused("WORKBOOK_DAMAGED", f"{facts.name}: the cell {addresses.doubled()} stands twice")
    if facts.last_row > limits.rows + 1:  # the heading is no row of data
        raise Refused("WORKBOOK_TOO_MANY_ROWS", f"{facts.name}: {facts.last_row - 1} rows, at most {limits.rows}")
    if scan.last_column >= limits.columns:
        raise Refused("WORKBOOK_TOO_WIDE", f"{facts.name}: {scan.last_column + 1} columns")


def _plain_cells(telling: frozenset[int]) -> re.Pattern[bytes]:
    """Runs of cells with nothing to look at: texts, and numbers of a style that tells nothing."""
    style = _STYLE
    if telling:
        named = b"|".join(b"%d" % number for number in sorted(telling))
        style = rb' s="(?!(?:' + named + rb')")[0-9]{1,6}"' if len(telling) <= _MOST_TELLING else b""
        style = rb"(?:" + style + (rb")" if 0 in telling and style else rb")?")
    kinds = (style + rb'(?: t="n")?', _STYLE + rb' t="(?:s|str|inlineStr)"')
    return re.compile(rb'(?:<c r="(' + _REF + rb')"(?:' + b"|".join(kinds) + rb")" + _CONTENT + rb")+")


def _thinned(pieces: Iterable[bytes], plain: re.Pattern[bytes], addresses: Addresses) -> Iterator[bytes]:
    def marked(mark: bytes) -> Callable[[re.Match[bytes]], bytes]:
        def taken(run: re.Match[bytes]) -> bytes:
            return mark % (run[1], addresses.offer(run[0]))

        return taken

    for piece in pieces:
        yield _EMPTY.sub(marked(_EMPTY_MARK), plain.sub(marked(_MARK), piece))


def place(address: str) -> tuple[int, int]:
    """Row from 1 and column from 0 of `C17`. Raises Refused beyond the edges of a sheet."""
    match = _ADDRESS.fullmatch(address)
    if match:
        row, column = int(match[2]), _column(match[1])
        if row <= LAST_ROW and column <= LAST_COLUMN:
            return row, column
    raise Refused("WORKBOOK_HOSTILE", f"a cell address {address[:20]!r}")


@cache
def _column(letters: str) -> int:
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _area(reference: str) -> Range:
    first, _, last = reference.partition(":")
    top, left = place(first)
    bottom, right = place(last or first)
    return top, left, bottom, right


class _Scan:
    """The state of one sheet's scan: where we are, and what was found."""

    def __init__(
        self, facts: SheetFacts, limits: WorkbookLimits, telling: frozenset[int], addresses: Addresses
    ) -> None:
        self.last_column = -1
        self._telling = telling
        self._addresses = addresses
        self._error: list[str] | None = None  # the text of an error cell while it is read
        self._facts = facts
        self._limits = limits
        self._row = 0  # of the row element
        self._column = -1  # of the last cell, by which one without an address is placed
        self._at = 0, 0  # where the cell is
        self._rows = 0
        self._in_cell = False
        self._handlers = {
            "row": self._start_row,
            "c": self._start_cell,
            "passed": self._passed,
            "v": self._value,
            "is": self._value,
            "f": self._formula,
            "col": self._column_format,
            "mergeCell": self._merge,
        }

    def start(self, name: str, attributes: dict[str, str]) -> None:
        handler = self._handlers.get(local(name))
        if handler:
            handler(attributes)

    def end(self, name: str) -> None:
        if local(name) == "c":
            self._in_cell = False
            if self._error is not None:
                self._facts.error_names.append("".join(self._error).strip()[:_ERROR_LENGTH])
                self._error = None

    def text(self, data: str) -> None:
        if self._error is not None:
            self._error.append(data)

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._rows += 1
        if self._rows > self._limits.rows + self._limits.spare_rows:
            if self._facts.last_row > self._limits.rows + 1:
                raise Refused("WORKBOOK_TOO_MANY_ROWS", f"{self._facts.name}: more than {self._limits.rows} rows")
            raise Refused("WORKBOOK_TOO_LARGE", f"{self._facts.name}: too many empty rows with a format")
        written = attributes.get("r")
        self._row = _number(written) if written is not None else self._row + 1
        self._column = -1
        if self._row > LAST_ROW:
            raise Refused("WORKBOOK_HOSTILE", f"row {self._row}")
        if attributes.get("hidden", "").lower() in _TRUE:
            self._facts.hidden_rows.append(self._row)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._in_cell = True
        self._move(attributes.get("r"))
        self._addresses.add(key(*self._at))
        kind, style = attributes.get("t", "n"), _style(attributes.get("s", "0"))
        if kind == "e":
            self._note(self._facts.errors)
            self._error = []
        elif kind == "n" and style in self._telling:
            self._note(self._facts.formatted)
            self._facts.styles.append(style)

    def _passed(self, attributes: dict[str, str]) -> None:
        """A run of cells was taken out here."""
        self._move(attributes.get("r"))
        if "n" in attributes:
            self._addresses.take(_number(attributes["n"]))

    def _value(self, attributes: dict[str, str]) -> None:
        if "r" in attributes:
            self._passed(attributes)
        elif not self._in_cell:
            return
        if self._error is not None:
            self._error = []  # the name stands in the value, not in the formula
        self._facts.has_data = True
        self._facts.last_row = max(self._facts.last_row, self._at[0])
        self.last_column = max(self.last_column, self._at[1])

    def _formula(self, attributes: dict[str, str]) -> None:
        if not self._in_cell:
            return  # extensions have elements of this name, too
        self._value({})
        self._note(self._facts.formulas)
        if "ref" in attributes and attributes.get("t") in ("array", "dataTable"):
            self._keep(self._facts.array_formulas, _area(attributes["ref"]))

    def _column_format(self, attributes: dict[str, str]) -> None:
        if attributes.get("hidden", "").lower() in _TRUE:
            first, last = _number(attributes.get("min", "")), _number(attributes.get("max", ""))
            if len(self._facts.hidden_columns) > LAST_COLUMN:
                raise Refused("WORKBOOK_HOSTILE", "more columns than a sheet has")
            self._facts.hidden_columns.append((first - 1, last - 1))

    def _merge(self, attributes: dict[str, str]) -> None:
        area = _area(attributes.get("ref", ""))
        if area[:2] != area[2:]:  # one cell is merged with nothing
            self._keep(self._facts.merged, area)

    def _move(self, address: str | None) -> None:
        self._at = (self._row, self._column + 1) if address is None else place(address)
        self._column = self._at[1]

    def _note(self, cells: array[int]) -> None:
        facts = self._facts
        if len(facts.formulas) + len(facts.errors) + len(facts.formatted) >= self._limits.odd_cells:
            raise Refused("WORKBOOK_TOO_LARGE", f"{facts.name}: too many formulas")
        cells.append(key(*self._at))

    def _keep(self, ranges: list[Range], found: Range) -> None:
        if len(ranges) >= self._limits.ranges:
            raise Refused("WORKBOOK_TOO_LARGE", f"{self._facts.name}: too many merged or computed ranges")
        ranges.append(found)


def _style(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and text[0] != "0"):
        raise Refused("WORKBOOK_HOSTILE", f"a row or column {text[:20]!r}")
    return int(text)
