"""Builds the ports of an installation from its settings. The one place that knows every adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from adapters.archive import FileArchive
from adapters.audit_anchor import AuditAnchor
from adapters.channels.folder import FolderChannel
from adapters.channels.names import is_peoples, is_safe
from adapters.channels.sftp import SftpChannel
from adapters.clock import SystemClock
from adapters.inboxes.drop_folder import DropFolder
from adapters.inboxes.sftp_orders import RemoteInbox
from adapters.inboxes.uploads import AllDrops, LocalDrops, RemoteDrops
from adapters.lease_owner import LeaseOwner
from adapters.openpgp.cipher import OpenPgpCipher
from adapters.providers import load_kind
from adapters.quality import validate
from adapters.registry.registry import Registry
from adapters.settings import Connections, Settings, Workspace, channel_key, resolve
from adapters.spool import FileSpool
from adapters.workbooks.guarded import ChildWorkbooks
from adapters.workbooks.remembered import RememberedWorkbooks
from formats.workbook.read.inspection import WorkbookLimits
from jobs.context import Exchange, InboxLimits
from jobs.errors import NotFound, Setup
from jobs.ports import Channel, Folder, Session
from jobs.providers import Provider, SftpSettings
from jobs.upload import UploadPorts, UploadRules


def make_cipher(workspace: Workspace, settings: Settings) -> OpenPgpCipher:
    """Raises Setup without a key of our own."""
    if not settings.own_key:
        raise Setup(
            "muster.toml names no own_key: run `muster init`, or `muster keys generate` and enter its fingerprint"
        )
    passphrase = resolve(settings.passphrase, workspace) if settings.passphrase else None
    return OpenPgpCipher(workspace.gnupg, settings.own_key, settings.archive_key or settings.own_key, passphrase)


def make_exchange(
    workspace: Workspace,
    settings: Settings,
    connections: Connections | None,
    registry: Registry,
    cipher: OpenPgpCipher,
    owner: LeaseOwner,
) -> Exchange:
    """Every port, wired; what killed processes left in the spool is swept."""
    spool = FileSpool(workspace.spool)
    spool.sweep()
    channels = _Channels(workspace, connections)
    return Exchange(
        registry=registry,
        clock=SystemClock(),
        archive=FileArchive(settings.archive, cipher, spool),
        cipher=cipher,
        spool=spool,
        channels=channels,
        inboxes=tuple(_inboxes(workspace, settings, channels, spool)),
        inbox_limits=InboxLimits(settings.inbox.settle, settings.inbox.max_file_bytes, settings.inbox.unsettled_limit),
        uploads=UploadPorts(
            _drops(workspace, settings, channels, spool),
            RememberedWorkbooks(ChildWorkbooks(_workbook_limits(settings))),
            _upload_rules(settings),
        ),
        providers={provider.name: provider for provider in settings.providers},
        kind_of=load_kind,
        validate=validate,
        owner=owner.name,
        is_dead=owner.is_dead,
        anchor=AuditAnchor(workspace.audit_anchor),
    )


class _Channels:
    """Implements `jobs.ports.Channels` from the configuration."""

    def __init__(self, workspace: Workspace, connections: Connections | None) -> None:
        self._workspace = workspace
        self._connections = connections

    def channel(self, provider: Provider) -> Channel:
        if provider.sftp is not None:
            return self.sftp(provider.sftp)
        if provider.folder is not None:
            return FolderChannel(Path(provider.folder.path))
        raise NotFound(f"provider {provider.name!r} has no channel")

    def sftp(self, settings: SftpSettings, safe: Callable[[str], bool] = is_safe) -> Channel:
        return SftpChannel(settings, channel_key(settings.credential, self._workspace, self._connections), safe)


class _Later:
    """Implements `jobs.ports.Channel`: its key is looked up when it is opened, a missing one stops only that."""

    def __init__(self, make: Callable[[], Channel]) -> None:
        self._make = make

    def open(self) -> AbstractContextManager[Session]:
        return self._make().open()


def _drops(workspace: Workspace, settings: Settings, channels: _Channels, spool: FileSpool) -> AllDrops:
    local = LocalDrops(workspace.uploads)
    source = settings.uploads.source
    if source is None:
        return AllDrops(local)
    remote = _Later(partial(channels.sftp, source.sftp, is_peoples))
    return AllDrops(local, RemoteDrops(remote, spool, source.folder, source.uploaders))


def _workbook_limits(settings: Settings) -> WorkbookLimits:
    return WorkbookLimits(packed=settings.uploads.max_file_bytes, rows=settings.uploads.max_rows)


def _upload_rules(settings: Settings) -> UploadRules:
    chosen = settings.uploads
    return UploadRules(
        settle=chosen.settle,
        unsettled=chosen.unsettled_limit,
        max_bytes=chosen.max_file_bytes,
        max_rows=chosen.max_rows,
        chunk_rows=chosen.chunk_rows,
        commit=chosen.commit,
        max_failed_percent=chosen.max_failed_percent,
        rules=chosen.rules,
        zone=settings.zone,
    )


def _inboxes(workspace: Workspace, settings: Settings, channels: _Channels, spool: FileSpool) -> Iterator[Folder]:
    pattern = settings.inbox.pattern
    yield DropFolder(workspace.inbox, pattern)
    source = settings.inbox.source
    if source is not None:
        yield RemoteInbox(channels.sftp(source.sftp, is_peoples), spool, source.folder, source.done_folder, pattern)
