"""The stability gate: a file is read once nobody is writing it any more. One rule for orders, answers and uploads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.context import Exchange
from jobs.files import Unsettled, plain
from jobs.ports import Listing, RemoteFile
from jobs.runs import Run
from jobs.unread import SOURCE_LENGTH, say
from jobs.work import Work

_SHOWN = 400  # as in the registry

Look = Mapping[str, RemoteFile]
"""One look at everything there is: files by where they lie."""


@dataclass(frozen=True)
class Gate:
    """`settle` apart are the two looks; `limit` is how long a file may go on changing before that is a trouble.

    `scope` says whose looks they are: what did not settle is remembered under it.
    """

    scope: str
    settle: timedelta
    limit: timedelta


@dataclass(frozen=True)
class Steady:
    """A file that has stopped changing. `timed`: its time of change tells so; without, two readings must agree."""

    key: str
    file: RemoteFile
    timed: bool = True


def by_place(listing: Listing) -> Look:
    return {file.lies_as: file for file in listing.files}


def steady_files(
    exchange: Exchange, run: Run, gate: Gate, first: Look, again: Callable[[], Look], work: Work
) -> list[Steady]:
    """Files that two looks show with one size and time. What was taken before comes first, then the oldest.

    A file whose time never rests, as its server has no other than now, is steady when its size has not changed for
    the gate's limit. What does not settle is noted, and after the limit a failure.
    """
    second: Look = {}
    if first:
        exchange.clock.sleep(gate.settle.total_seconds())
        second = again()
    steady = [Steady(key, file, file.mtime != 0) for key, file in first.items() if file.is_unchanged(second.get(key))]
    settled = {item.key for item in steady}
    moving = {key: (first[key], file) for key, file in second.items() if key in first and key not in settled}
    steady += _overdue(exchange, run, gate, moving, work)
    return sorted(steady, key=lambda item: (not item.file.taken_as, item.file.mtime, item.key))


def _overdue(
    exchange: Exchange, run: Run, gate: Gate, moving: Mapping[str, tuple[RemoteFile, RemoteFile]], work: Work
) -> list[Steady]:
    """Those whose size has rested for the limit. What moves is remembered, and forgotten when it does not any more."""
    now = exchange.clock.now()
    with exchange.registry.view() as tx:
        known = tx.unsettled.of(gate.scope)
    waiting = {
        _shown(key): _waited(known.get(_shown(key)), before, file, now) for key, (before, file) in moving.items()
    }
    if waiting != known:
        with exchange.change(run) as tx:
            tx.unsettled.keep(gate.scope, waiting)
    taken = []
    for key, (before, file) in moving.items():
        waited = waiting[_shown(key)]
        if file.size == before.size and now - waited.size_since >= gate.limit:
            taken.append(Steady(key, file, timed=False))
            work.notes.append(f"{_shown(key)} is read: its size has not changed, whatever its time says")
            say(exchange, run, _shown(key)[:SOURCE_LENGTH], "FILE_TIMES_UNRELIABLE", 1, work)
            continue
        what = "still being written" if file.size != before.size else "its time changes at every look"
        if now - waited.since < gate.limit:
            work.notes.append(f"{_shown(key)} has not settled yet: {what}")
        else:
            work.failed += 1
            work.notes.append(f"{_shown(key)} does not settle since {waited.since}: {what}")
            say(exchange, run, _shown(key)[:SOURCE_LENGTH], "FILE_UNSETTLED", 1, work)
    return taken


def _shown(key: str) -> str:
    return plain(key)[:_SHOWN]


def _waited(known: Unsettled | None, before: RemoteFile, file: RemoteFile, now: datetime) -> Unsettled:
    if known is None:
        return Unsettled(file.size, now, now)
    rests = before.size == file.size == known.size
    return Unsettled(file.size, known.since, known.size_since if rests else now)
