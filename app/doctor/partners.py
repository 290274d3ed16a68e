"""The channels: the partner answers with a pinned host key, lets us in, and shows its folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.channels.folder import FolderChannel
from adapters.channels.names import is_peoples, is_safe
from adapters.channels.sftp import SftpChannel
from adapters.inboxes.drop_folder import DropFolder
from adapters.settings import InboxSettings, InboxSource, Workspace, channel_key
from app.doctor.result import Check, Status
from jobs.errors import ChannelUnavailable, NotFound, RemotePathRefused, Setup
from jobs.ports import Channel, Listing, Session
from jobs.providers import Provider, SftpSettings
from jobs.unread import named


class NoAnswer(Setup):
    code = "NO_ANSWER"
    remedy = "Check host and port in its file, the network and the firewall; else ask whether the service runs"


def channel(workspace: Workspace, provider: Provider) -> Iterator[Check]:
    """Open the provider's channel and list its folders. Nothing is written or moved."""
    name = f"{provider.name} channel"
    folders = provider.folders
    with opened(_channel(workspace, provider)) as session:
        listing = session.list(folders.inbound).matching(folders.inbound_pattern)
        where = provider.sftp.host if provider.sftp else provider.folder.path if provider.folder else ""
        what = f"{where} answers and lets us in; {len(listing.files)} file(s) in {folders.inbound}"
        yield Check(name, Status.OK, what)
        yield from unread(name, folders.inbound, listing)
        yield from _readable(session, name, folders.outbound, "an interrupted delivery cannot be proved")
        if folders.inbound_done:
            yield from _readable(session, name, folders.inbound_done, "read answers cannot be put away")


def inbox(workspace: Workspace, settings: InboxSettings) -> Iterator[Check]:
    """The folder order files are put into."""
    listing = DropFolder(workspace.inbox, settings.pattern).look()
    yield Check("inbox", Status.OK, f"{len(listing.files)} file(s) in {workspace.inbox}")
    yield from unread("inbox", str(workspace.inbox), listing)


def inbox_source(workspace: Workspace, source: InboxSource, pattern: str) -> Iterator[Check]:
    """Open the server order files come from."""
    with opened(sftp(workspace, source.sftp, is_peoples)) as session:
        listing = session.list(source.folder).matching(pattern)
        what = f"{source.sftp.host} lets us in; {len(listing.files)} file(s) in {source.folder}"
        yield Check("inbox source", Status.OK, what)
        yield from unread("inbox source", source.folder, listing)
        if source.done_folder:
            yield from _readable(session, "inbox source", source.done_folder, "read files cannot be put away")


def unread(name: str, folder: str, listing: Listing) -> Iterator[Check]:
    """What lies in a folder under names that nobody reads."""
    names = (*listing.refused, *listing.unexpected)
    if names:
        fix = (
            "Rename them as agreed, unpack them, or take them away; muster.toml or the provider's file has the pattern"
        )
        yield Check(name, Status.WARN, f"not read in {folder}: {named(names)}", fix)


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


def sftp(workspace: Workspace, settings: SftpSettings, safe: Callable[[str], bool] = is_safe) -> SftpChannel:
    return SftpChannel(settings, channel_key(settings.credential, workspace), safe)
