"""The look at a staff workbook before any reader of values may touch it: is it safe, and what is odd about it?

Each part is inflated once, a piece at a time, and nothing is kept but counts and addresses.
"""

from __future__ import annotations

from collections.abc import Iterable

from formats.workbook.read.contents import QUERY_LENGTH, read_contents, refuse_query
from formats.workbook.read.inspection import Inspection, Refused, WorkbookLimits
from formats.workbook.read.package import open_package
from formats.workbook.read.sheet_scan import scan_sheet
from formats.workbook.read.xml_scan import guarded

_XML = (".xml", ".rels", ".vml")
_DOCUMENT_MANAGEMENT = "customxml/"  # no reader of ours opens it
_DEFAULT = WorkbookLimits()


def inspect(data: bytes, limits: WorkbookLimits = _DEFAULT) -> Inspection:
    """What `data` is as a workbook. Never raises for its content: with `faults` it is refused as a whole."""
    try:
        package = open_package(data, limits)
        contents = read_contents(package)
        sheets = {sheet.part: sheet for sheet in contents.sheets}
        telling = frozenset(style for style, form in enumerate(contents.forms) if form)
        for name in package.parts:
            if name in sheets:
                scan_sheet(package.pieces(name), sheets[name], limits, telling)
            else:
                _look_through(package.pieces(name), name)
    except Refused as refusal:
        return Inspection(faults=(refusal.fault,))
    return Inspection((), tuple(contents.sheets), contents.template, contents.date1904, contents.forms)


def _look_through(pieces: Iterable[bytes], name: str) -> None:
    if name.startswith(_DOCUMENT_MANAGEMENT):
        pieces = _without_queries(pieces, name)
    if name.endswith(_XML):
        pieces = guarded(pieces, name)
    for _ in pieces:
        pass


def _without_queries(pieces: Iterable[bytes], name: str) -> Iterable[bytes]:
    tail = b""
    for piece in pieces:
        refuse_query(tail + piece, name)
        tail = piece[-QUERY_LENGTH:]
        yield piece
