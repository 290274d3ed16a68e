"""What the DAG files share: the settings, and how a job becomes a DAG.

A task is one call of the application; only the run's id travels between tasks. The application is imported
inside the tasks: it is heavy, and Airflow reads these files every half minute.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import (
    DAG,
    BaseOperator,
    BaseOperatorLink,
    Context,
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    TaskInstanceState,
    TriggerRule,
    XComArg,
    task,
)
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from muster_airflow import airflow_connection, report_url

from adapters.providers import KINDS
from adapters.settings import Settings, Workspace, load
from formats.enrolment import BATCH_NUMBER_LENGTH, ORDER_NUMBER_LENGTH
from jobs.catalogue import PLANS, STEPS
from jobs.errors import ConfigurationFaulty, Retry
from jobs.job import Job
from jobs.providers import Provider
from jobs.runs import RunStatus

if TYPE_CHECKING:
    from app.bootstrap import Muster

log = logging.getLogger("muster.dags")

BEGIN = "begin_run"
REPORT = "write_report"
LOOK = "look"
_FAILED = (TaskInstanceState.FAILED, TaskInstanceState.UPSTREAM_FAILED)

DAGRUN_TIMEOUT = timedelta(hours=2)
EXECUTION_TIMEOUT = timedelta(hours=1)
"""Of one try of a task. It ends what nothing else bounds, and leaves the run time for another try and its report."""

RETRY_WHAT_CAN_HEAL = ExceptionRetryPolicy(
    rules=[
        RetryRule(exception=Retry, action=RetryAction.RETRY),
        RetryRule(exception=Exception, action=RetryAction.FAIL),
    ]
)
"""A dead worker raises nothing and is retried, too: every step begins where the registry says it stands."""


def settings() -> Settings:
    """The workspace's settings. A faulty configuration becomes the DAG file's import error, fault by fault."""
    try:
        return load(Workspace.find(), KINDS)
    except ConfigurationFaulty as error:
        faults = error.facts["faults"]
        listed = "\n".join(f"  * {fault}" for fault in faults) if isinstance(faults, list) else ""
        raise ConfigurationFaulty(f"{error.what}\n{listed}\n") from None


def provider_dags(job: Job, doc: str, schedule: Callable[[Provider], str | None]) -> list[DAG]:
    """The job's DAG of every enabled provider."""
    return [job_dag(job, doc, schedule(provider), provider) for provider in settings().providers if provider.enabled]


