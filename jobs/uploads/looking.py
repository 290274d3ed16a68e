"""Looks into the drop folders: what waits, what is still being written, and what cannot be looked at.

Nothing that goes wrong in one place keeps the others from being looked at: it is said in the run instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.context import Exchange
from jobs.errors import MusterError, Retry
from jobs.files import plain
from jobs.ports import ReadFile, RemoteFile
from jobs.runs import Run
from jobs.stability import Gate, Look, Steady, steady_files
from jobs.taking import take
from jobs.unread import named
from jobs.upload import UploadInbox
from jobs.work import Work

Waiting = tuple[UploadInbox, RemoteFile]


@dataclass(frozen=True)
class Looked:
    """One look into every drop folder. `troubles`: what nobody could look at, place by place.

    `unexpected`: what is no workbook for anybody, such as links. It wakes no run.
    """

    waiting: tuple[Waiting, ...]
    troubles: tuple[str, ...]
    unexpected: tuple[str, ...]


def look(exchange: Exchange) -> Looked:
    waiting: list[Waiting] = []
    troubles, unexpected = [], []
    for inbox in exchange.uploads.inboxes.all():
        try:
            listing = inbox.look()
        except MusterError as error:
            troubles.append(f"{inbox.place}: {error.what}")
            continue
        waiting += [(inbox, file) for file in listing.files]
        if listing.refused:
            troubles.append(f"{inbox.place}: names that cannot be used, rename them: {named(listing.refused)}")
        if listing.unexpected:
            unexpected.append(f"not read in {inbox.place}: {named(listing.unexpected)}")
    return Looked(tuple(waiting), tuple(troubles), tuple(unexpected))


def steady_waiting(exchange: Exchange, run: Run, work: Work) -> Iterator[tuple[UploadInbox, Steady]]:
    """Files of every drop folder that have stopped changing. What nobody could look at is noted."""
    first = look(exchange)
    work.failed += len(first.troubles)
    work.notes += first.troubles + first.unexpected
    inboxes = {_key(inbox, file): inbox for inbox, file in first.waiting}
    gate = Gate("uploads", exchange.uploads.rules.settle, exchange.uploads.rules.unsettled)
    for steady in steady_files(exchange, run, gate, _by_key(first), lambda: _by_key(look(exchange)), work):
        yield inboxes[steady.key], steady


def take_waiting(exchange: Exchange, run: Run, inbox: UploadInbox, steady: Steady, work: Work) -> ReadFile | None:
    """The file and its bytes; None if they cannot be had now, which is noted. Then it stays where it is."""
    try:
        return take(exchange, run, inbox, steady, exchange.uploads.rules.max_bytes, work)
    except Retry as error:
        work.failed += 1
        work.notes.append(f"{inbox.place}/{plain(steady.file.name)} stays where it is: {error.what}")
        return None


def _by_key(looked: Looked) -> Look:
    return {_key(inbox, file): file for inbox, file in looked.waiting}


def _key(inbox: UploadInbox, file: RemoteFile) -> str:
    return f"{inbox.place}/{file.lies_as}"
