"""Proves that the archive still holds, unchanged, everything the registry names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from jobs.context import Exchange
from jobs.errors import MessageRefused, NotFound


@dataclass(frozen=True)
class Archived:
    """Something the registry says is kept. `sealed`: as it travelled; else encrypted to our own archive key."""

    key: str
    what: str
    sealed: bool


class Fault(StrEnum):
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class ArchiveFault:
    fault: Fault
    item: Archived


def prove_archive(exchange: Exchange, items: list[Archived]) -> Iterator[ArchiveFault]:
    """Look at each item: sealed files by their digest, our own by opening them.

    Raises CipherUnavailable, KeyUnusable.
    """
    for item in items:
        fault = _fault(exchange, item)
        if fault is not None:
            yield ArchiveFault(fault, item)


def _fault(exchange: Exchange, item: Archived) -> Fault | None:
    try:
        if item.sealed:
            return None if exchange.archive.intact(item.key) else Fault.DAMAGED
        exchange.archive.read_plaintext(item.key)
    except NotFound:
        return Fault.MISSING
    except MessageRefused:
        return Fault.DAMAGED
    return None
