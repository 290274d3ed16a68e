"""`muster doctor`: everything the jobs need, checked before they need it. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.doctor import keys, machine, partners, store
from adapters.doctor.check import Check, Status, guarded
from adapters.providers import KINDS
from adapters.settings import Settings, Workspace, check, load

__all__ = ["Check", "Status", "examine"]


def examine(workspace: Workspace, offline: bool = False) -> Iterator[Check]:
    """Every check in turn, as soon as its result is known. `offline` connects to no provider.

    A check that cannot be made is a FAIL, never an error.
    """
    yield from guarded("gpg", machine.gpg)
    settings: Settings | None = None
    faults = check(workspace, KINDS)
    for fault in faults:
        yield Check("configuration", Status.FAIL, f"{fault.path} {fault.what}", fault.remedy)
    if not faults:
        settings = load(workspace, KINDS)
        yield Check("configuration", Status.OK, f"{len(settings.providers)} provider(s), no fault")
    if not workspace.home.is_dir():
        return
    yield from guarded("folders", lambda: machine.folders(workspace))
    yield from guarded("secrets", lambda: machine.secret_files(workspace))
    yield from guarded("GnuPG home", lambda: keys.home(workspace))
    if settings is not None:
        yield from _with_settings(workspace, settings, offline)


def _with_settings(workspace: Workspace, settings: Settings, offline: bool) -> Iterator[Check]:
    yield from guarded("own key", lambda: keys.own(workspace, settings))
    yield from guarded("sign and encrypt", lambda: keys.round_trip(workspace, settings))
    for provider in settings.providers:
        yield from guarded(f"{provider.name} keys", lambda one=provider: keys.partner(workspace, one))
        if not offline:
            yield from guarded(f"{provider.name} channel", lambda one=provider: partners.channel(workspace, one))
    if settings.inbox.source is not None and not offline:
        source = settings.inbox.source
        yield from guarded("inbox source", lambda: partners.inbox_source(workspace, source))
    yield from guarded("registry", lambda: store.registry(workspace, settings))
    yield from guarded("audit trail", lambda: store.audit_trail(workspace, settings))
    yield from guarded("disk", lambda: machine.space(workspace, settings))