def job_dag(job: Job, doc: str, schedule: str | None, provider: Provider | None = None) -> DAG:
    """`begin_run`, the job's steps one after the other, and `write_report` whatever became of them.

    `doc` is the operators' page; its first line describes the DAG in lists. `schedule` is cron in UTC.
    """
    title = PLANS[job].title
    with DAG(
        job.value if provider is None else f"{job.value}.{provider.name}",
        dag_display_name=title if provider is None else f"{title} - {provider.label}",
        description=doc.strip().splitlines()[0],
        doc_md=doc if provider is None else f"**Provider: {provider.label}** (`{provider.name}`)\n\n{doc}",
        schedule=schedule,
        start_date=datetime(2025, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=DAGRUN_TIMEOUT,
        tags=_tags(job, provider),
        params=_form(job),
        default_args=_task_defaults(provider),
    ) as dag:
        run: Any = begin_run(job.value, None if provider is None else provider.name)
        if PLANS[job].look:
            look_first(job.value) >> run
        report = WriteReport(task_id=REPORT, run=run, trigger_rule=TriggerRule.ALL_DONE)
        before: Any = run
        for name in STEPS[job]:
            # none_failed: a step with nothing to do is skipped, and the next one has its own work
            step = take_step.override(task_id=name, trigger_rule=TriggerRule.NONE_FAILED)(run, name)
            before >> step >> report
            before = step
    return dag


@task.short_circuit(task_id=LOOK, ignore_downstream_trigger_rules=True)
def look_first(job: str, params: Any = None) -> bool:
    """Whether there is anything to do; if not, the DAG run ends here and leaves no run of ours."""
    with _application() as app:
        waits = bool(params["dry_run"]) or app.anything_waits(Job(job))
    log.info("Something waits" if waits else "Nothing waits: skipped")
    return waits


@task(task_id=BEGIN)
def begin_run(job: str, provider: str | None, params: Any = None, dag_run: Any = None) -> str:
    """Begin our run for this DAG run, or find it again after a retry; returns its id."""
    actor = dag_run.triggering_user_name or "airflow"
    log.info("Begin %s%s for %s", job, f" with {provider}" if provider else "", actor)
    with _application() as app:
        run = app.begin(
            Job(job),
            provider=provider,
            actor=actor,
            dry_run=params["dry_run"],
            order=params.get("order"),
            batch=params.get("batch"),
            key=f"{dag_run.dag_id}/{dag_run.run_id}",  # two DAGs of one schedule have equal run ids
        )
    log.info("Run %s begun%s", run.id, ": a dry run, nothing is written or sent" if run.dry_run else "")
    return run.id


@task
def take_step(run: str, name: str) -> None:
    """One step of the run. Nothing to do is shown as skipped, with the reason."""
    log.info("Step %s of run %s", name, run)
    with _application() as app:
        step = app.step(run, name)
    if step.done == 0:
        log.info("%s: skipped", step.message)
        raise AirflowSkipException(step.message)
    log.info("%s", step.message)


class ReportLink(BaseOperatorLink):
    """The button on the report task that opens the run report."""

    name = "Validation report"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        run = BaseXCom.get_one(key="return_value", task_id=BEGIN, dag_id=ti_key.dag_id, run_id=ti_key.run_id)
        return report_url(run) if run else ""


class WriteReport(BaseOperator):
    """Writes the run report, then fails if a step did: the last task decides the colour of the DAG run."""

    template_fields = ("run",)
    operator_extra_links = (ReportLink(),)
    ui_color = "#e8f0fe"

    def __init__(self, *, run: XComArg, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run: Any = run  # in `execute` the id itself

    def execute(self, context: Context) -> None:
        log.info("Report of run %s", self.run)
        if not self.run:
            raise AirflowFailException(f"{BEGIN} failed, so there is no run to report on: see its log")
        with _application() as app:
            report, _ = app.finish(self.run)
        log.info("Run %s: %s (%s)", report.run.id, report.run.status, _counts(report.totals))
        failed = self._failed_steps(context)
        if failed or report.run.status is RunStatus.FAILED:
            raise AirflowFailException(f"The report is written; the run failed in: {', '.join(failed) or 'a step'}")

    def _failed_steps(self, context: Context) -> list[str]:
        run_id = context["run_id"]
        states = context["ti"].get_task_states(
            dag_id=self.dag_id, task_ids=sorted(self.upstream_task_ids), run_ids=[run_id]
        )
        return sorted(name for name, state in states.get(run_id, {}).items() if state == TaskInstanceState.FAILED)


@contextmanager
def _application() -> Iterator[Muster]:
    from app.bootstrap import Muster

    with Muster.open(connections=airflow_connection) as app:
        yield app


def _tags(job: Job, provider: Provider | None) -> list[str]:
    return ["muster", PLANS[job].tag] + ([] if provider is None else [f"provider:{provider.name}"])


def _task_defaults(provider: Provider | None) -> dict[str, object]:
    defaults: dict[str, object] = {
        "owner": "muster",
        "execution_timeout": EXECUTION_TIMEOUT,
        "retries": 4,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=10),
        "retry_policy": RETRY_WHAT_CAN_HEAL,
    }
    return defaults if provider is None else defaults | {"pool": provider.pool}


def _form(job: Job) -> dict[str, Param]:
    """What can be chosen when the DAG is triggered by hand."""
    form = {
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Do everything but write and send: the report shows what a real run would do.",
        )
    }
    if PLANS[job].per_provider:
        form["order"] = _narrow("Only this order", "Order number. Leave empty for all orders.", ORDER_NUMBER_LENGTH)
        form["batch"] = _narrow(
            "Only this batch", "Batch number, such as ACME-000042. Leave empty for all batches.", BATCH_NUMBER_LENGTH
        )
    return form


def _narrow(title: str, description: str, length: int) -> Param:
    return Param(None, type=["null", "string"], minLength=1, maxLength=length, title=title, description=description)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items())
