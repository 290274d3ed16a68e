"""One wired installation: what the command line, the DAGs, the plugin and the tests open."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import TypeAdapter

from adapters.audit_anchor import AuditAnchor, forgotten
from adapters.lease_owner import LeaseOwner
from adapters.providers import KINDS
from adapters.quality import validate
from adapters.registry.registry import Registry
from adapters.report import ReportStore, render_html, to_json
from adapters.settings import Connections, Settings, Workspace, load, registry_url
from app.wiring import make_cipher, make_exchange
from jobs.cancellation import cancel_batch
from jobs.catalogue import PLANS, STEPS
from jobs.causes import on_disk, system_error
from jobs.context import Exchange
from jobs.errors import MusterError, NotConserved, RegistryBehindAnchor, ReportLater, Retry, Setup
from jobs.job import Job
from jobs.loading import receive_answer
from jobs.reporting import close_interrupted, close_run
from jobs.runs import Run, RunReport, RunStatus, Step, Validation, schedule_of
from jobs.work import Work

log = logging.getLogger("muster.run")

_PAGES_LOOKED_FOR = 20  # newest runs, when one ends

Watch = Callable[[str, Callable[[], Step]], object]
"""Is given the name of each step and the call that takes it, and has to make that call."""


@dataclass(frozen=True)
class Closed:
    """A run that has ended: its report, where its page lies or will, and why that could not be written now (or "")."""

    report: RunReport
    path: Path
    later: str


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
        with closing(Registry(registry_url(settings, workspace).reveal())) as registry:
            registry.migrate()
            with closing(make_cipher(workspace, settings)) as cipher, _owner(workspace) as owner:
                exchange = make_exchange(workspace, settings, connections, registry, cipher, owner)
                yield cls(workspace, settings, exchange, registry)

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
        """Start a run. The same (job, key) returns the run that was started with it.

        Runs of the job and provider that were killed are closed first.
        """
        if PLANS[job].per_provider:
            self.settings.provider(provider or "")
        self._must_remember()
        started = self.exchange.clock.now()
        run_id = f"{started:%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}"
        run = Run(run_id, job, provider, actor, started, dry_run, order or None, batch or None)
        with self.registry.transaction() as tx:
            run = tx.runs.begin(run, key or run_id, self.exchange.owner)
        self._close_interrupted(run, key or run_id)
        return run

    def _must_remember(self) -> None:
        """Raises RegistryBehindAnchor for a registry that has forgotten what was noted outside it."""
        anchor = AuditAnchor(self.workspace.audit_anchor)
        if torn := anchor.mend():
            with self.registry.transaction() as tx:
                tx.audit.append(
                    actor="muster",
                    action="anchor mended",
                    subject="audit-anchor",
                    now=self.exchange.clock.now(),
                    facts={"torn_bytes": torn},
                )
        anchored = anchor.anchored()  # before the registry is looked at, which only grows
        with self.registry.view() as tx:
            lacking = forgotten(anchored, tx)
        if lacking:
            raise RegistryBehindAnchor("the registry has forgotten what it once said: " + "; ".join(lacking))

    def _close_interrupted(self, run: Run, key: str) -> None:
        with self.registry.view() as tx:
            unfinished = tx.runs.unfinished(run.job, run.provider)
        for found in unfinished:
            if found.run.id == run.id:
                continue
            if found.is_over(schedule_of(key), self.exchange.clock.now(), self.exchange.is_dead):
                with self.registry.view() as tx:
                    steps = [step for step, _ in tx.runs.steps_of(found.run.id)]
                self._keep(close_interrupted(self.exchange, found.run, steps, run.id))

    def anything_waits(self, job: Job) -> bool:
        """The cheap question before a run (`jobs.catalogue.JobPlan`)."""
        return PLANS[job].anything_waits(self.exchange)

    def step(self, run_id: str, name: str) -> Step:
        """Do one step of a run (`jobs.catalogue`) and record what it did, also when it fails."""
        self._must_remember()
        with self.registry.view() as tx:
            run = tx.runs.get(run_id)
        position = STEPS[run.job].index(name)
        plan = PLANS[run.job].steps[position]
        try:
            work = plan.load()(self.exchange, run)
        except OSError as error:
            known = system_error(error)
            self._record_failure(run, position, name, str(known))
            raise known from error
        except Exception as error:
            known_as = (
                str(error) if isinstance(error, MusterError) else f"unexpected {type(error).__name__}; see the log"
            )
            self._record_failure(run, position, name, known_as)
            raise
        step = work.step(plan.idle)
        self.record(run, position, step, work)
        return step

    def close(self, run_id: str) -> Closed:
        """Close the run: validate, prove the conservation, keep the report in the registry, then lay down what it can
        of page and anchor. Raises NotConserved after that.
        """
        with self.registry.view() as tx:
            run = tx.runs.get(run_id)
            recorded = tx.runs.steps_of(run_id)
        steps = [(step, [_VALIDATION.validate_python(item) for item in listed]) for step, listed in recorded]
        report = close_run(self.exchange, run, steps)
        path, later = self._keep(report)
        if not report.conservation.holds:
            broken = [check.name for check in report.conservation.checks if not check.holds]
            raise NotConserved("the count does not add up: " + "; ".join(broken), report=str(path))
        return Closed(report, path, later)

    def finish(self, run_id: str) -> tuple[RunReport, Path]:
        """`close`, where page and anchor are to be there at the end. Raises NotConserved, then ReportLater."""
        closed = self.close(run_id)
        if closed.later:
            what = f"the run is closed and recorded, but not yet written: {closed.later}"
            raise ReportLater(what, report=str(closed.path))
        return closed.report, closed.path

    def _keep(self, report: RunReport) -> tuple[Path, str]:
        """The run has ended: its report in the registry, then as a page, and the trail's end noted outside.

        Returns the page's place, and why page or note could not be written, which fails nothing.
        """
        with self.registry.transaction() as tx:
            tx.runs.end(report.run.id, report.run.status, report.ended_at, to_json(report))
            newest = tx.audit.head()
        # Crash window: the run is closed, its page not written; the next run that ends writes it.
        tasks = [partial(self._write_pages, report)]
        if newest is not None:
            tasks.append(partial(AuditAnchor(self.workspace.audit_anchor).keep, *newest, report.run.id))
        later = [error.what for task in tasks if (error := _failure_of(task)) is not None]
        return self._pages.path(report.run), "; ".join(later)

    def run(self, job: Job, **options: Any) -> tuple[RunReport, Path]:
        """A whole run without Airflow; see `begin` for the options and `carry_out` for its end."""
        return self.carry_out(self.begin(job, **options))

    def carry_out(self, run: Run, watch: Watch | None = None, first: int = 0) -> tuple[RunReport, Path]:
        """Every step of a run, and its report. What fails ends the run, and is raised when the report is written.

        `first`: the position of the step to begin with, where those before it are recorded already.
        """
        failure: Exception | None = None
        for name in STEPS[run.job][first:]:
            take = partial(self.step, run.id, name)
            try:
                watch(name, take) if watch else take()
            except Exception as error:
                failure = error
                break
        if failure is None:
            return self.finish(run.id)
        try:
            closed = self.close(run.id)
        except (Retry, Setup):  # the registry is away, too: the next run closes this one
            raise failure from None
        if isinstance(failure, MusterError):
            failure.facts["report"] = str(closed.path)
        raise failure

    def report(self, run_id: str) -> RunReport:
        """The report of a finished run, from the registry. Raises NotFound."""
        with self.registry.view() as tx:
            return _REPORT.validate_python(tx.runs.report_of(run_id))

    def report_html(self, report: RunReport) -> str:
        """The report page, rendered again, so that any host can show it."""
        return render_html(report, self.settings.organisation, self.settings.zone)

    def page(self, report: RunReport) -> Path:
        """The report's page, written if it is not there. Raises DiskFull, StorageFailed, PathUnusable."""
        return self._pages.path(report.run) if self._pages.has(report.run) else self._pages.write(report)

    def recent_runs(self, limit: int) -> list[Run]:
        """Newest first."""
        with self.registry.view() as tx:
            return tx.runs.recent(limit)

    def receive_answer(self, provider: str, message: bytes, actor: str) -> str:
        """`inboundDeviceEnrolment`: keep an answer, JSON in an OpenPGP message, for the next response run."""
        run = self.begin(Job.RESPONSE, provider=provider, actor=actor)
        try:
            digest = receive_answer(self.exchange, self.settings.provider(provider), message, run)
        except MusterError as error:
            self._record_failure(run, 0, "inbound_device_enrolment", str(error))
            self.close(run.id)
            raise
        self.record(run, 0, Step("inbound_device_enrolment", 1, "one answer received, the next response run loads it"))
        self.close(run.id)
        return digest

    def cancel_batch(self, number: str, actor: str, reason: str) -> int:
        """Cancel a sealed batch that was not sent; returns how many lines wait again."""
        return cancel_batch(self.exchange, number, actor, reason)

    def record(self, run: Run, position: int, step: Step, work: Work | None = None) -> None:
        """Store what a step did; of a dry run also what it could not store itself."""
        validations: list[Mapping[str, Any]] = []
        if work is not None and run.dry_run:
            validations = [
                _VALIDATION.dump_python(validate(item.schema, item.table, item.name)) for item in work.subjects
            ]
        with self.registry.transaction() as tx:
            tx.runs.record_step(run.id, position, step, validations=validations)
            for found in work.findings if work is not None and run.dry_run else ():
                tx.runs.add_findings(run.id, None, found.source, found.found)

    @property
    def _pages(self) -> ReportStore:
        return ReportStore(self.workspace.reports, self.settings.organisation, self.settings.zone)

    def _write_pages(self, report: RunReport) -> None:
        """This run's page, and those of the runs before it that could not be written."""
        self._pages.write(report)
        for run in self.recent_runs(_PAGES_LOOKED_FOR):
            if run.status is not RunStatus.RUNNING and not self._pages.has(run):
                self._pages.write(self.report(run.id))

    def _record_failure(self, run: Run, position: int, name: str, what: str) -> None:
        """Why the step failed is more than that it could not be recorded."""
        try:
            self.record(run, position, Step(name, 0, what, status=RunStatus.FAILED))
        except MusterError as error:
            log.warning("run %s: %s failed, which could not be recorded: %s", run.id, name, error.what)


@contextmanager
def _owner(workspace: Workspace) -> Iterator[LeaseOwner]:
    with on_disk("the folder of lease owners"):
        owner = LeaseOwner(workspace.owners)
    with closing(owner):
        yield owner


def _failure_of(task: Callable[[], object]) -> MusterError | None:
    try:
        task()
    except MusterError as error:
        log.warning("%s", error)
        return error
    return None


_VALIDATION = TypeAdapter(Validation)
_REPORT = TypeAdapter(RunReport)
