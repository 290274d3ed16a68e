"""The DAGs there are, and what an operator finds on their pages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.catalogue import PLANS, STEPS
from jobs.job import Job
from tests.dags.conftest import DAGS, ENVIRONMENT, PLUGINS, REPOSITORY
from tests.dags.samples import ACME, workspace

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

IDS = [
    "bulk_upload",
    "device_enrolment_request.acme",
    "device_enrolment_request.bolt",
    "device_enrolment_response.acme",
    "device_enrolment_response.bolt",
    "order_dispatch",
]
SCHEDULES = {
    "bulk_upload": "* * * * *",
    "device_enrolment_request.acme": "*/15 * * * *",
    "device_enrolment_request.bolt": "0 6 * * *",
    "device_enrolment_response.acme": "*/5 * * * *",
    "device_enrolment_response.bolt": None,
    "order_dispatch": "*/10 * * * *",
}


def test_every_dag_is_there_and_no_other(dagbag: DagBag) -> None:
    assert dagbag.import_errors == {}
    assert sorted(dagbag.dags) == IDS


def test_every_file_is_a_dag_file_or_ignored(dagbag: DagBag) -> None:
    ignored = (DAGS / ".airflowignore").read_text(encoding="utf-8").split()
    parsed = {Path(dag.fileloc).name for dag in dagbag.dags.values()}
    assert parsed | set(ignored) == {path.name for path in DAGS.glob("*.py")}


@pytest.mark.parametrize("dag_id", IDS)
class TestDag:
    def test_its_tasks_are_the_jobs_steps_between_begin_and_report(self, dagbag: DagBag, dag_id: str) -> None:
        steps = STEPS[Job(dag_id.partition(".")[0])]
        dag: Any = dagbag.dags[dag_id]
        ordered = [task.task_id for task in dag.topological_sort()]
        look = ["look"] if PLANS[Job(dag_id.partition(".")[0])].look else []
        assert ordered == [*look, "begin_run", *steps, "write_report"]

    def test_a_step_runs_unless_an_earlier_one_failed(self, dagbag: DagBag, dag_id: str) -> None:
        dag = dagbag.dags[dag_id]
        for name in STEPS[Job(dag_id.partition(".")[0])]:
            assert dag.get_task(name).trigger_rule == "none_failed"

    def test_the_report_is_written_whatever_happened(self, dagbag: DagBag, dag_id: str) -> None:
        report = dagbag.dags[dag_id].get_task("write_report")
        assert report.trigger_rule == "all_done"
        assert report.upstream_task_ids == {"begin_run", *STEPS[Job(dag_id.partition(".")[0])]}

    def test_one_run_at_a_time_and_nothing_is_caught_up(self, dagbag: DagBag, dag_id: str) -> None:
        dag = dagbag.dags[dag_id]
        assert (dag.max_active_runs, dag.catchup, dag.fail_fast) == (1, False, False)
        assert dag.dagrun_timeout == timedelta(hours=2)

    def test_every_task_ends_within_half_the_time_of_its_run(self, dagbag: DagBag, dag_id: str) -> None:
        """A task that hangs is ended, not only its run marked as failed; another try fits into the run."""
        dag = dagbag.dags[dag_id]
        assert {task.execution_timeout for task in dag.tasks} == {timedelta(hours=1)}

    def test_the_pool_is_the_providers(self, dagbag: DagBag, dag_id: str) -> None:
        _, _, provider = dag_id.partition(".")
        pools = {task.pool for task in dagbag.dags[dag_id].tasks}
        assert pools == {f"provider_{provider}" if provider else "default_pool"}

    def test_retries_back_off_to_a_cap(self, dagbag: DagBag, dag_id: str) -> None:
        for task in dagbag.dags[dag_id].tasks:
            assert task.retries == 4
            assert task.retry_exponential_backoff == 2.0
            assert task.retry_delay == timedelta(seconds=30)
            assert task.max_retry_delay == timedelta(minutes=10)

    def test_the_schedule_follows_the_configuration(self, dagbag: DagBag, dag_id: str) -> None:
        timetable: Any = dagbag.dags[dag_id].timetable
        if SCHEDULES[dag_id] is None:
            assert timetable.can_be_scheduled is False
        else:
            assert timetable.expression == SCHEDULES[dag_id]
            assert str(timetable.timezone) == "UTC"

    def test_its_page_helps_an_operator(self, dagbag: DagBag, dag_id: str) -> None:
        dag = dagbag.dags[dag_id]
        assert dag.doc_md is not None
        for part in ("**When:**", "**Reads:**", "**Does", "Skipped", "When it is red"):
            assert part in dag.doc_md
        for step in STEPS[Job(dag_id.partition(".")[0])]:
            assert f"`{step}`" in dag.doc_md
        assert dag.description
        assert len(dag.description) <= 120

    def test_it_is_found_by_its_tags(self, dagbag: DagBag, dag_id: str) -> None:
        _, _, provider = dag_id.partition(".")
        tags = dagbag.dags[dag_id].tags
        assert "muster" in tags
        assert {tag for tag in tags if tag.startswith("provider:")} == ({f"provider:{provider}"} if provider else set())

    def test_its_form_offers_a_dry_run_and_explains_each_field(self, dagbag: DagBag, dag_id: str) -> None:
        params = dagbag.dags[dag_id].params
        assert set(params) == ({"dry_run", "order", "batch"} if "." in dag_id else {"dry_run"})
        assert params["dry_run"] is False
        for name in params:
            schema = params.get_param(name).schema
            assert schema["title"]
            assert params.get_param(name).description

    def test_it_survives_serialisation(self, dagbag: DagBag, dag_id: str) -> None:
        from airflow.serialization.serialized_objects import DagSerialization

        stored = DagSerialization.to_dict(dagbag.dags[dag_id])
        DagSerialization.validate_schema(stored)
        again = DagSerialization.from_dict(stored)
        assert set(again.task_dict) == set(dagbag.dags[dag_id].task_dict)
        assert again.get_task("write_report").extra_links == ["Validation report"]


def test_the_providers_name_for_people_is_shown(dagbag: DagBag) -> None:
    assert dagbag.dags["device_enrolment_request.acme"].dag_display_name == "Device enrolment request - Acme Devices"
    assert "Acme Devices" in str(dagbag.dags["device_enrolment_request.acme"].doc_md)


def test_wrong_form_values_are_refused(dagbag: DagBag) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    params = dagbag.dags["device_enrolment_request.acme"].params
    for name, value in (("dry_run", "yes"), ("order", ""), ("order", "x" * 33), ("batch", "x" * 41), ("batch", 7)):
        with pytest.raises(ParamValidationError):
            params.get_param(name).resolve(value)
    assert params.get_param("order").resolve(None) is None
    assert params.get_param("batch").resolve("x" * 40) == "x" * 40


def test_a_faulty_configuration_is_the_import_error_fault_by_fault(
    parse: Callable[[], DagBag], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled = ACME.replace('kind = "generic"', 'kind = "generc"') + '\n[schedules]\nrequest = "never"\n'
    monkeypatch.setenv("MUSTER_HOME", str(workspace(tmp_path, "", acme=spoiled).home))
    bag = parse()
    assert bag.dags == {}
    assert len(bag.import_errors) == 4
    for text in bag.import_errors.values():
        assert "CONFIGURATION_FAULTY" in text
        assert "providers/acme.toml: kind is not a provider kind" in text
        assert "providers/acme.toml: schedules.request" in text


def test_without_providers_the_jobs_of_no_provider_are_left(
    parse: Callable[[], DagBag], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_HOME", str(workspace(tmp_path).home))
    bag = parse()
    assert bag.import_errors == {}
    assert sorted(bag.dags) == ["bulk_upload", "order_dispatch"]


PARSE = """
import socket, sys, time, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag

def refuse(*args, **kwargs):
    raise AssertionError("a DAG file uses the network")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
before = set(sys.modules)
bag = BundleDagBag(sys.argv[1], bundle_path=Path(sys.argv[1]), bundle_name="dags-folder")
assert not bag.import_errors, bag.import_errors
assert len(bag.dags) == 6, bag.dags
print("\\n".join(sorted(set(sys.modules) - before)))
"""
HEAVY = {
    "alembic", "asyncssh", "fastapi", "gnupg", "great_expectations", "jinja2", "numpy", "pandas",
    "paramiko", "pyarrow", "python_calamine", "rich", "sqlalchemy", "typer",
}  # fmt: skip


def test_parsing_needs_no_network_and_imports_nothing_heavy() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PARSE, str(DAGS)],
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": f"{REPOSITORY}:{PLUGINS}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    imported = {module.partition(".")[0] for module in run.stdout.split()}
    assert "jobs" in imported
    assert imported & HEAVY == set()
    assert "app.bootstrap" not in run.stdout.split()
