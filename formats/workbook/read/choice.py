"""Which sheet of a workbook is the one with the rows."""

from __future__ import annotations

from collections.abc import Sequence

from formats.workbook.layout import OWN_SHEETS
from formats.workbook.read.grid import SheetName


def chosen(sheets: Sequence[SheetName], title: str) -> str | None:
    """The sheet named `title`, else the only visible one with data that is not ours. None: no such, or it is hidden."""
    named = [sheet for sheet in sheets if _same(sheet.name, title)]
    if named:
        return named[0].name if named[0].visible else None
    data = others(sheets)
    return data[0] if len(data) == 1 else None


def others(sheets: Sequence[SheetName], taken: str = "") -> list[str]:
    """Names of the visible sheets with data, without ours and without the one that is read."""
    return [
        sheet.name
        for sheet in sheets
        if sheet.visible and sheet.has_data and sheet.name not in OWN_SHEETS and sheet.name != taken
    ]


def why_none(sheets: Sequence[SheetName], title: str) -> str:
    """What there is instead, for the person who sent it."""
    if any(_same(sheet.name, title) for sheet in sheets):
        return f"the sheet {title!r} is hidden"
    found = ", ".join(repr(name) for name in others(sheets)) or "no sheet with data"
    return f"expected a sheet named {title!r}, found {found}"


def _same(name: str, title: str) -> bool:
    return name.strip().casefold() == title.strip().casefold()
