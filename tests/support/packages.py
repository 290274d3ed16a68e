"""Workbooks put together by hand, part by part: what no spreadsheet program would write."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Sequence

SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

Parts = dict[str, bytes]


def cell(address: str, text: str) -> str:
    return f'<c r="{address}" t="inlineStr"><is><t>{text}</t></is></c>'


def row(number: int, *cells: str) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


def sheet_xml(rows: str, before: str = "", after: str = "") -> str:
    return (
        f'{DECLARATION}<worksheet xmlns="{SPREADSHEET}" xmlns:r="{RELATIONSHIPS}">'
        f"{before}<sheetData>{rows}</sheetData>{after}</worksheet>"
    )


def relationship(number: int, kind: str, target: str, more: str = "") -> str:
    return f'<Relationship Id="rId{number}" Type="{RELATIONSHIPS}/{kind}" Target="{target}"{more}/>'


def rels(*relationships: str) -> bytes:
    text = f'{DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships">{"".join(relationships)}</Relationships>'
    return text.encode()


def types(main: str = _MAIN, more: str = "") -> bytes:
    return (
        f'{DECLARATION}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{main}"/>{more}</Types>'
    ).encode()


def parts(*sheets: tuple[str, str] | tuple[str, str, str], book: str = "") -> Parts:
    """The parts of a workbook with these sheets: name, XML of the part and, if not visible, its state."""
    listed = ""
    made: Parts = {
        "[Content_Types].xml": types(),
        "_rels/.rels": rels(relationship(1, "officeDocument", "xl/workbook.xml")),
    }
    for number, (name, xml, *state) in enumerate(sheets, 1):
        hidden = f' state="{state[0]}"' if state else ""
        listed += f'<sheet name="{name}" sheetId="{number}"{hidden} r:id="rId{number}"/>'
        made[f"xl/worksheets/sheet{number}.xml"] = xml.encode()
    made["xl/workbook.xml"] = (
        f'{DECLARATION}<workbook xmlns="{SPREADSHEET}" xmlns:r="{RELATIONSHIPS}">{book}'
        f"<sheets>{listed}</sheets></workbook>"
    ).encode()
    targets = [relationship(at, "worksheet", f"worksheets/sheet{at}.xml") for at in range(1, len(sheets) + 1)]
    made["xl/_rels/workbook.xml.rels"] = rels(*targets)
    return made


def one_sheet(rows: str, before: str = "", after: str = "", name: str = "Sales") -> Parts:
    return parts((name, sheet_xml(rows, before, after)))


def plain(rows: Sequence[Sequence[str]], name: str = "Sales") -> Parts:
    """One sheet of texts, at most 26 columns."""
    lines = [
        row(number, *(cell(f"{chr(65 + at)}{number}", text) for at, text in enumerate(texts)))
        for number, texts in enumerate(rows, 1)
    ]
    return one_sheet("".join(lines), name=name)


def custom_properties(text: str, prefix: str = "", kind: str = "vt:lpwstr") -> bytes:
    return (
        f'{DECLARATION}<{prefix}Properties xmlns:vt="v" xmlns:p="p"><{prefix}property fmtid="f" pid="2" name="Other">'
        f"<{kind}>no</{kind}></{prefix}property>"
        f'<{prefix}property fmtid="f" pid="3" name="Muster template"><{kind}>{text}</{kind}></{prefix}property>'
        f"</{prefix}Properties>"
    ).encode()


def packed(contents: Parts | Iterable[tuple[str, bytes]], level: int = 6, comment: bytes = b"") -> bytes:
    """The zip file. Pairs may name a part twice."""
    pairs = contents.items() if isinstance(contents, dict) else contents
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        warnings.simplefilter("ignore")  # of doubled names
        for name, data in pairs:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        archive.comment = comment
    return buffer.getvalue()


def bomb(part: str, start: bytes, filler: bytes, times: int, end: bytes, contents: Parts) -> bytes:
    """A workbook in which `part` holds `filler` so many times, packed as a whole without ever being in memory."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    checksum = size = 0
    pieces = []
    block = filler * max(1, 2**20 // len(filler))
    for data in (start, *[block] * (times * len(filler) // len(block)), end):
        checksum, size = zlib.crc32(data, checksum), size + len(data)
        pieces.append(engine.compress(data))
    pieces.append(engine.flush())
    body = b"".join(pieces)
    good = packed({name: data for name, data in contents.items() if name != part})
    return with_raw_part(good, part, body, checksum, size)


def with_raw_part(archive: bytes, name: str, body: bytes, checksum: int, size: int) -> bytes:
    """Append a deflated part as it is, with the sizes it claims."""
    end = archive.rindex(b"PK\x05\x06")
    entries, directory_size, start = struct.unpack("<HII", archive[end + 10 : end + 20])
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, checksum, len(body), size, len(name), 0)
    local = b"PK\x03\x04" + fields + name.encode() + body
    entry = b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, start) + name.encode()
    directory = archive[start : start + directory_size] + entry
    tail = struct.pack("<HHHHIIH", 0, 0, entries + 1, entries + 1, len(directory), start + len(local), 0)
    return archive[:start] + local + directory + b"PK\x05\x06" + tail
