"""States and the only transitions there are."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class BatchState(StrEnum):
    CREATING = "CREATING"
    SEALED = "SEALED"
    SENDING = "SENDING"
    SENT = "SENT"
    UNCERTAIN = "UNCERTAIN"
    ANSWERED = "ANSWERED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


BATCH_TRANSITIONS: Mapping[BatchState, frozenset[BatchState]] = {
    BatchState.CREATING: frozenset({BatchState.SEALED}),
    # SEALED → UNCERTAIN only in a restored registry, which may have forgotten that it was sent (ADR 0019)
    BatchState.SEALED: frozenset({BatchState.SENDING, BatchState.CANCELLED, BatchState.UNCERTAIN}),
    # SENDING → SEALED only with proof that no rename was asked for (ADR 0002)
    BatchState.SENDING: frozenset({BatchState.SENT, BatchState.UNCERTAIN, BatchState.SEALED}),
    BatchState.UNCERTAIN: frozenset({BatchState.SENT, BatchState.SEALED, BatchState.ANSWERED, BatchState.CLOSED}),
    BatchState.SENT: frozenset({BatchState.ANSWERED, BatchState.CLOSED}),
    BatchState.ANSWERED: frozenset({BatchState.CLOSED}),
    BatchState.CLOSED: frozenset(),
    BatchState.CANCELLED: frozenset(),
}

AWAITING_ANSWER = (BatchState.SENT, BatchState.UNCERTAIN, BatchState.ANSWERED)
"""States in which an answer to a batch may arrive with effect. SENDING is settled first."""


class LineState(StrEnum):
    """State of an order line; also its bucket, but for lines of batches under way (`bucket`)."""

    WAITING = "WAITING"
    NOT_REQUESTED = "NOT_REQUESTED"  # dispatched, but not flagged for enrolment (M01)
    SEALED = "SEALED"
    SENT = "SENT"
    ENROLLED = "ENROLLED"
    UNENROLLED = "UNENROLLED"
    UNCHANGED = "UNCHANGED"
    REJECTED = "REJECTED"
    REVIEW = "REVIEW"
    CANCELLED = "CANCELLED"


UNCERTAIN_BUCKET = "UNCERTAIN"
REFUSED_BUCKET = "REFUSED"

BUCKETS = (
    LineState.WAITING,
    LineState.SEALED,
    UNCERTAIN_BUCKET,
    LineState.SENT,
    LineState.ENROLLED,
    LineState.UNENROLLED,
    LineState.UNCHANGED,
    LineState.REJECTED,
    LineState.REVIEW,
    LineState.CANCELLED,
    LineState.NOT_REQUESTED,
    REFUSED_BUCKET,
)
"""Every bucket of the conservation count, in the order people read it."""


class DeviceState(StrEnum):
    """What the newest settled instruction made of the device."""

    NEW = "NEW"
    ENROLLED = "ENROLLED"
    UNENROLLED = "UNENROLLED"


class FileState(StrEnum):
    COLLECTED = "COLLECTED"
    LOADED = "LOADED"
    APPLIED = "APPLIED"
    DONE = "DONE"
    QUARANTINED = "QUARANTINED"
