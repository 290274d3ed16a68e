"""Device Enrolment Adaptor, inbound: fetches the provider's answer files and archives them as they are.

Remote names are data: a name that is no safe name is reported, never used. The remote copy
is moved by the last step, when the file is settled here.
"""

from __future__ import annotations

import re

from formats.findings import Finding
from jobs.context import Exchange
from jobs.errors import RemoteFileRefused
from jobs.files import Arrival, FileKind
from jobs.ports import Listing, RemoteFile, Session
from jobs.providers import Provider
from jobs.runs import Run
from jobs.states import FileState
from jobs.work import SourceFindings, Work, findings_table

SETTLED = (FileState.APPLIED, FileState.DONE, FileState.QUARANTINED)


def collect_answers(exchange: Exchange, run: Run) -> Work:
    """Fetch every stable answer file once, by its digest."""
    provider = exchange.provider(run)
    work = Work("device_enrolment_adaptor")
    with exchange.lease(f"{provider.name}:in") as exchange, exchange.channels.channel(provider).open() as session:
        listing = session.list(provider.folders.inbound)
        files = _stable(exchange, provider, session, listing)
        _report_refused(exchange, run, provider, listing, work)
        if run.dry_run:
            work.done += len(files)
            work.notes.append(f"dry run: {len(files)} answer files wait, nothing is fetched")
            return work
        for file in files:
            _fetch(exchange, run, provider, session, file, work)
    return work


def _stable(exchange: Exchange, provider: Provider, session: Session, first: Listing) -> list[RemoteFile]:
    """Files of the agreed names whose size and time are the same in two looks."""
    agreed = re.compile(provider.folders.inbound_pattern)
    wanted = {file for file in first.files if agreed.fullmatch(file.name)}
    if not wanted:
        return []
    exchange.clock.sleep(provider.settle.total_seconds())
    return sorted(wanted & set(session.list(provider.folders.inbound).files), key=lambda file: file.name)


def _report_refused(exchange: Exchange, run: Run, provider: Provider, listing: Listing, work: Work) -> None:
    if not listing.refused:
        return
    work.failed += len(listing.refused)
    work.count({"names refused": len(listing.refused)})
    work.notes.append("refused names: " + ", ".join(listing.refused[:5]))
    source = f"{provider.name}: {provider.folders.inbound}"
    _say(exchange, run, source, "FILE_NAME_REFUSED", len(listing.refused), work)


def _say(exchange: Exchange, run: Run, source: str, code: str, times: int, work: Work) -> None:
    found = findings_table(Finding(code) for _ in range(times))
    work.findings.append(SourceFindings(source, found))
    if not run.dry_run:
        with exchange.registry.transaction() as tx:
            tx.runs.add_findings(run.id, None, source, found)


def _fetch(exchange: Exchange, run: Run, provider: Provider, session: Session, file: RemoteFile, work: Work) -> None:
    with exchange.spool.file(".pgp") as landed:
        try:
            fetched = session.fetch(provider.folders.inbound, file.name, landed, provider.limits.answer_bytes)
        except RemoteFileRefused as error:
            work.failed += 1
            work.notes.append(f"{file.name}: {error.what}")
            return
        digest = exchange.archive.keep(landed)
    with exchange.registry.transaction() as tx:
        claimed = tx.files.claim(
            Arrival(
                kind=FileKind.RESPONSE,
                provider=provider.name,
                name=file.name,
                media="pgp",
                sha256=digest,
                size=file.size,
            ),
            run.id,
            exchange.clock.now(),
        )
        tx.runs.touch_file(run.id, claimed.id, "" if claimed.new else "known already")
        if claimed.new:
            tx.audit.append(
                actor=run.actor,
                action="answer collected",
                subject=f"file {digest}",
                now=exchange.clock.now(),
                facts={"run": run.id, "provider": provider.name, "name": file.name, "size": file.size},
            )
    if fetched.gone:
        _say(exchange, run, file.name, "FILE_GONE_AFTER_READING", 1, work)
    work.done += 1
    work.count({"files collected": int(claimed.new), "files known already": int(not claimed.new)})
    if not claimed.new and claimed.state in SETTLED:
        put_away(provider, session, file.name, file.size)


def put_away(provider: Provider, session: Session, name: str, size: int) -> None:
    """Move a settled file to the done folder, if it is still the file we fetched."""
    there = session.stat(provider.folders.inbound, name)
    if provider.folders.inbound_done is not None and there is not None and there.size == size:
        session.move(provider.folders.inbound, name, provider.folders.inbound_done)
