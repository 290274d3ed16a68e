"""Moves settled answers into the provider's done folder: each only after its bytes were seen to be the settled ones.

Providers use names again. A file that another has taken the place of is collected, not moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from jobs.causes import on_disk
from jobs.context import Exchange
from jobs.errors import RemoteFileRefused
from jobs.files import InboundFile
from jobs.ports import RemoteFile, Session
from jobs.providers import Provider


def lying_there(
    session: Session, provider: Provider, settled: Sequence[InboundFile]
) -> Iterator[tuple[InboundFile, RemoteFile]]:
    """What lies in the inbound folder under a settled file's name and with its size, taken or not: one listing."""
    if provider.folders.inbound_done is None:
        return
    found: dict[tuple[str, int], list[RemoteFile]] = {}
    for there in session.list(provider.folders.inbound).files:
        found.setdefault((there.name, there.size), []).append(there)
    for file in settled:
        for there in found.get((file.name, file.size), ()):
            yield file, there


def put_away(exchange: Exchange, provider: Provider, session: Session, file: InboundFile, there: RemoteFile) -> None:
    """Move the file if it is the settled one. If it is another, it stays to be collected.

    It is taken first, so that nothing can take its place between the look and the move. Crash window: taken but not
    moved; every listing shows taken files under their own names, so the next run goes on with it.
    """
    folders = provider.folders
    if folders.inbound_done is None:
        return
    ours = there.taken_as or session.take(folders.inbound, there.name)
    if ours is not None and _digest(exchange, provider, session, ours) == file.sha256:
        session.move(folders.inbound, ours, folders.inbound_done)


def _digest(exchange: Exchange, provider: Provider, session: Session, name: str) -> str | None:
    """None for what may not be fetched, being too large or changing: the next collection says so."""
    with exchange.spool.file(".pgp") as landed:
        try:
            session.fetch(provider.folders.inbound, name, landed, provider.limits.answer_bytes, timed=False)
        except RemoteFileRefused:
            return None
        return digest_of(landed)


def digest_of(landed: Path) -> str:
    """The SHA-256 of a file in the spool."""
    with on_disk("the spool"), landed.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
