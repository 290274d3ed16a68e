"""Wires an installation together. The one place that knows every adapter, and that tests override."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import TypeAdapter

from adapters import owner
from adapters.archive import FileArchive
from adapters.channels.folder import FolderChannel
from adapters.channels.sftp import SftpChannel
from adapters.clock import SystemClock
from adapters.inbox import DropFolder
from adapters.openpgp import OpenPgpCipher
from adapters.providers import KINDS, load_kind
from adapters.quality import validate
from adapters.registry.registry import Registry
from adapters.remote_inbox import RemoteInbox
from adapters.report import ReportStore, render_html, to_json
from adapters.settings import (
    Connections,
    Settings,
    Workspace,
    channel_key,
    load,
    registry_url,
    resolve,
)
from adapters.spool import FileSpool
from jobs.cancellation import cancel_batch
from jobs.collection import collect_answers
from jobs.context import Exchange, InboxLimits
from jobs.errors import MusterError, NotConserved, NotFound, Setup
from jobs.loading import load_from_generic_format, receive_answer
from jobs.order_dispatch import load_order_dispatch
from jobs.ports import Channel, Folder
from jobs.providers import Provider, SftpSettings
from jobs.reporting import close_run
from jobs.request import extract_to_generic_format
from jobs.response import device_enrolment_response
from jobs.runs import STEPS, Job, Run, RunReport, RunStatus, Step, Validation
from jobs.transmission import device_enrolment_adaptor, settle_uncertain
from jobs.work import Work

_USE_CASES = {
    (Job.ORDER_DISPATCH, "load_order_dispatch"): load_order_dispatch,
    (Job.REQUEST, "settle_uncertain"): settle_uncertain,
    (Job.REQUEST, "extract_to_generic_format"): extract_to_generic_format,
    (Job.REQUEST, "device_enrolment_adaptor"): device_enrolment_adaptor,
    (Job.RESPONSE, "device_enrolment_adaptor"): collect_answers,
    (Job.RESPONSE, "load_from_generic_format"): load_from_generic_format,
    (Job.RESPONSE, "device_enrolment_response"): device_enrolment_response,
}
_IDLE = {
    "load_order_dispatch": "no order file waits",
    "settle_uncertain": "no batch is in doubt",
    "extract_to_generic_format": "no order line waits for this provider",
    "load_from_generic_format": "no collected answer waits",
    "device_enrolment_response": "no loaded answer waits",
}


class Muster:
    """One wired installation. Open it with `Muster.open`, close it by ending the `with` block."""

    def __init__(self, workspace: Workspace, settings: Settings, exchange: Exchange, registry: Registry) -> None:
        self.workspace = workspace
        self.settings = settings
        self.exchange = exchange
        self.registry = registry

    @classmethod
    @contextmanager
    def open(cls, workspace: Workspace | None = None, connections: Connections | None = None) -> Iterator[Muster]:
        """Load the settings, bring the registry up to date, sweep the spool.

        `connections` looks Airflow Connections up; without it the environment and the workspace do.
        """
        workspace = workspace or Workspace.find()
        settings = load(workspace, KINDS)
        registry = Registry(registry_url(settings, workspace).reveal())
        registry.migrate()
        cipher = _cipher(workspace, settings)
        try:
            yield cls(workspace, settings, _exchange(workspace, settings, connections, registry, cipher), registry)
        finally:
            cipher.close()
            registry.close()

    def begin(
        self,
        job: Job,
        *,
        actor: str,
        provider: str | None = None,
        dry_run: bool = False,
        order: str | None = None,
        batch: str | None = None,
        key: str | None = None,
    ) -> Run:
        """Start a run. The same (job, key) returns the run that was started with it."""
        if job.per_provider:
            self.settings.provider(provider or "")
        started = self.exchange.clock.now()
        run_id = f"{started:%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}"
        run = Run(run_id, job, provider, actor, started, dry_run, order or None, batch or None)
        with self.registry.transaction() as tx:
            return tx.runs.begin(run, key or run_id)

    def step(self, run_id: str, name: str) -> Step:
        """Do one step of a run (`jobs.runs.STEPS`) and record what it did, also when it fails."""
        with self.registry.view() as tx:
            run = tx.runs.get(run_id)
        position = STEPS[run.job].index(name)
        try:
            work = _USE_CASES[run.job, name](self.exchange, run)
        except MusterError as error:
            self._record(run, position, Step(name, 0, str(error), status=RunStatus.FAILED))
            raise
        except Exception as error:
            what = f"unexpected {type(error).__name__}; see the log"
            self._record(run, position, Step(name, 0, what, status=RunStatus.FAILED))
            raise
        step = work.step(_IDLE.get(name, "nothing to do"))
        self._record(run, position, step, work)
        return step

    def finish(self, run_id: str) -> tuple[RunReport, Path]:
        """Close the run: validate, prove the conservation, write the report. Raises NotConserved after that."""
        with self.registry.view() as tx:
            run = tx.runs.get(run_id)
            recorded = tx.runs.steps_of(run_id)
        steps = [(step, [_VALIDATION.validate_python(item) for item in listed]) for step, listed in recorded]
        report = close_run(self.exchange, run, steps)
        with self.registry.transaction() as tx:
            tx.runs.end(run_id, report.run.status, report.ended_at, to_json(report))
        path = ReportStore(self.workspace.reports, self.settings.organisation, self.settings.zone).write(report)
        if not report.conservation.holds:
            broken = [check.name for check in report.conservation.checks if not check.holds]
            raise NotConserved("the count does not add up: " + "; ".join(broken), report=str(path))
        return report, path

    def run(self, job: Job, **options: Any) -> tuple[RunReport, Path]:
        """A whole run without Airflow. A failed step ends it; the report is written all the same."""
        run = self.begin(job, **options)
        failure: MusterError | None = None
        for name in STEPS[job]:
            try:
                self.step(run.id, name)
            except MusterError as error:
                failure = error
                break
        report, path = self.finish(run.id)
        if failure is not None:
            failure.facts["report"] = str(path)
            raise failure
        return report, path

    def report(self, run_id: str) -> RunReport:
        """The report of a finished run, from the registry. Raises NotFound."""
        with self.registry.view() as tx:
            return _REPORT.validate_python(tx.runs.report_of(run_id))

    def report_html(self, run_id: str) -> str:
        """The report page, rendered again, so that any host can show it. Raises NotFound."""
        return render_html(self.report(run_id), self.settings.organisation, self.settings.zone)

    def recent_runs(self, limit: int) -> list[Run]:
        """Newest first."""
        with self.registry.view() as tx:
            return tx.runs.recent(limit)

    def receive_answer(self, provider: str, body: bytes, actor: str) -> str:
        """`inboundDeviceEnrolment`: keep a CMP-style JSON answer for the next response run."""
        run = self.begin(Job.RESPONSE, provider=provider, actor=actor)
        try:
            digest = receive_answer(self.exchange, self.settings.provider(provider), body, run)
        except MusterError as error:
            self._record(run, 0, Step("inbound_device_enrolment", 0, str(error), status=RunStatus.FAILED))
            self.finish(run.id)
            raise
        self._record(run, 0, Step("inbound_device_enrolment", 1, "one answer received, the next response run loads it"))
        self.finish(run.id)
        return digest

    def cancel_batch(self, number: str, actor: str, reason: str) -> int:
        """Cancel a sealed batch that was not sent; returns how many lines wait again."""
        return cancel_batch(self.exchange, number, actor, reason)

    def _record(self, run: Run, position: int, step: Step, work: Work | None = None) -> None:
        validations: list[Mapping[str, Any]] = []
        if work is not None and run.dry_run:
            validations = [
                _VALIDATION.dump_python(validate(item.schema, item.table, item.name)) for item in work.subjects
            ]
        with self.registry.transaction() as tx:
            tx.runs.record_step(run.id, position, step, validations=validations)
            for found in work.findings if work is not None and run.dry_run else ():
                tx.runs.add_findings(run.id, None, found.source, found.found)


_VALIDATION = TypeAdapter(Validation)
_REPORT = TypeAdapter(RunReport)


def _cipher(workspace: Workspace, settings: Settings) -> OpenPgpCipher:
    if not settings.own_key:
        raise Setup(
            "muster.toml names no own_key: run `muster init`, or `muster keys generate` and enter its fingerprint"
        )
    passphrase = resolve(settings.passphrase, workspace) if settings.passphrase else None
    return OpenPgpCipher(workspace.gnupg, settings.own_key, settings.archive_key or settings.own_key, passphrase)


def _exchange(
    workspace: Workspace,
    settings: Settings,
    connections: Connections | None,
    registry: Registry,
    cipher: OpenPgpCipher,
) -> Exchange:
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
        inbox_limits=InboxLimits(settings.inbox.settle, settings.inbox.max_file_bytes),
        providers={provider.name: provider for provider in settings.providers},
        kind_of=load_kind,
        validate=validate,
        owner=owner.this_process(),
        is_dead=owner.is_dead,
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

    def sftp(self, settings: SftpSettings) -> Channel:
        return SftpChannel(settings, channel_key(settings.credential, self._workspace, self._connections))


def _inboxes(workspace: Workspace, settings: Settings, channels: _Channels, spool: FileSpool) -> Iterator[Folder]:
    pattern = "|".join(f"(?:{pattern})" for pattern in settings.inbox.patterns)
    yield DropFolder(workspace.inbox, pattern)
    source = settings.inbox.source
    if source is not None:
        yield RemoteInbox(channels.sftp(source.sftp), spool, source.folder, source.done_folder, pattern)
