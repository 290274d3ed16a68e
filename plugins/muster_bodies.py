"""Reads request bodies up to a limit: by the announced length before, by the true length while reading."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import ClassVar
from urllib.parse import parse_qs

from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

_FRAME = 16_384  # what a form with one file is, beside the file
_FORM = 16_384
_NAME_LENGTH = 200


@dataclass(frozen=True)
class SentFile:
    """A form with one file: its other fields, the file's name without folders, its bytes."""

    fields: dict[str, str]
    name: str
    data: bytes


async def read_body(request: Request, limit: int, advice: str) -> bytes:
    """The body. `advice` says what to do about one over the limit."""
    body = bytearray()
    async for chunk in _counted(request, limit, f"At most {limit} bytes; {advice}"):
        body += chunk
    return bytes(body)


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a small form; of a field given twice the first."""
    if _media_type(request) != "application/x-www-form-urlencoded":
        raise HTTPException(415, "Send a form")
    body = await read_body(request, _FORM, "that is no form of ours")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


async def read_file(request: Request, limit: int, field: str) -> SentFile:
    """A form with at most one file of at most `limit` bytes, held in memory; the name is empty if none was chosen."""
    if _media_type(request) != "multipart/form-data":
        raise HTTPException(415, "Send a form with a file")
    too_large = f"The file is too large: at most {limit:,} bytes. Split the rows over several files"
    try:
        form = await _InMemory(
            request.headers, _counted(request, limit + _FRAME, too_large), max_files=1, max_fields=10
        ).parse()
    except MultiPartException as error:
        raise HTTPException(400, f"The form cannot be read: {error.message}") from None
    try:
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        sent = form.get(field)
        name, data = (sent.filename or "", await sent.read()) if isinstance(sent, UploadFile) else ("", b"")
    finally:
        await form.close()
    if len(data) > limit:
        raise HTTPException(413, too_large)
    return SentFile(fields, _plain_name(name), data)


class _InMemory(MultiPartParser):
    """Workbooks hold what the archive encrypts: nothing of them is spooled to disk on the way there."""

    spool_max_size: ClassVar[int] = 2**40  # type: ignore[misc]


async def _counted(request: Request, limit: int, too_large: str) -> AsyncGenerator[bytes, None]:
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > limit:
        raise HTTPException(413, too_large)
    seen = 0
    try:
        async for chunk in request.stream():
            seen += len(chunk)
            if seen > limit:
                raise HTTPException(413, too_large)
            yield chunk
    except ClientDisconnect:
        raise HTTPException(400, "The sender has gone") from None


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _plain_name(sent: str) -> str:
    """Some programs send a path. What cannot be printed is dropped; the ending is kept."""
    name = "".join(letter for letter in PureWindowsPath(sent).name if letter.isprintable()).strip()
    stem, dot, ending = name.rpartition(".")
    return f"{stem[:_NAME_LENGTH]}{dot}{ending[:10]}" if dot else name[:_NAME_LENGTH]
