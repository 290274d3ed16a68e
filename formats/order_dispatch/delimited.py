"""Delimited text taken apart row by row: a row whose quotes are wrong spoils no other one.

RFC 4180; in a cell that does not begin with a quote, quotes are characters like others. A quoted cell may go over
several lines, but not over a line that is a row itself: then its quote was never closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_TO_CLOSING = re.compile(r'[^"]*(?:""[^"]*)*"(?!")')


def lines_of(text: str) -> list[str]:
    """Lines without their ends."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def rows_of(lines: Sequence[str], delimiter: str) -> Iterator[list[str] | None]:
    """The cells of each row; None for one whose quotes are wrong: its next line is the next row."""
    at = 0
    while at < len(lines):
        if '"' not in lines[at]:
            yield lines[at].split(delimiter)
            at += 1
        else:
            cells, taken = _row(lines, at, delimiter)
            yield cells
            at += taken


def _row(lines: Sequence[str], at: int, delimiter: str) -> tuple[list[str] | None, int]:
    """The cells of the row that begins at line `at`, and how many lines it takes."""
    cells: list[str] = []
    last, place = at, 0
    while True:
        line = lines[last]
        if not line.startswith('"', place):
            end = line.find(delimiter, place)
            if end < 0:
                return [*cells, line[place:]], last - at + 1
            cells.append(line[place:end])
            place = end + 1
            continue
        found = _quoted(lines, last, place + 1, delimiter, len(cells))
        if found is None:
            return None, 1
        cell, last, place = found
        cells.append(cell)
        if place == len(lines[last]):
            return cells, last - at + 1
        if lines[last][place] != delimiter:
            return None, 1
        place += 1


def _quoted(lines: Sequence[str], at: int, place: int, delimiter: str, before: int) -> tuple[str, int, int] | None:
    """The cell whose text begins at `place`, and the line and place behind its closing quote.

    `before`: cells before it. A line within it that has as many delimiters is a row itself: the quote was not closed.
    """
    parts: list[str] = []
    for last in range(at, len(lines)):
        line = lines[last]
        closing = _TO_CLOSING.match(line, place)
        end = closing.end() if closing else len(line)
        if last > at and line.count(delimiter, 0, end) >= max(before, 1):
            return None
        parts.append(line[place : end - 1] if closing else line[place:])
        if closing:
            return "\n".join(parts).replace('""', '"'), last, end
        place = 0
    return None
