"""What a DAG run does with what the application says: colours, retries, reports."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from jobs.errors import AnswerRefused, ChannelUnavailable, HostKeyRefused, MusterError, NotConserved, SecretMissing
from jobs.job import Job
from jobs.runs import RunStatus
from tests.dags.scripted import ScriptedApplication

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

REQUEST = "device_enrolment_request.acme"
Ran = tuple[str, dict[str, str]]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, dagbag: DagBag) -> ScriptedApplication:
    assert dagbag.dags
    scripted = ScriptedApplication()
    monkeypatch.setattr(importlib.import_module("_muster"), "_application", scripted.open)
    return scripted


@pytest.fixture
def run(dagbag: DagBag) -> Callable[..., Ran]:
    """Runs a DAG in this process; gives its state and its tasks' states."""

    def test(dag_id: str, conf: Mapping[str, object] | None = None) -> Ran:
        done: Any = dagbag.dags[dag_id].test(run_conf=dict(conf or {}))
        return str(done.state), {ti.task_id: str(ti.state) for ti in done.get_task_instances()}

    return test


def test_all_steps_then_the_report(app: ScriptedApplication, run: Callable[..., Ran]) -> None:
    state, tasks = run(REQUEST, {"dry_run": True, "order": "SO-1"})
    assert state == "success"
    assert set(tasks.values()) == {"success"}
    assert app.calls[0][:7] == ("begin", Job.REQUEST, "acme", "dag_test", True, "SO-1", None)
    assert app.calls[1:] == [
        ("step", "run-1", "settle_uncertain"),
        ("step", "run-1", "extract_to_generic_format"),
        ("step", "run-1", "device_enrolment_adaptor"),
        ("finish", "run-1"),
    ]


def test_runs_of_two_providers_with_one_schedule_have_different_keys(
    app: ScriptedApplication, run: Callable[..., Ran]
) -> None:
    run(REQUEST)
    key = str(app.calls[0][7])
    assert key.startswith(f"{REQUEST}/")
    assert len(key) > len(REQUEST) + 1


def test_nothing_to_do_is_skipped_and_the_next_step_still_runs(
    app: ScriptedApplication, run: Callable[..., Ran]
) -> None:
    app.steps = {"settle_uncertain": 0, "device_enrolment_adaptor": 0}
    state, tasks = run(REQUEST)
    assert state == "success"
    assert tasks["settle_uncertain"] == tasks["device_enrolment_adaptor"] == "skipped"
    assert tasks["extract_to_generic_format"] == tasks["write_report"] == "success"


def test_a_failed_step_makes_the_run_red_after_the_report_is_written(
    app: ScriptedApplication, run: Callable[..., Ran]
) -> None:
    app.steps = {"settle_uncertain": HostKeyRefused("Another host key")}
    state, tasks = run(REQUEST)
    assert state == "failed"
    assert tasks == {
        "begin_run": "success",
        "settle_uncertain": "failed",
        "extract_to_generic_format": "upstream_failed",
        "device_enrolment_adaptor": "upstream_failed",
        "write_report": "failed",
    }
    assert app.calls[-1] == ("finish", "run-1")


def test_a_run_the_report_calls_failed_is_red(app: ScriptedApplication, run: Callable[..., Ran]) -> None:
    app.status = RunStatus.FAILED
    assert run("order_dispatch")[0] == "failed"


def test_a_partly_failed_run_stays_green(app: ScriptedApplication, run: Callable[..., Ran]) -> None:
    app.status = RunStatus.PARTLY
    assert run("order_dispatch")[0] == "success"


def test_a_run_that_did_not_begin_is_red_and_reports_nothing(app: ScriptedApplication, run: Callable[..., Ran]) -> None:
    app.begin_error = SecretMissing("No registry password")
    state, tasks = run("order_dispatch")
    assert state == "failed"
    assert tasks["write_report"] == "failed"
    assert [call[0] for call in app.calls] == ["begin"]


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (ChannelUnavailable("No route"), "retry"),
        (AnswerRefused("Bad totals"), "fail"),
        (HostKeyRefused("Another key"), "fail"),
        (NotConserved("Two devices are missing"), "fail"),
        (ValueError("a mistake of ours"), "fail"),
    ],
)
def test_only_what_can_heal_is_retried(dagbag: DagBag, error: Exception, action: str) -> None:
    for dag in dagbag.dags.values():
        for task in dag.tasks:
            policy: Any = task.retry_policy
            assert policy.evaluate(error, try_number=1, max_tries=4).action.value == action


def test_a_connection_is_taken_from_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    muster_airflow = importlib.import_module("muster_airflow")
    monkeypatch.setenv(
        "AIRFLOW_CONN_ACME", '{"conn_type": "sftp", "login": "muster", "password": "s", "extra": {"private_key": "k"}}'
    )
    found = muster_airflow.airflow_connection("acme")
    assert (found.login, found.password.reveal(), found.private_key.reveal()) == ("muster", "s", "k")
    with pytest.raises(MusterError, match="SECRET_MISSING"):
        muster_airflow.airflow_connection("nobody")
