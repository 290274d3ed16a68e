"""Device Enrolment Adaptor, inbound: fetches the provider's answer files and archives them as they are.

Remote names are data: a name that is no safe name is reported, never used. The remote copy
is moved by the last step, when the file is settled here.
"""

from __future__ import annotations

from pathlib import Path

from jobs.context import Exchange
from jobs.errors import RemoteFileRefused
from jobs.files import Arrival, FileKind
from jobs.ports import Fetched, Listing, Session
from jobs.providers import Provider
from jobs.put_away import digest_of, put_away
from jobs.runs import Run
from jobs.stability import Gate, Steady, by_place, steady_files
from jobs.states import FileState
from jobs.unread import say, say_names
from jobs.work import Work

SETTLED = (FileState.APPLIED, FileState.DONE, FileState.QUARANTINED)


def collect_answers(exchange: Exchange, run: Run) -> Work:
    """Fetch every stable answer file once, by its digest."""
    provider = exchange.provider(run)
    work = Work("device_enrolment_adaptor")
    with exchange.lease(f"{provider.name}:in") as exchange, exchange.channels.channel(provider).open() as session:
        listing = _look(provider, session)
        gate = Gate(f"answers {provider.name}", provider.settle, provider.unsettled_limit)
        files = steady_files(exchange, run, gate, by_place(listing), lambda: by_place(_look(provider, session)), work)
        say_names(exchange, run, f"{provider.name}: {provider.folders.inbound}", listing, work)
        if run.dry_run:
            work.done += len(files)
            work.notes.append(f"dry run: {len(files)} answer files wait, nothing is fetched")
            return work
        for steady in sorted(files, key=lambda item: item.file.name):
            _fetch(exchange, run, provider, session, steady, work)
    return work


def _look(provider: Provider, session: Session) -> Listing:
    folders = provider.folders
    listing = session.list(folders.inbound).without(folders.inbound, (folders.inbound_done, folders.outbound))
    return listing.matching(folders.inbound_pattern)


def _fetch(exchange: Exchange, run: Run, provider: Provider, session: Session, steady: Steady, work: Work) -> None:
    file = steady.file
    with exchange.spool.file(".pgp") as landed:
        try:
            fetched = _fetch_to(provider, session, steady, landed)
            settled = steady.timed or fetched.gone or _reads_again(exchange, provider, session, steady, landed)
        except RemoteFileRefused as error:
            work.failed += 1
            work.notes.append(f"{file.name}: {error.what}")
            return
        if not settled:
            work.notes.append(f"{file.name} is still being written")
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
                place=provider.folders.inbound,
                mtime=file.mtime if steady.timed else 0,
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
        say(exchange, run, file.name, "FILE_GONE_AFTER_READING", 1, work)
    work.done += 1
    work.count({"files collected": int(claimed.new), "files known already": int(not claimed.new)})
    if not claimed.new and claimed.state in SETTLED:
        put_away(exchange, provider, session, claimed, file)


def _fetch_to(provider: Provider, session: Session, steady: Steady, landed: Path) -> Fetched:
    limit = provider.limits.answer_bytes
    return session.fetch(provider.folders.inbound, steady.file.lies_as, landed, limit, steady.timed)


def _reads_again(exchange: Exchange, provider: Provider, session: Session, steady: Steady, first: Path) -> bool:
    """Whether a second reading has the same bytes: what stands for a time that tells nothing."""
    with exchange.spool.file(".pgp") as second:
        _fetch_to(provider, session, steady, second)
        return digest_of(first) == digest_of(second)
