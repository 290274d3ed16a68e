"""A file that came in, as the jobs see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jobs.states import FileState


class FileKind(StrEnum):
    ORDER_DISPATCH = "order_dispatch"
    RESPONSE = "response"


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
