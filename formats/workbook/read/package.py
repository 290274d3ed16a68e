"""The zip container of a workbook: which parts it has, and their bytes, a piece at a time.

Sizes are not believed: every part is inflated in pieces and counted. What two readers could
understand differently (doubled names, overlapping parts, names that are paths) is refused.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from formats.workbook.read.inspection import Refused, WorkbookLimits

PIECE = 256 * 1024
_PACKED_PIECE = 32 * 1024
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_LOCAL_HEADER = 30
_END_RECORD = 22
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Package:
    """`parts` by name in lower case: part names differ in case only by mistake."""

    data: bytes
    limits: WorkbookLimits
    parts: dict[str, zipfile.ZipInfo]

    def pieces(self, name: str) -> Iterator[bytes]:
        """The inflated bytes of a part, never more than it says. Raises Refused if they are not what was packed."""
        info = self.parts[name]
        size = checksum = 0
        for piece in _inflated(self.data, info):
            size += len(piece)
            checksum = zlib.crc32(piece, checksum)
            if size > info.file_size:
                raise Refused("WORKBOOK_TOO_LARGE", f"{info.filename} is larger than it says")
            yield piece
        if size != info.file_size or checksum != info.CRC:
            raise Refused("WORKBOOK_DAMAGED", info.filename)

    def read(self, name: str) -> bytes:
        """The whole of a part that has to be small. Raises Refused."""
        if self.parts[name].file_size > self.limits.small:
            raise Refused("WORKBOOK_TOO_LARGE", self.parts[name].filename)
        return b"".join(self.pieces(name))


def open_package(data: bytes, limits: WorkbookLimits) -> Package:
    """Raises Refused if this is no sound zip file of a workbook's size."""
    _refuse_other_files(data, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos, comment = archive.infolist(), archive.comment
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, EOFError, struct.error) as damage:
        raise Refused("WORKBOOK_DAMAGED") from damage
    if comment or data[-_END_RECORD:][:4] != b"PK\x05\x06":
        raise Refused("WORKBOOK_HOSTILE", "bytes behind the end of the zip file")
    if not infos:
        raise Refused("WORKBOOK_NOT_XLSX", "an empty zip file")
    if min(info.header_offset for info in infos):
        raise Refused("WORKBOOK_HOSTILE", "bytes before the start of the zip file")
    parts: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        _refuse_part(info)
        if info.filename.lower() in parts:
            raise Refused("WORKBOOK_HOSTILE", f"two parts named {info.filename[:80]!r}")
        parts[info.filename.lower()] = info
    _refuse_sizes(infos, data, limits)
    return Package(data, limits, parts)


def _refuse_other_files(data: bytes, limits: WorkbookLimits) -> None:
    if len(data) > limits.packed:
        raise Refused("WORKBOOK_TOO_LARGE", f"{len(data)} bytes")
    if data.startswith(_OLE2):
        if _ENCRYPTED_PACKAGE in data:
            raise Refused("WORKBOOK_ENCRYPTED")
        raise Refused("WORKBOOK_NOT_XLSX", "an old .xls file")
    if not data.startswith(b"PK"):
        raise Refused("WORKBOOK_NOT_XLSX", _guess(data))
    if data.count(b"PK\x01\x02") > limits.parts:
        raise Refused("WORKBOOK_TOO_LARGE", "too many parts")


def _guess(data: bytes) -> str:
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        return "an empty file"
    if start.startswith((b"<!doctype html", b"<html", b"<table")):
        return "a web page"
    if start.startswith(b"<"):
        return "an XML file"
    if start.startswith(b"%pdf"):
        return "a PDF file"
    return "a text file such as CSV" if b"\x00" not in data[:512] else "another kind of file"


def _refuse_part(info: zipfile.ZipInfo) -> None:
    name = info.filename
    if info.flag_bits & 0x1:
        raise Refused("WORKBOOK_ENCRYPTED", "a zip file with a password")
    odd = name.startswith("/") or "\\" in info.orig_filename or "\x00" in info.orig_filename or ":" in name
    if odd or ".." in name.split("/") or not name.isprintable():
        raise Refused("WORKBOOK_HOSTILE", f"a part named {info.orig_filename[:80]!r}")
    if info.compress_type not in _METHODS:
        raise Refused("WORKBOOK_HOSTILE", f"{name[:80]!r} is packed in an unusual way")


def _refuse_sizes(infos: list[zipfile.ZipInfo], data: bytes, limits: WorkbookLimits) -> None:
    if len(infos) > limits.parts:
        raise Refused("WORKBOOK_TOO_LARGE", "too many parts")
    if sum(info.file_size for info in infos) > limits.inflated:
        raise Refused("WORKBOOK_TOO_LARGE", "more when unpacked than a workbook may be")
    if sum(info.compress_size for info in infos) > len(data):
        raise Refused("WORKBOOK_HOSTILE", "parts that overlap")
    for info in infos:
        if info.file_size > max(limits.small, info.compress_size * limits.ratio):
            raise Refused("WORKBOOK_TOO_LARGE", info.filename)


def _inflated(data: bytes, info: zipfile.ZipInfo) -> Iterator[bytes]:
    header = data[info.header_offset : info.header_offset + _LOCAL_HEADER]
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
        raise Refused("WORKBOOK_DAMAGED", info.filename)
    named = int.from_bytes(header[26:28], "little")
    start = info.header_offset + _LOCAL_HEADER + named + int.from_bytes(header[28:30], "little")
    name = data[info.header_offset + _LOCAL_HEADER : info.header_offset + _LOCAL_HEADER + named]
    if name != info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437"):
        raise Refused("WORKBOOK_HOSTILE", f"{info.filename[:80]!r} has two names")
    packed = memoryview(data)[start : start + info.compress_size]
    if len(packed) != info.compress_size:
        raise Refused("WORKBOOK_DAMAGED", info.filename)
    if info.compress_type == zipfile.ZIP_STORED:
        yield from (bytes(packed[at : at + PIECE]) for at in range(0, len(packed), PIECE))
        return
    yield from _deflated(packed, info.filename)


def _deflated(packed: memoryview, name: str) -> Iterator[bytes]:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    for at in range(0, len(packed), _PACKED_PIECE):
        rest: bytes | memoryview = packed[at : at + _PACKED_PIECE]
        while len(rest) and not engine.eof:
            try:
                piece = engine.decompress(rest, PIECE)
            except zlib.error as damage:
                raise Refused("WORKBOOK_DAMAGED", name) from damage
            rest = engine.unconsumed_tail
            if piece:
                yield piece
        if engine.eof and (len(rest) or engine.unused_data or at + _PACKED_PIECE < len(packed)):
            raise Refused("WORKBOOK_HOSTILE", f"{name[:80]!r} holds more than one part")
    if not engine.eof:
        raise Refused("WORKBOOK_DAMAGED", name)
