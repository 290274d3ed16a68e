"""Workbooks as a test looks at them: their parts, and what may never be in them."""

from __future__ import annotations

import re
from io import BytesIO
from zipfile import ZipFile

import openpyxl
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

_LIVE = re.compile(r"<f[ >/]|<hyperlink|TargetMode=\"External\"|<oleObject|<externalReference|ddeLink")
_ROW = re.compile(r"<row r=\"(\d+)\"[^>]*?(?:/>|>(.*?)</row>)", re.DOTALL)
_CELL = re.compile(r"<c r=\"([A-Z]+)(\d+)\"(?: s=\"\d+\")?(?: t=\"(\w+)\")?")


def opened(data: bytes) -> Workbook:
    return openpyxl.load_workbook(BytesIO(data))


def sheet_of(data: bytes, name: str) -> Worksheet:
    sheet = opened(data)[name]
    assert isinstance(sheet, Worksheet)
    return sheet


def parts(data: bytes) -> dict[str, str]:
    """The XML parts by name."""
    with ZipFile(BytesIO(data)) as package:
        assert package.testzip() is None
        names = [item.filename for item in package.infolist()]
        assert len(set(names)) == len(names)
        return {name: package.read(name).decode() for name in names if not name.endswith(".png")}


def sheets(data: bytes) -> dict[str, str]:
    return {name: text for name, text in parts(data).items() if name.startswith("xl/worksheets/sheet")}


def assert_sound(data: bytes) -> None:
    """Nothing is live, and the rows and cells are in an order that Excel does not want to repair."""
    assert [name for name in parts(data) if not name.endswith((".xml", ".rels", ".vml"))] == []
    assert {name: found[0] for name, text in parts(data).items() if (found := _LIVE.search(text))} == {}
    for text in sheets(data).values():
        rows = _ROW.findall(text)
        numbers = [int(number) for number, _ in rows]
        assert numbers == sorted(set(numbers))
        for number, content in rows:
            cells = _CELL.findall(content)
            columns = [(len(letters), letters) for letters, _, _ in cells]
            assert columns == sorted(set(columns))
            assert {(row, kind) for _, row, kind in cells} <= {(number, ""), (number, "s"), (number, "inlineStr")}


def values(sheet: Worksheet) -> list[list[object]]:
    return [list(row) for row in sheet.iter_rows(values_only=True)]
