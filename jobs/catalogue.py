"""Every job there is: its title, its steps in order, and the use case behind each step.

DAG files read this every half minute, so a use case is named here, and imported only when its step is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from jobs.job import Job

if TYPE_CHECKING:
    from jobs.context import Exchange
    from jobs.runs import Run
    from jobs.work import Work


@dataclass(frozen=True)
class StepPlan:
    """One step: the use case as `module:function`, and the line to show when it had nothing to do."""

    name: str
    use_case: str
    idle: str = "nothing to do"

    def load(self) -> Callable[[Exchange, Run], Work]:
        """Import the use case."""
        use_case: Callable[[Exchange, Run], Work] = _imported(self.use_case)
        return use_case


@dataclass(frozen=True)
class JobPlan:
    """One job. `then` is what comes after it, `tag` its direction in Airflow's list of DAGs.

    `look` names a cheap question, whether anything waits at all: a job that is scheduled every minute asks
    it first, and leaves neither run nor report where the answer is no.
    """

    title: str
    tag: str
    then: str
    steps: tuple[StepPlan, ...]
    per_provider: bool = True
    look: str = ""

    def anything_waits(self, exchange: Exchange) -> bool:
        """Answer the question; a job without one always has something to do."""
        return not self.look or bool(_imported(self.look)(exchange))


def _imported(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)


PLANS: Mapping[Job, JobPlan] = {
    Job.ORDER_DISPATCH: JobPlan(
        "Order dispatch",
        "orders",
        f"muster run {Job.REQUEST}",
        (StepPlan("load_order_dispatch", "jobs.order_dispatch:load_order_dispatch", "no order file waits"),),
        per_provider=False,
    ),
    Job.REQUEST: JobPlan(
        "Device enrolment request",
        "outbound",
        f"muster run {Job.RESPONSE}, when the provider has answered",
        (
            StepPlan("settle_uncertain", "jobs.transmission:settle_uncertain", "no batch is in doubt"),
            StepPlan(
                "extract_to_generic_format",
                "jobs.request:extract_to_generic_format",
                "no order line waits for this provider",
            ),
            StepPlan("device_enrolment_adaptor", "jobs.transmission:device_enrolment_adaptor"),
        ),
    ),
    Job.RESPONSE: JobPlan(
        "Device enrolment response",
        "inbound",
        "muster status",
        (
            StepPlan("device_enrolment_adaptor", "jobs.collection:collect_answers"),
            StepPlan("load_from_generic_format", "jobs.loading:load_from_generic_format", "no collected answer waits"),
            StepPlan("device_enrolment_response", "jobs.response:device_enrolment_response", "no loaded answer waits"),
        ),
    ),
    Job.BULK_UPLOAD: JobPlan(
        "Bulk upload",
        "uploads",
        "muster uploads",
        (
            StepPlan("collect_uploads", "jobs.uploads.collection:collect_uploads", "no workbook waits"),
            StepPlan("apply_uploads", "jobs.uploads.applying:apply_uploads", "no upload is in progress"),
            StepPlan("answer_uploads", "jobs.uploads.answered_workbooks:answer_uploads", "no answer is due"),
        ),
        per_provider=False,
        look="jobs.uploads.collection:anything_waits",
    ),
}

STEPS: Mapping[Job, tuple[str, ...]] = {job: tuple(step.name for step in plan.steps) for job, plan in PLANS.items()}
"""Names of the steps of each job in order, after CMP's daemons; a run report closes every job."""
