"""A dry run tells what a run would do; it writes nothing, sends nothing, fetches nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.job import Job
from jobs.providers import UnknownOutcomePolicy
from jobs.runs import RunReport
from tests.support.desk import Desk
from tests.support.forge import device
from tests.support.installation import order_row
from tests.support.orders import order_text


def archived(desk: Desk) -> set[Path]:
    return {path for path in desk.app.settings.archive.rglob("*") if path.is_file()}


def inbox(desk: Desk) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in desk.installation.workspace.inbox.iterdir()}


@contextmanager
def unchanged(desk: Desk) -> Iterator[None]:
    """Every row of every table but the run's own, the provider's folders, the archive and the inbox."""
    before = desk.dump(), desk.remote(), archived(desk), inbox(desk)
    yield
    assert (desk.dump(), desk.remote(), archived(desk), inbox(desk)) == before


def codes(report: RunReport) -> set[str]:
    return {finding.code for finding in report.findings}


def test_order_files(desk: Desk) -> None:
    rows = [order_row(10), order_row(11, imei="1"), order_row(90, customer_account="C-9")]
    desk.drop(order_text(rows), "orders.csv")
    desk.drop(b"\xff", "z-bad.csv")
    with unchanged(desk):
        report = desk.dispatch(dry_run=True)
    assert report.run.dry_run
    assert codes(report) == {"IMEI_INVALID", "CUSTOMER_UNKNOWN", "FILE_ENCODING"}
    assert (report.totals["rows passed"], report.totals["rows failed"]) == (1, 2)
    assert len(report.validations) == 1
    real = desk.dispatch()
    assert codes(real) == codes(report)
    assert real.totals == report.totals


def test_requests(desk: Desk) -> None:
    """Lines that wait, a sealed batch, and one in doubt."""
    desk.silence()
    desk.dispatch(order_row(20))
    desk.request()
    desk.plan('faults = ["fail_upload"]\n')
    desk.dispatch(order_row(30))
    run = desk.app.begin(Job.REQUEST, provider="acme", actor="tests")
    desk.app.step(run.id, "extract_to_generic_format")
    desk.silence()
    desk.dispatch(order_row(40), order_row(50))
    with desk.registry.transaction() as tx:
        (batch,) = tx.batches.in_states("acme", ("SEALED",))  # type: ignore[arg-type]
        tx.batches.move(batch.id, batch.state, type(batch.state)("SENDING"))
    resend = {"on_unknown_outcome": UnknownOutcomePolicy.RESEND, "removes_duplicates_by_batch": True}
    with unchanged(desk), desk.configured(**resend):
        report = desk.request(dry_run=True)
    assert report.totals["batches to seal"] == 1
    assert report.totals["lines to seal"] == 2
    assert [validation.rows for validation in report.validations] == [2]
    with unchanged(desk):
        assert desk.request(dry_run=True, order=order_row(40)["order_number"]).totals["lines to seal"] == 1
    assert desk.request().totals["batches held"] == 1


def test_answers(desk: Desk) -> None:
    """One that waits at the provider's, one that is collected and good, one that is collected and bad."""
    row = order_row(60)
    batch = desk.batch(row)
    enrolled = device(row["order_number"], row["serial_number"], "ENROLLED", "COMPLETE")
    desk.forge.answer(batch, enrolled)
    desk.forge.put(b"no message", "bad.pgp")
    with unchanged(desk):
        report = desk.response(dry_run=True)
    assert "2 answer files wait" in report.steps[0].message
    run = desk.app.begin(Job.RESPONSE, provider="acme", actor="tests")
    desk.app.step(run.id, "device_enrolment_adaptor")
    with unchanged(desk):
        report = desk.response(dry_run=True)
    assert report.totals["files loaded"] == 1
    assert report.totals["files set aside"] == 1
    desk.app.step(run.id, "load_from_generic_format")
    with unchanged(desk):
        report = desk.response(dry_run=True)
    assert report.totals["lines applied"] == 1
    desk.app.step(run.id, "device_enrolment_response")
    assert desk.states(row["serial_number"]) == ["ENROLLED"]
