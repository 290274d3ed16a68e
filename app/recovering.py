"""Brings a registry that was restored from a backup back to work: what it has forgotten is looked for outside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from adapters.audit_anchor import Anchored, AnchorUnreadable, AuditAnchor, forgotten
from app.bootstrap import Muster
from formats.order_dispatch.loading import load
from formats.order_dispatch.raw import FileFault
from jobs.causes import on_disk
from jobs.errors import MusterError
from jobs.holds import Hold
from jobs.providers import Provider
from jobs.states import BatchState

_PERHAPS_SENT = (BatchState.SEALED, BatchState.SENDING, BatchState.UNCERTAIN)
_RECOVERED = "recovered-"  # how names of order files begin that are put back into the inbox


@dataclass(frozen=True)
class Numbers:
    """Sequence numbers of a provider: the highest on record, and the highest that may have been used."""

    here: int
    used: int


@dataclass(frozen=True)
class Plan:
    """What was found. `held`: names at each provider, out and in; `orders`: order files only the archive knows.

    `doubted`: providers that may have been sent something since, which the registry does not know.
    """

    lacking: tuple[str, ...]
    numbers: Mapping[str, Numbers]
    held: Mapping[str, tuple[str, ...]]
    away: Mapping[str, str]  # providers that could not be asked, and why
    orders: tuple[str, ...]  # archive keys
    doubted: tuple[str, ...]


def look(app: Muster) -> Plan:
    """Ask the anchor, every provider and the archive. Changes nothing."""
    anchor = AuditAnchor(app.workspace.audit_anchor)
    unreadable: tuple[str, ...] = ()
    try:
        anchored = anchor.anchored()
    except AnchorUnreadable as error:
        anchored, unreadable = Anchored(), (error.what,)
    held: dict[str, tuple[str, ...]] = {}
    away: dict[str, str] = {}
    for provider in app.settings.providers:
        try:
            held[provider.name] = _listed(app, provider)
        except MusterError as error:
            away[provider.name] = error.what
    with app.registry.view() as tx:
        lacking = (*unreadable, *forgotten(anchored, tx))
        rows_lost = max(0, (anchored.newest or (0, ""))[0] - (tx.audit.head() or (0, ""))[0])
        here = {provider.name: tx.recovery.sequence(provider.name) for provider in app.settings.providers}
        known = tx.recovery.known_files()
        open_batches = {name for name in here if tx.batches.in_states(name, _PERHAPS_SENT)}
    numbers = {
        provider.name: Numbers(
            here[provider.name],
            _highest(provider, here[provider.name], rows_lost, anchored, held.get(provider.name, ())),
        )
        for provider in app.settings.providers
    }
    doubted = tuple(
        name for name, item in numbers.items() if unreadable or item.used > item.here or name in open_batches
    )
    return Plan(lacking, numbers, held, away, tuple(_order_files(app, known)), doubted)


def recover(app: Muster, plan: Plan, actor: str, reason: str) -> None:
    """Skip the numbers, hold the providers, hand the order files to the next order dispatch, and begin a new anchor.

    Crash window: each part may be done twice; jobs stand still until the last one, the anchor, is done.
    """
    now = app.exchange.clock.now()
    aside = app.workspace.audit_anchor.with_name(f"audit-anchor.{now:%Y%m%dT%H%M%SZ}")
    with on_disk("the inbox"):
        for key in plan.orders:
            _hand_in(app, key)
    with app.registry.transaction() as tx:
        for provider, numbers in plan.numbers.items():
            if numbers.used > numbers.here:
                tx.recovery.skip(provider, numbers.used)
        for name in plan.doubted:
            tx.holds.place(_hold(app.settings.provider(name), plan, now, actor, reason))
        tx.audit.append(
            actor=actor,
            action="registry recovered",
            subject="registry",
            now=now,
            reason=reason,
            facts={
                "lacking": list(plan.lacking),
                "numbers": {name: [item.here, item.used] for name, item in plan.numbers.items()},
                "orders": list(plan.orders),
                "held": list(plan.doubted),
                "not_asked": sorted(plan.away),
                "anchor": aside.name,
            },
        )
        newest = tx.audit.head()
    used = {name: item.used for name, item in plan.numbers.items()}
    AuditAnchor(app.workspace.audit_anchor).begin_anew(aside, used, newest or (0, ""), "recovery")


def _highest(provider: Provider, here: int, rows_lost: int, anchored: Anchored, names: tuple[str, ...]) -> int:
    """A number leaves a row of the trail at least, so an anchor without numbers still bounds them."""
    seen = [number for name in names if (number := _sequence_in(provider, name)) is not None]
    noted = anchored.sequence(provider.name) or here + rows_lost
    return max(here, noted, *seen)


def _sequence_in(provider: Provider, name: str) -> int | None:
    """The sequence number of the batch that the name belongs to."""
    pattern = re.escape(provider.file_name(0)).replace("000000", r"(\d{6,9})") + r"(?:\..*)?"
    found = re.fullmatch(pattern, name)
    return int(found[1]) if found else None


def _hold(provider: Provider, plan: Plan, now: datetime, actor: str, reason: str) -> Hold:
    numbers = plan.numbers[provider.name]
    found = tuple(
        name for name in plan.held.get(provider.name, ()) if (_sequence_in(provider, name) or 0) > numbers.here
    )
    skipped = (numbers.here + 1, numbers.used) if numbers.used > numbers.here else None
    return Hold(provider.name, now, reason, actor, skipped, found)


def _listed(app: Muster, provider: Provider) -> tuple[str, ...]:
    folders = [provider.folders.outbound, provider.folders.inbound]
    with app.exchange.channels.channel(provider).open() as session:
        return tuple(sorted(file.name for folder in folders for file in session.list(folder).files))


def _order_files(app: Muster, known: set[str]) -> Iterator[str]:
    """What only the archive has, and reads as an order file."""
    for key in app.exchange.archive.kept():
        if key not in known and _order_text(app, key) is not None:
            yield key


def _order_text(app: Muster, key: str) -> bytes | None:
    try:
        data = app.exchange.archive.read_plaintext(key)
        load(data)
    except (MusterError, FileFault):
        return None
    return data


def _hand_in(app: Muster, key: str) -> None:
    data = app.exchange.archive.read_plaintext(key)
    suffix = "json" if data.lstrip()[:1] in (b"{", b"[") else "csv"
    part = app.workspace.inbox / f".{_RECOVERED}{key[:12]}.part"
    part.write_bytes(data)
    part.rename(app.workspace.inbox / f"{_RECOVERED}{key[:12]}.{suffix}")


def unread_orders(app: Muster) -> list[str]:
    """Names of order files that were put back into the inbox and are not loaded yet."""
    inbox = app.workspace.inbox
    with on_disk("the inbox"):
        return sorted(path.name for place in ("", ".taken-*/") for path in inbox.glob(f"{place}{_RECOVERED}*"))
