"""Leases: one run at a time works on a provider's direction, and one that lost its lease changes nothing more.

A lease is renewed by every transaction made under it, and by a thread while none is made. The renewal is also the
fence: it is the transaction's first statement, hits the row only while it is ours, and keeps others from it until
the transaction ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread

from jobs.errors import ProviderBusy
from jobs.ports import Clock
from jobs.registry import Registry, Transaction

TERM = timedelta(minutes=30)
RENEWAL = timedelta(minutes=10)


@dataclass(frozen=True)
class Lease:
    """What `owner` holds, or wants to hold, in `registry`."""

    registry: Registry
    clock: Clock
    name: str
    owner: str

    @contextmanager
    def held(self, is_dead: Callable[[str], bool]) -> Iterator[FencedRegistry]:
        """Take the lease and give it back with the block. Raises ProviderBusy while a living run holds it."""
        with self.registry.transaction() as tx:
            holder = tx.leases.owner_of(self.name)
            dead = holder is not None and holder != self.owner and is_dead(holder)
            tx.leases.take(self.name, self.owner, self.clock.now(), TERM, dead)
        ended = Event()
        renewer = Thread(target=self._keep, args=(ended,), name=f"lease {self.name}", daemon=True)
        renewer.start()
        try:
            yield FencedRegistry(self.registry, self)
        finally:
            ended.set()
            renewer.join()
            with self.registry.transaction() as tx:
                tx.leases.release(self.name, self.owner)

    def renew(self, tx: Transaction) -> None:
        """Raises ProviderBusy if another run has taken the lease over."""
        tx.leases.renew(self.name, self.owner, self.clock.now(), TERM)

    def _keep(self, ended: Event) -> None:
        while not ended.wait(RENEWAL.total_seconds()):
            try:
                with self.registry.transaction() as tx:
                    self.renew(tx)
            except ProviderBusy:
                return
            except Exception:  # noqa: S112  # the registry is away, or SQLite busy: the fence decides what comes of it
                continue


@dataclass(frozen=True)
class FencedRegistry:
    """Implements `jobs.registry.Registry`: nothing is committed after the lease was lost."""

    registry: Registry
    lease: Lease

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self.registry.transaction() as tx:
            self.lease.renew(tx)
            yield tx

    @contextmanager
    def view(self) -> Iterator[Transaction]:
        with self.registry.view() as tx:
            yield tx

    @contextmanager
    def rehearsal(self) -> Iterator[Transaction]:
        with self.registry.rehearsal() as tx:
            yield tx
