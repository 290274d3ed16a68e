"""Rows of a sheet as XML, made column by column: twenty times as fast as one call for each cell.

XlsxWriter makes the workbook with its styles, headings, notes and checks; what is made here goes into one of its
sheets. Every cell is an inline string or a number: neither a formula nor a link can come of a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from formats.workbook.layout import column_letters

_BLOCK = 20_000  # rows that are made at a time
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEVEL = 1  # of compression
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
_CONTROL = r"[\x00-\x08\x0b-\x1f\x{fffe}\x{ffff}]"
_LOOKS_ESCAPED = "_x[0-9A-Fa-f]{4}_"
_EDGES = r"^[ \t\n]|[ \t\n]$|\n"


@dataclass(frozen=True)
class SheetColumn:
    """One column of rows: `texts` with nulls for empty cells, the number of each cell's style, and the cells
    that are `numbers` (their text is a number as XML has it)."""

    texts: pa.StringArray
    styles: npt.NDArray[np.int32]
    numbers: pa.BooleanArray | None = None


def with_rows(package: bytes, part: str, rows: pa.Int64Array, columns: Sequence[SheetColumn]) -> bytes:
    """The workbook with rows behind those that its sheet `part` has; `rows` are their numbers, rising."""
    target = BytesIO()
    with ZipFile(BytesIO(package)) as source, ZipFile(target, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as made:
        for item in source.infolist():
            content = source.read(item)
            info = ZipInfo(item.filename, _EPOCH)
            info.compress_type = ZIP_DEFLATED
            if item.filename != part:
                made.writestr(info, content)
                continue
            head, tail = content.split(b"</sheetData>")
            with made.open(info, "w", force_zip64=True) as sheet:
                sheet.write(_with_dimension(head, rows, len(columns)))
                for block in _blocks(rows, columns):
                    sheet.write(block)
                sheet.write(b"</sheetData>" + tail)
    return target.getvalue()


def escaped(texts: pa.StringArray) -> pa.StringArray:
    """Texts as they stand between tags; what XML cannot hold is written `_xHHHH_`, as Excel does."""
    if _any(texts, _LOOKS_ESCAPED):
        texts = pc.replace_substring_regex(texts, "_(x[0-9A-Fa-f]{4}_)", r"_x005F_\1")
    for character, entity in _ENTITIES:
        texts = pc.replace_substring(texts, character, entity)
    if _any(texts, _CONTROL):
        replaced = [None if text is None else re.sub(_PYTHON_CONTROL, _escape, text) for text in texts.to_pylist()]
        texts = pa.array(replaced, pa.string())
    return texts


_PYTHON_CONTROL = "[\x00-\x08\x0b-\x1f\ufffe\uffff]"


def _escape(match: re.Match[str]) -> str:
    return f"_x{ord(match[0]):04X}_"


def _any(texts: pa.StringArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())


def _with_dimension(head: bytes, rows: pa.Int64Array, columns: int) -> bytes:
    reference = f"A1:{column_letters(columns - 1)}{rows[-1].as_py() if len(rows) else 1}"
    return re.sub(rb'<dimension ref="[^"]*"', f'<dimension ref="{reference}"'.encode(), head, count=1)


def _blocks(rows: pa.Int64Array, columns: Sequence[SheetColumn]) -> Iterator[memoryview]:
    for start in range(0, len(rows), _BLOCK):
        numbers = rows.slice(start, _BLOCK).cast(pa.string())
        cells = [_cells(column, index, start, numbers) for index, column in enumerate(columns)]
        opening = pc.binary_join_element_wise('<row r="', numbers, '">', "")
        lines = pc.binary_join_element_wise(opening, *cells, "</row>", "")
        yield _bytes(lines)


def _cells(column: SheetColumn, index: int, start: int, numbers: pa.StringArray) -> pa.StringArray:
    """`<c r="C17" s="5" t="inlineStr"><is><t>…</t></is></c>`; an empty cell still has its style."""
    texts = escaped(column.texts.slice(start, _BLOCK))
    style = _attributes(column.styles[start : start + _BLOCK])
    keep = pc.fill_null(pc.match_substring_regex(texts, _EDGES), False)
    tag = pc.if_else(keep, ' t="inlineStr"><is><t xml:space="preserve">', ' t="inlineStr"><is><t>')
    closing: pa.Scalar | pa.Array = pa.scalar("</t></is></c>")
    if column.numbers is not None:
        is_number = column.numbers.slice(start, _BLOCK)
        tag = pc.if_else(is_number, "><v>", tag)
        closing = pc.if_else(is_number, "</v></c>", closing)
    empty = pc.is_null(texts)
    tag, closing = pc.if_else(empty, "/>", tag), pc.if_else(empty, "", closing)
    content = pc.fill_null(texts, "")
    return pc.binary_join_element_wise(f'<c r="{column_letters(index)}', numbers, style, tag, content, closing, "")


def _attributes(styles: npt.NDArray[np.int32]) -> pa.StringArray:
    known, codes = np.unique(styles, return_inverse=True)
    return pa.array([f'" s="{style}"' for style in known], pa.string()).take(pa.array(codes))


def _bytes(texts: pa.StringArray) -> memoryview:
    """All the texts one behind the other: Arrow has them so already."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(texts.buffers()[2])[int(offsets[0]) : int(offsets[-1])]
