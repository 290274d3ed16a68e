"""What every use case is given: the ports, wired once by `app.bootstrap`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pyarrow as pa

from formats.schema import RecordSchema
from jobs.codes import ProviderKind
from jobs.errors import ProviderBusy
from jobs.leases import FencedRegistry, Lease
from jobs.names import unknown
from jobs.ports import Anchor, Archive, Channels, Cipher, Clock, Folder, Spool
from jobs.providers import Provider
from jobs.registry import Registry, Transaction
from jobs.runs import Run, Validation
from jobs.upload import UploadPorts

_LOOK_AGAIN = timedelta(seconds=1)


@dataclass(frozen=True)
class InboxLimits:
    """How long a dropped file must lie unchanged, how large it may be (bytes), and how long it may go on changing."""

    settle: timedelta
    max_bytes: int
    unsettled: timedelta


@dataclass(frozen=True)
class Exchange:
    """The ports of one installation. `owner` names this process; `is_dead` knows other owners.

    `patience`: how long to wait for a lease that another run holds.
    """

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
    anchor: Anchor
    patience: timedelta = timedelta()

    def provider(self, run: Run) -> Provider:
        """The provider of a run. Raises NotFound."""
        if run.provider is None or run.provider not in self.providers:
            raise unknown("provider", run.provider or "", self.providers)
        return self.providers[run.provider]

    def kind(self, provider: Provider) -> ProviderKind:
        return self.kind_of(provider.kind)

    @contextmanager
    def lease(self, name: str) -> Iterator[Exchange]:
        """Work alone on `name`, through the exchange that is yielded: it stops a run that lost its lease.

        Raises ProviderBusy while another living run holds it.
        """
        with ExitStack() as held:
            yield replace(self, registry=self._alone(name, held))

    def _alone(self, name: str, held: ExitStack) -> FencedRegistry:
        give_up = self.clock.now() + self.patience
        while True:
            try:
                return held.enter_context(Lease(self.registry, self.clock, name, self.owner).held(self.is_dead))
            except ProviderBusy:
                if self.clock.now() >= give_up:
                    raise
            self.clock.sleep(_LOOK_AGAIN.total_seconds())

    def intend(self, provider: str, sequence: int, run: Run) -> None:
        """Note outside the registry that this number is used now. Between the intent's commit and the first byte:
        sooner, a crash would leave a number that was never used; later, one that only a lost registry knew.
        """
        with self.registry.view() as tx:
            newest = tx.audit.head()
        self.anchor.intend(provider, sequence, newest, run.id)

    @contextmanager
    def change(self, run: Run) -> Iterator[Transaction]:
        """A transaction, or in a dry run one that is rolled back at its end."""
        opened = self.registry.rehearsal() if run.dry_run else self.registry.transaction()
        with opened as tx:
            yield tx
