"""The channels: the partner answers with a pinned host key, lets us in, and shows its folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.channels.folder import FolderChannel
from adapters.channels.sftp import SftpChannel
from adapters.settings import InboxSource, Workspace, channel_key
from app.doctor.result import Check, Status
from jobs.errors import ChannelUnavailable, NotFound, RemotePathRefused, Setup
from jobs.ports import Channel, Session
from jobs.providers import Provider, SftpSettings


class NoAnswer(Setup):
    code = "NO_ANSWER"
    remedy = "Check host and port in its file, the network and the firewall; else ask whether the service runs"


def channel(workspace: Workspace, provider: Provider) -> Iterator[Check]:
    """Open the provider's channel and list its folders. Nothing is written or moved."""
    name = f"{provider.name} channel"
    folders = provider.folders
    with opened(_channel(workspace, provider)) as session:
        waiting = len(session.list(folders.inbound).files)
        where = provider.sftp.host if provider.sftp else provider.folder.path if provider.folder else ""
        yield Check(name, Status.OK, f"{where} answers and lets us in; {waiting} file(s) in {folders.inbound}")
        yield from _readable(session, name, folders.outbound, "an interrupted delivery cannot be proved")
        if folders.inbound_done:
            yield from _readable(session, name, folders.inbound_done, "read answers cannot be put away")


def inbox_source(workspace: Workspace, source: InboxSource) -> Iterator[Check]:
    """Open the server order files come from."""
    with opened(sftp(workspace, source.sftp)) as session:
        waiting = len(session.list(source.folder).files)
        yield Check("inbox source", Status.OK, f"{source.sftp.host} lets us in; {waiting} file(s) in {source.folder}")
        if source.done_folder:
            yield from _readable(session, "inbox source", source.done_folder, "read files cannot be put away")


@contextmanager
def opened(channel: Channel) -> Iterator[Session]:
    """The session; here nobody tries again, so the remedy is another one."""
    try:
        with channel.open() as session:
            yield session
    except ChannelUnavailable as error:
        raise NoAnswer(error.what) from None


def _readable(session: Session, name: str, folder: str, otherwise: str) -> Iterator[Check]:
    try:
        session.list(folder)
    except RemotePathRefused as error:
        yield Check(name, Status.WARN, f"{error.what}: {otherwise}", error.remedy)


def _channel(workspace: Workspace, provider: Provider) -> Channel:
    if provider.sftp is not None:
        return sftp(workspace, provider.sftp)
    if provider.folder is not None:
        return FolderChannel(Path(provider.folder.path))
    raise NotFound(f"provider {provider.name!r} has no channel")


def sftp(workspace: Workspace, settings: SftpSettings) -> SftpChannel:
    return SftpChannel(settings, channel_key(settings.credential, workspace))
