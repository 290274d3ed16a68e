"""A file that came in, as the jobs see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jobs.states import FileState


class FileKind(StrEnum):
    ORDER_DISPATCH = "order_dispatch"
    RESPONSE = "response"
    BULK_UPLOAD = "bulk_upload"
    ORDER_UPLOAD = "order_upload"  # a bulk upload whose rows become order lines

    @property
    def makes_orders(self) -> bool:
        return self in (FileKind.ORDER_DISPATCH, FileKind.ORDER_UPLOAD)


def plain(name: str) -> str:
    """A file name fit for the registry and for people: what cannot be printed is replaced."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name)


POSTED = "pgp+json"
"""Media of an answer that came by HTTP: JSON in an OpenPGP message."""


@dataclass(frozen=True)
class Arrival:
    """What is known of a file when it comes; `sha256` is of its bytes, `provider` empty where none sent it.

    `mtime` is when it was changed as its server tells, 0 where it does not.
    """

    kind: FileKind
    provider: str
    name: str
    media: str
    sha256: str
    size: int
    place: str = ""  # the folder it lay in; empty where it was handed in
    mtime: int = 0


@dataclass(frozen=True)
class Delivery:
    """Once that a file came: the same bytes may come again, under another name or in another place."""

    place: str
    name: str
    at: datetime


@dataclass(frozen=True)
class Unsettled:
    """A file that did not settle between two looks: since when, and since when it has had this size."""

    size: int
    since: datetime
    size_since: datetime


@dataclass(frozen=True)
class InboundFile:
    """`sha256` is of the bytes as they came; `new` is False when the same bytes came before."""

    id: int
    kind: str
    provider: str
    name: str
    media: str
    sha256: str
    size: int
    state: FileState
    batch_id: int | None
    new: bool

    @property
    def is_posted(self) -> bool:
        """An answer that came by HTTP: there is no remote copy of it."""
        return self.media == POSTED

    @property
    def is_upload(self) -> bool:
        """A workbook; its template is known to its upload."""
        return self.kind in (FileKind.BULK_UPLOAD, FileKind.ORDER_UPLOAD)
