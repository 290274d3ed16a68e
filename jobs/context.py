"""What every use case is given: the ports, wired once by `adapters.bootstrap`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa

from formats.schema import RecordSchema
from jobs.codes import ProviderKind
from jobs.errors import NotFound
from jobs.ports import Archive, Channels, Cipher, Clock, Folder, Spool
from jobs.providers import Provider
from jobs.registry import Registry, Transaction
from jobs.runs import Run, Validation
from jobs.uploads import UploadPorts

_LEASE_TERM = timedelta(minutes=30)


@dataclass(frozen=True)
class InboxLimits:
    """How long a dropped file must lie unchanged, and how large it may be (bytes)."""

    settle: timedelta
    max_bytes: int


@dataclass(frozen=True)
class Exchange:
    """The ports of one installation. `owner` names this process; `is_dead` knows other owners."""

    registry: Registry
    clock: Clock
    archive: Archive
    cipher: Cipher
    spool: Spool
    channels: Channels
    inboxes: tuple[Folder, ...]
    inbox_limits: InboxLimits
    uploads: UploadPorts
    providers: Mapping[str, Provider]
    kind_of: Callable[[str], ProviderKind]
    validate: Callable[[RecordSchema, pa.Table, str], Validation]
    owner: str
    is_dead: Callable[[str], bool]

    def provider(self, run: Run) -> Provider:
        """The provider of a run. Raises NotFound."""
        if run.provider is None or run.provider not in self.providers:
            raise NotFound(f"no provider {run.provider!r}; there are: {', '.join(sorted(self.providers))}")
        return self.providers[run.provider]

    def kind(self, provider: Provider) -> ProviderKind:
        return self.kind_of(provider.kind)

    @contextmanager
    def lease(self, name: str) -> Iterator[None]:
        """Work alone on `name`. Raises ProviderBusy while another living run holds it."""
        with self.registry.transaction() as tx:
            holder = tx.leases.owner_of(name)
            dead = holder is not None and holder != self.owner and self.is_dead(holder)
            tx.leases.take(name, self.owner, self.clock.now(), _LEASE_TERM, dead)
        try:
            yield
        finally:
            with self.registry.transaction() as tx:
                tx.leases.release(name, self.owner)

    @contextmanager
    def change(self, run: Run) -> Iterator[Transaction]:
        """A transaction, or in a dry run one that is rolled back at its end."""
        opened = self.registry.rehearsal() if run.dry_run else self.registry.transaction()
        with opened as tx:
            yield tx
