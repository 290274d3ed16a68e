"""Bulk uploads: people who may upload and have no folder, what lies where nobody looks, and the server."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.inboxes.uploads import LocalDrops
from adapters.registry.registry import Transaction
from adapters.settings import Settings, UploadSource, Workspace
from app.doctor.partners import opened, sftp, unread
from app.doctor.result import Check, Status
from app.doctor.store import connected
from formats.templates import NAMES
from jobs.errors import RemotePathRefused
from jobs.ports import Session

_NAME = "drop folders"


def drop_folders(workspace: Workspace, settings: Settings) -> Iterator[Check]:
    """Each registered uploader has folders, and nothing lies beside those of the templates."""
    with connected(workspace, settings) as connection:
        known = connection.dialect.has_table(connection, "uploaders")
        people = [item.email for item in Transaction(connection).uploads.uploaders()] if known else []
    drops = LocalDrops(workspace.uploads).all() if workspace.uploads.is_dir() else []
    there = {drop.uploader for drop in drops}
    remote = settings.uploads.source.uploaders if settings.uploads.source else ()
    without = [email for email in people if email not in there and email not in remote]
    strange = sorted(entry.name for entry in workspace.uploads.glob("[!.]*") if entry.name not in NAMES)
    if without:
        fix = f"muster uploaders add {without[0]} --reason 'folders' makes them, or upload in the console"
        yield Check(_NAME, Status.WARN, f"none for {', '.join(without)}", fix)
    if strange:
        fix = f"Move it into {workspace.uploads}/<template>/<uploader>; `muster template` lists the templates"
        yield Check(_NAME, Status.WARN, f"nobody looks into {', '.join(strange)}: it is no template", fix)
    for drop in drops:
        yield from unread(_NAME, drop.place, drop.look())
    if not (without or strange):
        yield Check(_NAME, Status.OK, f"{len(drops)} for workbooks")


def upload_source(workspace: Workspace, source: UploadSource) -> Iterator[Check]:
    """Open the server workbooks come from, and look for a folder of each uploader."""
    with opened(sftp(workspace, source.sftp)) as session:
        missing = []
        for uploader in source.uploaders:
            folders = [f"{source.folder}/{name}/{uploader}" for name in NAMES]
            if not any(_is_there(session, folder) for folder in folders):
                missing.append(uploader)
    what = f"{source.sftp.host} lets us in"
    if missing:
        fix = f"Make {source.folder}/<template>/<uploader> there, with done and failed in it"
        yield Check("upload source", Status.WARN, f"{what}; no folder for {', '.join(missing)}", fix)
    else:
        yield Check("upload source", Status.OK, f"{what}; folders for {len(source.uploaders)} uploader(s)")


def _is_there(session: Session, folder: str) -> bool:
    try:
        session.list(folder)
    except RemotePathRefused:
        return False
    return True
