"""The DAG bulk_upload over a real installation: what wakes it, what it leaves, and what its form offers."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.bootstrap import Muster
from app.loopback import free_port
from jobs.catalogue import STEPS
from jobs.job import Job
from jobs.runs import Run
from jobs.upload import Counts, Upload, UploadState
from jobs.uploads.decisions import commit_upload
from tests.dags.samples import workspace
from tests.support.desk import unvalidated
from tests.support.installation import Installation, make_installation
from tests.support.uploads import ADA, filled, location

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

DAG_ID = Job.BULK_UPLOAD.value
Ran = tuple[str, dict[str, str]]
NUMBERS = count(1)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return make_installation(tmp_path_factory.mktemp("dag") / "workspace", free_port())


@pytest.fixture(scope="module")
def bag(parse: Callable[[], DagBag]) -> DagBag:
    """Of our own: what a DAG is tested with stays in its parameters."""
    return parse()


@pytest.fixture
def folder(installation: Installation) -> Iterator[Path]:
    made = installation.workspace.uploads / "locations" / ADA
    made.mkdir(parents=True)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def run(bag: DagBag, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs the DAG in this process over the installation; gives its state and its tasks' states."""

    @contextmanager
    def application() -> Iterator[Muster]:
        with installation.open(validate=unvalidated) as app:
            yield app

    def test(conf: Mapping[str, object] | None = None) -> Ran:
        monkeypatch.setattr(importlib.import_module("_muster"), "_application", application)
        day = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=next(NUMBERS))  # a DAG run of its own
        done: Any = bag.dags[DAG_ID].test(run_conf={"dry_run": False, **(conf or {})}, logical_date=day)
        return str(done.state), {ti.task_id: str(ti.state) for ti in done.get_task_instances()}

    return test


def book(*extra: str) -> bytes:
    return filled("locations", *(location(city) for city in (f"Harbour {next(NUMBERS)}", *extra)))


def runs(installation: Installation) -> list[Run]:
    with installation.open() as app:
        return [item for item in app.recent_runs(1000) if item.job is Job.BULK_UPLOAD]


def newest(installation: Installation) -> Upload:
    with installation.open() as app, app.registry.view() as tx:
        return tx.uploads.history(1)[0]


def test_where_nothing_waits_neither_run_nor_report_is_left(
    run: Callable[..., Ran], installation: Installation
) -> None:
    before = len(runs(installation))
    state, tasks = run()
    assert state == "success"
    assert tasks == {
        "look": "success",
        **dict.fromkeys(("begin_run", *STEPS[Job.BULK_UPLOAD], "write_report"), "skipped"),
    }
    assert len(runs(installation)) == before
    assert list(installation.workspace.reports.rglob("bulk_upload-*")) == []


def test_a_dropped_workbook_is_applied_answered_and_reported(
    run: Callable[..., Ran], installation: Installation, folder: Path
) -> None:
    (folder / "sales.xlsx").write_bytes(book(""))
    state, tasks = run()
    assert (state, set(tasks.values())) == ("success", {"success"})
    upload = newest(installation)
    assert (upload.state, upload.counts) == (UploadState.COMPLETED, Counts(new=1, failed=1))
    assert sorted(path.name for path in folder.iterdir()) == ["done"]
    with installation.open() as app:
        (latest, *_) = runs(installation)
        report = app.report(latest.id)
        page = app.report_html(report)
    assert latest.actor == "dag_test"
    assert [(file.name, file.read, file.passed, file.failed) for file in report.files] == [("sales.xlsx", 2, 1, 1)]
    for name, number in {"files collected": 1, "rows read": 2, "new": 1, "rows failed": 1, "answers given": 1}.items():
        assert report.totals[name] == number
    for text in ("Bulk upload", "sales.xlsx", "CELL_EMPTY", "Collect uploads", "answers given", "partly failed"):
        assert text in page
    assert run()[1]["begin_run"] == "skipped"  # the answer wakes nobody


def test_the_dry_run_of_the_form_leaves_everything_where_it_is(
    run: Callable[..., Ran], installation: Installation, folder: Path
) -> None:
    (folder / "dry.xlsx").write_bytes(book(""))
    state, tasks = run({"dry_run": True})
    assert state == "success"
    assert tasks["answer_uploads"] == "skipped"
    assert tasks["apply_uploads"] == tasks["write_report"] == "success"
    (latest, *_) = runs(installation)
    assert latest.dry_run
    assert [path.name for path in folder.iterdir()] == ["dry.xlsx"]
    with installation.open() as app:
        report = app.report(latest.id)
    assert (report.totals["files waiting"], report.totals["new"], report.totals["rows failed"]) == (1, 1, 1)


def test_a_dry_run_that_is_asked_for_runs_where_nothing_waits(run: Callable[..., Ran]) -> None:
    assert run({"dry_run": True})[1]["write_report"] == "success"


def test_a_decision_wakes_it(run: Callable[..., Ran], installation: Installation, folder: Path) -> None:
    config = installation.workspace.config
    usual = config.read_text(encoding="utf-8")
    config.write_text(usual.replace("[uploads]\n", "[uploads]\ncommit = false\n", 1), encoding="utf-8")
    try:
        (folder / "held.xlsx").write_bytes(book())
        run()
        held = newest(installation)
        assert held.state is UploadState.HELD
        assert run()[1]["begin_run"] == "skipped"  # it waits for a person, not for the DAG
        with installation.open() as app:
            commit_upload(app.exchange, held.id, "boss@example.com", "checked")
        run()
    finally:
        config.write_text(usual, encoding="utf-8")
    assert newest(installation).state is UploadState.COMPLETED


def test_what_it_cannot_take_is_said_once_and_the_run_stays_green(
    run: Callable[..., Ran], installation: Installation, folder: Path
) -> None:
    config = installation.workspace.config
    usual = config.read_text(encoding="utf-8")
    with installation.open() as app, app.registry.transaction() as tx:
        tx.runs._db.exec_driver_sql("UPDATE runs SET status = 'done'")  # what was said earlier is another story
    config.write_text(usual.replace("[uploads]\n", "[uploads]\nmax_file_bytes = 1000\n", 1), encoding="utf-8")
    try:
        (folder / "large.xlsx").write_bytes(bytes(1001))
        state, tasks = run()
        assert (state, tasks["collect_uploads"]) == ("success", "skipped")
        with installation.open() as app:
            report = app.report(runs(installation)[0].id)
        assert report.run.status == "partly failed"
        assert "large.xlsx stays where it is" in report.steps[0].message
        assert run()[1]["begin_run"] == "skipped"
    finally:
        config.write_text(usual, encoding="utf-8")


@pytest.mark.parametrize(("written", "schedule"), [("*/5 * * * *", "*/5 * * * *"), ("", None)])
def test_the_schedule_is_that_of_the_settings(
    parse: Callable[[], DagBag], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, schedule: str | None
) -> None:
    made = workspace(tmp_path, f'[uploads]\nschedule = "{written}"\n')
    monkeypatch.setenv("MUSTER_HOME", str(made.home))
    timetable: Any = parse().dags[DAG_ID].timetable
    assert (timetable.expression if schedule else timetable.can_be_scheduled) == (schedule or False)


def test_look_comes_first_and_reaches_over_the_report(dagbag: DagBag) -> None:
    look: Any = dagbag.dags[DAG_ID].get_task("look")
    assert look.downstream_task_ids == {"begin_run"}
    assert look.ignore_downstream_trigger_rules  # else the report, which runs whatever happened, would run
