"""Reads request bodies up to a limit: by the announced length before, by the true length while reading.

A body lies in an unlinked private file of the spool until it is whole, so that senders who are slow cost no memory.
`[console.bodies]` says which rate it has to keep, and how many are read at once, of one user and in all.
"""

from __future__ import annotations

from asyncio import timeout
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, ClassVar
from urllib.parse import parse_qs

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from adapters.providers import KINDS
from adapters.settings import BodySettings, Workspace, load
from jobs.causes import on_disk

_FRAME = 16_384  # what a form with one file is, beside the file
_FORM = 16_384
_NAME_LENGTH = 200
_BLOCK = 1 << 20

_SLOW = "The data came too slowly: send it again over a better connection"
_SPOOL = "the spool"


class _Gate:
    """Counts the bodies that are being read; all on one event loop."""

    def __init__(self) -> None:
        self._readers: Counter[str] = Counter()

    @contextmanager
    def admitted(self, user: str, bounds: BodySettings) -> Iterator[None]:
        """Raises HTTPException: 429 for a user, 503 for everybody, when too many are being read."""
        again = {"Retry-After": "30"}
        if self._readers[user] >= bounds.of_a_user:
            raise HTTPException(429, f"You are sending {bounds.of_a_user} files already: wait until one is done", again)
        if self._readers.total() >= bounds.in_all:
            raise HTTPException(503, "Too many files are being sent just now: try again in a minute", again)
        self._readers[user] += 1
        try:
            yield
        finally:
            self._readers[user] -= 1
            self._readers += Counter()  # forgets who reads nothing any more


_GATE = _Gate()


@dataclass(frozen=True)
class SentFile:
    """A form with one file: its other fields, the file's name without folders, its bytes."""

    fields: dict[str, str]
    name: str
    data: bytes


async def read_body(request: Request, limit: int, advice: str, user: str) -> bytes:
    """The body that `user` sends. `advice` says what to do about one over the limit."""
    async with _landed(request, limit, f"At most {limit} bytes; {advice}", user) as body:
        return body.read()


async def read_form(request: Request, user: str) -> dict[str, str]:
    """The fields of a small form; of a field given twice the first."""
    if _media_type(request) != "application/x-www-form-urlencoded":
        raise HTTPException(415, "Send a form")
    body = await read_body(request, _FORM, "that is no form of ours", user)
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


async def read_file(request: Request, limit: int, field: str, user: str) -> SentFile:
    """A form with at most one file of at most `limit` bytes, which `user` sends; no file chosen: an empty name."""
    if _media_type(request) != "multipart/form-data":
        raise HTTPException(415, "Send a form with a file")
    too_large = f"The file is too large: at most {limit:,} bytes. Split the rows over several files"
    try:
        async with _landed(request, limit + _FRAME, too_large, user) as body:
            form = await _InMemory(request.headers, _blocks(body), max_files=1, max_fields=10).parse()
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
    """The whole body is here, and its file is handed on as bytes: no second file for it."""

    spool_max_size: ClassVar[int] = 2**40  # type: ignore[misc]


@asynccontextmanager
async def _landed(request: Request, limit: int, too_large: str, user: str) -> AsyncIterator[IO[bytes]]:
    """The whole body as a file that has no name, is ours alone, and is gone with the block or the process."""
    bounds, spool = await run_in_threadpool(_settings)
    with _GATE.admitted(user, bounds), _private_file(spool) as body:
        async for chunk in _counted(request, limit, too_large, bounds):
            with on_disk(_SPOOL):
                body.write(chunk)
        with on_disk(_SPOOL):
            body.seek(0)
        yield body


def _settings() -> tuple[BodySettings, Path]:
    """The bounds in force, and the folder of the spool."""
    workspace = Workspace.find()
    return load(workspace, KINDS).console.bodies, workspace.spool


def _private_file(folder: Path) -> IO[bytes]:
    with on_disk(_SPOOL):
        folder.mkdir(mode=0o700, exist_ok=True)
        return TemporaryFile(dir=folder)


async def _blocks(body: IO[bytes]) -> AsyncGenerator[bytes, None]:
    while block := body.read(_BLOCK):
        yield block


async def _counted(request: Request, limit: int, too_large: str, bounds: BodySettings) -> AsyncGenerator[bytes, None]:
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > limit:
        raise HTTPException(413, too_large)
    seen, end = 0, monotonic() + bounds.deadline.total_seconds()
    chunks = aiter(request.stream())
    try:
        while True:
            async with timeout(end + seen / bounds.minimum_rate - monotonic()):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            seen += len(chunk)
            if seen > limit:
                raise HTTPException(413, too_large)
            yield chunk
    except TimeoutError:
        raise HTTPException(408, _SLOW, {"Connection": "close"}) from None
    except ClientDisconnect:
        raise HTTPException(400, "The sender has gone") from None


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _plain_name(sent: str) -> str:
    """Some programs send a path. What cannot be printed is dropped; the ending is kept."""
    name = "".join(letter for letter in PureWindowsPath(sent).name if letter.isprintable()).strip()
    stem, dot, ending = name.rpartition(".")
    return f"{stem[:_NAME_LENGTH]}{dot}{ending[:10]}" if dot else name[:_NAME_LENGTH]
