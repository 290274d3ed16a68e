"""A batch as the jobs see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jobs.states import BatchState


@dataclass(frozen=True)
class Batch:
    """One row of the ledger. `archive_key` is the digest of the ciphertext that is sent."""

    id: int
    number: str
    provider: str
    sequence: int
    file_name: str
    state: BatchState
    made_at: datetime
    sent_at: datetime | None
    record_count: int
    order_count: int
    hash_total: int
    detail_sha256: str
    plaintext_sha256: str
    archive_key: str
