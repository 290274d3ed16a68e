"""A killed run is closed by the next run of its job and provider, with a status and a report that say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs.job import Job
from jobs.runs import LONGEST_RUN, Run, RunStatus, Step, Unfinished
from tests.support.desk import Desk

NOW = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
DAG = "device_enrolment_request.acme"
OTHER = "order_dispatch"
HERE = "host:1:alive"


def over(key: str, owner: str | None, by: str = "", age: timedelta = timedelta(minutes=1)) -> bool:
    run = Run("R-1", Job.REQUEST, "acme", "tests", NOW - age)
    return Unfinished(run, key, owner).is_over(by, NOW, lambda owner: owner == "dead")


@pytest.mark.parametrize(
    ("expected", "key", "owner", "by"),
    [
        (True, "R-1", "dead", ""),
        (True, "R-1", "dead", DAG),
        (False, "R-1", HERE, ""),
        (False, "R-1", None, ""),
        (True, f"{DAG}/manual__2026", HERE, DAG),  # a DAG has one run at a time
        (False, f"{DAG}/manual__2026", "dead", ""),  # its tasks are processes of their own
        (False, f"{DAG}/manual__2026", "dead", OTHER),
    ],
)
def test_which_runs_can_end_no_more(expected: bool, key: str, owner: str | None, by: str) -> None:
    assert over(key, owner, by) is expected
    assert over(key, owner, by, LONGEST_RUN + timedelta(seconds=1))


def begun(desk: Desk, name: str, owner: str, provider: str | None = "acme", job: Job = Job.REQUEST) -> str:
    run = Run(name, job, provider, "tests", desk.app.exchange.clock.now())
    with desk.registry.transaction() as tx:
        tx.runs.begin(run, name, owner)
        tx.runs.record_step(name, 0, Step("settle_uncertain", 0, "no batch is in doubt"))
    return name


def status(desk: Desk, run_id: str) -> RunStatus:
    with desk.registry.view() as tx:
        return tx.runs.get(run_id).status


def test_the_next_run_closes_what_is_dead(desk: Desk) -> None:
    ours = desk.app.exchange.owner
    dead = ours.replace(f":{ours.split(':')[3]}:", ":1:", 1)
    killed = begun(desk, "R-killed", dead)
    elsewhere = begun(desk, "R-other-job", dead, None, Job.ORDER_DISPATCH)
    alive = begun(desk, "R-alive", ours)
    report = desk.request()
    assert report.run.status is RunStatus.NOTHING
    assert [status(desk, name) for name in (killed, elsewhere, alive)] == ["interrupted", "running", "running"]
    closed = desk.app.report(killed)
    assert closed.run.status is RunStatus.INTERRUPTED
    assert [step.name for step in closed.steps] == ["settle_uncertain", "interrupted"]
    assert report.run.id in closed.steps[-1].message
    assert closed.conservation.holds
    assert list(desk.installation.workspace.reports.glob(f"*/*-{killed}.html"))
    assert "Interrupted" in desk.app.report_html(desk.app.report(killed))
    desk.dispatch()
    assert status(desk, elsewhere) is RunStatus.INTERRUPTED


def test_a_run_that_was_taken_for_dead_still_tells_its_end(desk: Desk) -> None:
    slow = begun(desk, "R-slow", "")
    with desk.registry.transaction() as tx:
        tx.runs.end(slow, RunStatus.INTERRUPTED, NOW, {})
    desk.app.finish(slow)
    assert status(desk, slow) is RunStatus.DONE
