"""The words of enrolment that files carry: request types, levels, outcomes, and how long its numbers may be."""

from __future__ import annotations

from enum import StrEnum

ORDER_NUMBER_LENGTH = 32
BATCH_NUMBER_LENGTH = 40


class RequestType(StrEnum):
    """What is asked for a device (CMP names ORDER, RETURN, VOID, OVERRIDE)."""

    ORDER = "OR"
    RETURN = "RE"
    VOID = "VD"
    OVERRIDE = "OV"


class Level(StrEnum):
    """What a result speaks about. Only the leaf (the device, if it has a result) decides."""

    FILE = "FILE"
    ORDER = "ORDER"
    DELIVERY = "DELIVERY"
    DEVICE = "DEVICE"


class Outcome(StrEnum):
    """What the provider says happened. COMPLETE and ERROR are for levels above the device."""

    ENROLLED = "ENROLLED"
    UNENROLLED = "UNENROLLED"
    UNCHANGED = "UNCHANGED"
    REJECTED = "REJECTED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETE = "COMPLETE"
    COMPLETE_WITH_ERRORS = "COMPLETE_WITH_ERRORS"
    ERROR = "ERROR"
