"""A delivery, and what a look at the partner's folder tells about one: the same decisions for every channel.

Each attempt writes under a temporary name of its own, so that what lies there is about this attempt alone.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager

from adapters.channels.calls import Facts, FileCalls, answered
from adapters.channels.names import PART
from jobs.causes import cause, on_disk
from jobs.errors import (
    ArchiveDamaged,
    ChannelUnavailable,
    DeliveryUncertain,
    NameTaken,
    PathUnusable,
    RemoteUnsupported,
    TransferFailed,
)
from jobs.ports import Delivery, Final, Parcel, Sight


def part_of(final: str, token: str) -> str:
    """The temporary name of the attempt of this token."""
    return f"{final}.{token}{PART}"


def deliver(
    calls: FileCalls, final: str, parcel: Parcel, before_rename: Callable[[], object] | None = None
) -> Delivery:
    """See `jobs.ports.Session.deliver`; `final` is the path of the final name."""
    part = part_of(final, parcel.token)
    with _intact(parcel) as outgoing, answered(f"deliver {parcel.name}", TransferFailed):
        there = calls.facts(final)
        if there is not None:
            raise NameTaken(f"{parcel.name} exists already", size=outgoing.size, there=there.size)
        stored = _written(calls, part, outgoing)
    if stored != outgoing.size:
        raise TransferFailed(f"{parcel.name}: {stored} of {outgoing.size} bytes were stored")
    if outgoing.sent.hexdigest() != parcel.sha256:
        raise ArchiveDamaged(f"the archived file of {parcel.name} changed while it was sent", key=parcel.sha256)
    if before_rename is not None:
        before_rename()
    there = _rename_part(calls, final, parcel, outgoing.size)
    return Delivery(parcel.name, outgoing.size, there.mtime, calls.server_key)


def look(calls: FileCalls, final: str, parcel: Parcel, tokens: Collection[str]) -> Sight:
    """See `jobs.ports.Session.look`; `final` is the path of the final name."""
    size = parcel.source.stat().st_size
    with answered(f"look for {parcel.name}", ChannelUnavailable):
        there = calls.facts(final)
        found = Final.ABSENT if there is None else _compared(calls, final, there, parcel, size)
        parts = frozenset(token for token in tokens if calls.facts(part_of(final, token)) is not None)
    file = there.file(parcel.name) if there else None
    delivery = Delivery(file.name, file.size, file.mtime, calls.server_key) if file else None
    return Sight(found, parts, delivery)


class _Outgoing(io.BufferedReader):
    """A file on its way out: `sent` is the digest of what was read of it, `ended` whether all of it was."""

    def __init__(self, file: io.FileIO) -> None:
        super().__init__(file)
        self.size = os.fstat(file.fileno()).st_size
        self.sent = hashlib.sha256()
        self.ended = False

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        self.sent.update(block)
        self.ended = self.ended or not block
        return block


@contextmanager
def _intact(parcel: Parcel) -> Iterator[_Outgoing]:
    """The file of the parcel, its digest checked just now. Raises ArchiveDamaged."""
    with _opened(parcel) as outgoing:
        with on_disk("the archive"):
            digest = hashlib.file_digest(outgoing, "sha256").hexdigest()
            outgoing.seek(0)
        if digest != parcel.sha256:
            raise ArchiveDamaged(f"the archived file of {parcel.name} is not what was sealed", key=parcel.sha256)
        yield outgoing


def _opened(parcel: Parcel) -> _Outgoing:
    try:
        with on_disk("the archive"):
            return _Outgoing(io.FileIO(parcel.source))
    except PathUnusable as error:
        raise ArchiveDamaged(f"the archived file of {parcel.name} cannot be opened", key=parcel.sha256) from error


def _written(calls: FileCalls, part: str, outgoing: _Outgoing) -> int:
    """Crash window: once all bytes have left, a partner who takes temporary files may hold the whole batch."""
    try:
        return calls.write(part, outgoing)
    except OSError as error:
        if outgoing.ended and not _is_there(calls, part):
            raise DeliveryUncertain(f"{part} is gone after all of it was written: {cause(error)}") from error
        raise


def _rename_part(calls: FileCalls, final: str, parcel: Parcel, size: int) -> Facts:
    """Give the complete temporary file its final name; returns what lies there then.

    Crash window: from the moment the rename is asked for until the caller records the
    delivery, the file may lie under its final name, or the partner may have taken it
    already. Only a look at the other side tells; without one the delivery is uncertain.
    """
    part = part_of(final, parcel.token)
    refusal: OSError | None = None
    try:
        calls.rename(part, final)
    except (TimeoutError, ConnectionError) as error:
        # The rename may still be under way: what a look shows now would be no proof.
        raise DeliveryUncertain(f"rename to {final}: {cause(error)}") from error
    except OSError as error:
        refusal = error
    try:
        there = calls.facts(final)
        part_left = refusal is not None and calls.facts(part) is not None
        ours = there is not None and not part_left and _is_ours(calls, final, there, parcel, size, refusal)
    except OSError as error:
        raise DeliveryUncertain(f"look for {final} after the rename: {cause(error)}") from error
    if there and ours:
        return there
    if there is None and part_left:
        if refusal is not None and refusal.errno == errno.EOPNOTSUPP:
            raise RemoteUnsupported(f"rename to {final}: {cause(refusal)}") from refusal
        raise TransferFailed(f"rename to {final}: {cause(refusal)}") from refusal
    if there and there.size != size and part_left:
        raise NameTaken(f"{final} appeared with another size", size=size, there=there.size) from refusal
    raise DeliveryUncertain(f"{final} is gone or altered after the rename") from refusal


def _is_ours(calls: FileCalls, final: str, there: Facts, parcel: Parcel, size: int, refusal: OSError | None) -> bool:
    """After a rename that was answered the size is enough; after one that was refused the bytes have to be ours."""
    if refusal is None:
        return there.size == size
    return _compared(calls, final, there, parcel, size) is Final.OURS


def _compared(calls: FileCalls, final: str, there: Facts, parcel: Parcel, size: int) -> Final:
    """Whose bytes lie under the final name. Raises OSError when the connection is lost."""
    if not there.is_regular or there.size != size:
        return Final.OTHER
    if not parcel.read_back:
        return Final.DOUBTFUL
    digest, length = hashlib.sha256(), 0
    try:
        with closing(calls.read(final, size)) as blocks:
            for block in blocks:
                digest.update(block)
                length += len(block)
    except (TimeoutError, ConnectionError):
        raise
    except OSError:  # there are many ways to say that reading is not allowed
        return Final.DOUBTFUL
    # Some servers take a file away when it was read: then nobody knows whether the partner got it.
    if length != size or calls.facts(final) is None:
        return Final.DOUBTFUL
    return Final.OURS if digest.hexdigest() == parcel.sha256 else Final.OTHER


def _is_there(calls: FileCalls, path: str) -> bool:
    try:
        return calls.facts(path) is not None
    except OSError:
        return False
