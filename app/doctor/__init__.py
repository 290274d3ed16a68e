"""`muster doctor`: everything the jobs need, checked before they need it. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from adapters.providers import KINDS
from adapters.settings import Settings, Workspace, load
from adapters.settings import check as faults_of  # `check` is a module of this package
from app.doctor import drops, keys, machine, partners, store
from app.doctor.result import Check, Status, guarded

__all__ = ["Check", "Status", "examine"]


def examine(workspace: Workspace, offline: bool = False) -> Iterator[Check]:
    """Every check in turn, as soon as its result is known. `offline` connects to no provider.

    A check that cannot be made is a FAIL, never an error.
    """
    yield from guarded("gpg", machine.gpg)
    settings: Settings | None = None
    faults = faults_of(workspace, KINDS)
    for fault in faults:
        yield Check("configuration", Status.FAIL, f"{fault.path} {fault.what}", fault.remedy)
    if not faults:
        settings = load(workspace, KINDS)
        yield Check("configuration", Status.OK, f"{len(settings.providers)} provider(s), no fault")
    if not workspace.home.is_dir():
        return
    yield from guarded("folders", partial(machine.folders, workspace))
    yield from guarded("secrets", partial(machine.secret_files, workspace))
    yield from guarded("GnuPG home", partial(keys.home, workspace))
    if settings is None:
        yield Check(
            "the rest", Status.WARN, "keys, providers, registry and disk were not checked", "Mend the above first"
        )
    else:
        yield from _with_settings(workspace, settings, offline)


def _with_settings(workspace: Workspace, settings: Settings, offline: bool) -> Iterator[Check]:
    yield from guarded("own key", partial(keys.own, workspace, settings))
    yield from guarded("sign and encrypt", partial(keys.round_trip, workspace, settings))
    for provider in settings.providers:
        yield from guarded(f"{provider.name} keys", partial(keys.partner, workspace, provider))
        if not offline:
            yield from guarded(f"{provider.name} channel", partial(partners.channel, workspace, provider))
    if settings.inbox.source is not None and not offline:
        source = settings.inbox.source
        yield from guarded("inbox source", partial(partners.inbox_source, workspace, source, settings.inbox.pattern))
    if settings.uploads.source is not None and not offline:
        yield from guarded("upload source", partial(drops.upload_source, workspace, settings.uploads.source))
    yield from guarded("inbox", partial(partners.inbox, workspace, settings.inbox))
    yield from guarded("registry", partial(store.registry, workspace, settings))
    yield from guarded("audit trail", partial(store.audit_trail, workspace, settings))
    yield from guarded("held providers", partial(store.holds, workspace, settings))
    yield from guarded("archive", partial(store.archive, workspace, settings))
    yield from guarded("drop folders", partial(drops.drop_folders, workspace, settings))
    yield from guarded("disk", partial(machine.space, workspace, settings))
