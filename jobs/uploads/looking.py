"""Looks into the drop folders: what waits, what is still being written, and what cannot be looked at.

Nothing that goes wrong in one place keeps the others from being looked at: it is said in the run instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.context import Exchange
from jobs.errors import MusterError
from jobs.ports import RemoteFile
from jobs.upload import UploadInbox
from jobs.work import Work

Waiting = tuple[UploadInbox, RemoteFile]
_NAMED = 5


@dataclass(frozen=True)
class Looked:
    """One look into every drop folder. `troubles`: what nobody could look at, place by place."""

    waiting: tuple[Waiting, ...]
    troubles: tuple[str, ...]


def look(exchange: Exchange) -> Looked:
    waiting: list[Waiting] = []
    troubles = []
    for inbox in exchange.uploads.inboxes.all():
        try:
            listing = inbox.look()
        except MusterError as error:
            troubles.append(f"{inbox.place}: {error.what}")
            continue
        waiting += [(inbox, file) for file in listing.files]
        if listing.refused:
            named = ", ".join(listing.refused[:_NAMED])
            troubles.append(f"{inbox.place}: names that cannot be used, rename them: {named}")
    return Looked(tuple(waiting), tuple(troubles))


def stable_files(exchange: Exchange, work: Work) -> Iterator[Waiting]:
    """Files whose size and time are the same in two looks: nobody is writing them any more. Oldest first."""
    first = look(exchange)
    work.failed += len(first.troubles)
    work.notes += first.troubles
    if not first.waiting:
        return
    exchange.clock.sleep(exchange.uploads.rules.settle.total_seconds())
    again = {(inbox.place, file) for inbox, file in look(exchange).waiting}
    settled = [(inbox, file) for inbox, file in first.waiting if (inbox.place, file) in again]
    yield from sorted(settled, key=lambda pair: (pair[1].mtime, pair[0].place, pair[1].name))


def read_whole(exchange: Exchange, inbox: UploadInbox, file: RemoteFile, work: Work) -> bytes | None:
    """The bytes of a stable file; None if they cannot be had now, which is noted. It stays where it is."""
    try:
        data = inbox.read(file.name, exchange.uploads.rules.max_bytes)
    except MusterError as error:
        work.failed += 1
        work.notes.append(f"{inbox.place}/{plain(file.name)} stays where it is: {error.what}")
        return None
    if len(data) != file.size:
        work.notes.append(f"{inbox.place}/{plain(file.name)} is still being written")
        return None
    return data


def plain(name: str) -> str:
    """A file name fit for the registry and for people: what cannot be printed is replaced."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name)
