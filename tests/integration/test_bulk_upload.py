"""Workbooks dropped, applied and answered, with everything real: files, reader, registry, archive, reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest

from app.bootstrap import Muster
from formats.templates import template
from jobs.runs import RunStatus
from jobs.upload import Counts, UploadState
from jobs.uploads.decisions import commit_upload, discard_upload
from tests.support.desk import Desk, desk  # noqa: F401  (a fixture)
from tests.support.installation import order_row
from tests.support.uploads import ADA, UploadDesk, filled, location, product, read_back

NUMBERS = count(1000)


@pytest.fixture
def uploads(desk: Desk) -> UploadDesk:  # noqa: F811
    return UploadDesk(desk)


@pytest.fixture
def configured(uploads: UploadDesk) -> Iterator[UploadDesk]:
    """The desk may change its upload rules in one test."""
    usual = uploads.desk.app
    yield uploads
    uploads.desk.app = usual


def set_rules(uploads: UploadDesk, **values: object) -> None:
    app = uploads.desk.app
    rules = replace(app.exchange.uploads.rules, **values)  # type: ignore[arg-type]
    exchange = replace(app.exchange, uploads=replace(app.exchange.uploads, rules=rules))
    uploads.desk.app = Muster(app.workspace, app.settings, exchange, app.registry)


def test_good_rows_are_applied_bad_ones_come_back(uploads: UploadDesk) -> None:
    first, second = f"City {next(NUMBERS)}", f"City {next(NUMBERS)}"
    upload = uploads.upload("locations", location(first), location(second, latitude="95"), location(""))
    assert (upload.state, upload.counts) == (UploadState.COMPLETED, Counts(new=1, failed=2))
    assert {code for _, _, code in uploads.findings(upload)} >= {"CELL_EMPTY"}
    assert uploads.left("locations") == []
    rows = read_back(template("locations"), uploads.answer(upload))
    assert [row["Result"] for row in rows if row["Result"]][-3:] == ["Passed: new", "Failed", "Failed"]
    failed = read_back(template("locations"), uploads.answer(upload, kind="failed"))
    assert [row["City *"] for row in failed] == [second, ""]


def test_a_corrected_failed_workbook_goes_through(uploads: UploadDesk) -> None:
    city = f"City {next(NUMBERS)}"
    upload = uploads.upload("locations", location(city, latitude="north"))
    assert upload.counts.failed == 1
    data = uploads.answer(upload, kind="failed")
    from io import BytesIO

    from openpyxl import load_workbook

    workbook = load_workbook(BytesIO(data))
    sheet = workbook["Locations"]
    column = [cell.value for cell in sheet[1]].index("Latitude") + 1
    (row,) = [cell.row for cell in sheet["A"] if cell.value == city]
    sheet.cell(row, column).value = "12.97"
    stream = BytesIO()
    workbook.save(stream)
    uploads.drop("locations", stream.getvalue(), "again.xlsx")
    uploads.run()
    assert uploads.newest().counts == Counts(new=1)


def test_the_same_rows_again_change_nothing(uploads: UploadDesk) -> None:
    rows = [location(f"City {next(NUMBERS)}") for _ in range(3)]
    assert uploads.upload("locations", *rows).counts == Counts(new=3)
    before = uploads.desk.dump()
    again = uploads.upload("locations", *rows, file="other.xlsx")
    assert again.same_as is not None or again.counts == Counts(unchanged=3)
    changed = {name for name, content in uploads.desk.dump().items() if content != before[name]}
    assert changed <= {"bulk_uploads", "upload_rows", "upload_findings", "files", "deliveries", "audit"}


def test_the_identical_file_is_recognised(uploads: UploadDesk) -> None:
    data = filled("locations", location(f"City {next(NUMBERS)}"), location(""))
    uploads.drop("locations", data)
    uploads.run()
    first = uploads.newest()
    uploads.drop("locations", data, "copy.xlsx")
    report = uploads.run()
    again = uploads.newest()
    assert again.same_as == first.id
    assert (again.state, again.counts) == (UploadState.COMPLETED, Counts(unchanged=1, failed=1))
    assert report.totals["uploads known already"] == 1
    assert str(first.id) in again.reason
    assert uploads.answer(again)


def test_a_wrong_heading_refuses_the_file_before_any_row(uploads: UploadDesk) -> None:
    from io import BytesIO

    from openpyxl import load_workbook

    workbook = load_workbook(BytesIO(filled("locations", location(f"City {next(NUMBERS)}"))))
    workbook["Locations"]["A1"] = "Town *"
    stream = BytesIO()
    workbook.save(stream)
    uploads.drop("locations", stream.getvalue())
    report = uploads.run()
    upload = uploads.newest()
    assert (upload.state, upload.counts) == (UploadState.FAILED, Counts())
    assert [code for _, _, code in uploads.findings(upload)] == ["HEADING_RENAMED"]
    assert uploads.answer(upload, "failed")
    assert report.run.status is RunStatus.PARTLY
    with uploads.desk.registry.view() as tx:
        assert "book.xlsx" in {item["name"] for item in tx.files.held()}


def test_no_workbook_at_all_gets_an_answer_too(uploads: UploadDesk) -> None:
    uploads.drop("locations", f"<html>{next(NUMBERS)}".encode(), "places.xls")
    uploads.run()
    upload = uploads.newest()
    assert upload.state is UploadState.FAILED
    assert [code for _, _, code in uploads.findings(upload)] == ["WORKBOOK_NOT_XLSX"]
    assert uploads.left("locations") == []
    assert uploads.answer(upload, "failed")


def test_a_dry_run_counts_and_changes_nothing(uploads: UploadDesk) -> None:
    uploads.drop("locations", filled("locations", location(f"City {next(NUMBERS)}"), location("")))
    before = uploads.desk.dump()
    report = uploads.run(dry_run=True)
    assert (report.totals["new"], report.totals["rows failed"]) == (1, 1)
    assert {item.code for item in report.findings} == {"CELL_EMPTY"}
    assert uploads.desk.dump() == before
    assert uploads.left("locations") == ["book.xlsx"]
    uploads.run()
    assert uploads.newest().counts == Counts(new=1, failed=1)


def test_too_many_bad_rows_wait_for_a_decision(configured: UploadDesk) -> None:
    set_rules(configured, max_failed_percent=20)
    city = f"City {next(NUMBERS)}"
    held = configured.upload("locations", location(city), location(""))
    assert (held.state, held.counts) == (UploadState.HELD, Counts(new=1, failed=1))
    with configured.desk.registry.view() as tx:
        assert city not in tx.records.offers("locations")
    committed = commit_upload(configured.desk.app.exchange, held.id, "boss@example.com", "known to be so")
    assert committed.updated_by == "boss@example.com"
    configured.run()
    done = configured.newest()
    assert (done.id, done.state, done.counts) == (held.id, UploadState.COMPLETED, Counts(new=1, failed=1))
    assert done.updated_by == "boss@example.com"


def test_a_discarded_upload_is_closed_with_its_reason(configured: UploadDesk) -> None:
    set_rules(configured, commit=False)
    city = f"City {next(NUMBERS)}"
    held = configured.upload("locations", location(city))
    assert held.state is UploadState.HELD
    discard_upload(configured.desk.app.exchange, held.id, "boss@example.com", "wrong month")
    configured.run()
    closed = configured.newest()
    assert (closed.state, closed.reason, closed.counts) == (UploadState.FAILED, "wrong month", Counts())
    with configured.desk.registry.view() as tx:
        assert city not in tx.records.offers("locations")
    assert configured.answer(closed, "failed")


def test_chunks_make_no_difference(configured: UploadDesk) -> None:
    set_rules(configured, chunk_rows=2)
    rows = [location(f"City {next(NUMBERS)}") for _ in range(5)]
    upload = configured.upload("locations", *rows, location(""))
    assert (upload.counts, upload.rows_done) == (Counts(new=5, failed=1), 6)
    with configured.desk.registry.view() as tx:
        assert tx.uploads.effects(upload.id)["effect"].to_pylist() == ["NEW"] * 5 + ["FAILED"]


def test_an_uploader_of_one_customer_cannot_touch_another_s_rows(configured: UploadDesk) -> None:
    uploads = configured
    mine, other = next(NUMBERS), next(NUMBERS)
    owned = uploads.upload(
        "product_registration",
        product(mine, customer_name="Example Schools"),
        product(other, customer_name="Example Clinics"),
    )
    assert owned.counts == Counts(new=2)
    ben = "ben@example.com"
    with uploads.desk.registry.transaction() as tx:
        tx.uploads.set_uploader(ben, "C-1")
        tx.uploads.set_uploader(ADA, None)
    rows = [
        {"vin": f"MVH{number:06d}", "vcu_id": f"CEH0{number:06d}", "registration_number": f"KA-{number}"}
        for number in (mine, other)
    ]
    upload = uploads.upload("product_data_update", *rows, uploader=ben)
    assert upload.counts == Counts(changed=1, failed=1)
    assert [code for _, _, code in uploads.findings(upload)] == ["SCOPE_FORBIDDEN"]
    taken = uploads.upload(
        "product_data_update",
        {"vin": f"MVH{mine:06d}", "vcu_id": f"CEH0{mine:06d}", "bms_id": f"BMS{other:06d}"},
        uploader=ben,
    )
    assert [code for _, _, code in uploads.findings(taken)] == ["SCOPE_FORBIDDEN", "BATTERY_IN_USE"]
    with uploads.desk.registry.view() as tx:
        assert f"MVH{other:06d}" not in str(tx.uploads.findings(taken.id).to_pylist())
    closed = uploads.upload("locations", location(f"City {next(NUMBERS)}"), uploader=ben)
    assert closed.state is UploadState.FAILED
    assert [code for _, _, code in uploads.findings(closed)] == ["SCOPE_TEMPLATE"]
    stranger = uploads.upload("locations", location(f"City {next(NUMBERS)}"), uploader="eve@example.com")
    assert [code for _, _, code in uploads.findings(stranger)] == ["UPLOADER_UNKNOWN"]


def test_orders_from_a_workbook_are_enrolled(uploads: UploadDesk) -> None:
    desk = uploads.desk  # noqa: F811
    desk.plan()
    number = next(desk.numbers)
    given = order_row(number)
    row = {
        "order_number": given["order_number"],
        "order_date": "2026-03-01",
        "customer_account": "C-1",
        "provider": "acme",
        "delivery_number": given["delivery_number"],
        "ship_date": "2026-03-02",
        "serial_number": given["serial_number"],
    }
    with desk.registry.transaction() as tx:
        tx.uploads.set_uploader(ADA, None)
    upload = uploads.upload("enrolment_order", row, row | {"customer_account": "C-404", "serial_number": "SN-X1"})
    assert upload.counts == Counts(new=1, failed=1), uploads.findings(upload)
    assert desk.states(given["serial_number"]) == ["WAITING"]
    again = uploads.upload("enrolment_order", row, file="again.xlsx")
    assert again.counts == Counts(unchanged=1)
    desk.exchange()
    assert desk.states(given["serial_number"]) == ["ENROLLED"]
    back = uploads.upload(
        "device_return",
        {"order_number": f"RE-{number}", "order_date": "2026-04-01", "serial_number": given["serial_number"]},
        {"order_number": f"RE-{number}", "order_date": "2026-04-01", "serial_number": "SN-NEVER"},
    )
    assert back.counts == Counts(new=1, failed=1), uploads.findings(back)
    desk.exchange()
    assert desk.held_by(given["serial_number"])[0] == "UNENROLLED"


def test_a_vehicle_is_found_by_any_of_its_parts(uploads: UploadDesk) -> None:
    number = next(NUMBERS)
    with uploads.desk.registry.transaction() as tx:
        tx.uploads.set_uploader(ADA, None)
    uploads.upload("product_registration", product(number, customer_name="Example Schools"))
    with uploads.desk.registry.view() as tx:
        for part in (f"MVH{number:06d}", f"CEH0{number:06d}", f"BMS{number:06d}"):
            (vehicle,) = tx.queries.find_vehicles([part])
            assert (vehicle["vin"], vehicle["customer_name"]) == (f"MVH{number:06d}", "Example Schools")


def test_every_upload_has_a_validation_in_its_report(uploads: UploadDesk) -> None:
    uploads.drop("locations", filled("locations", location(f"City {next(NUMBERS)}"), location("")))
    report = uploads.run()
    assert [item.suite for item in report.validations] == ["locations"]
    assert report.files[0].name == "book.xlsx"
    assert report.conservation.holds


def test_a_file_whose_like_is_held_waits_for_that_decision(configured: UploadDesk) -> None:
    set_rules(configured, commit=False)
    data = filled("locations", location(f"City {next(NUMBERS)}"))
    configured.drop("locations", data)
    configured.run()
    held = configured.newest()
    configured.drop("locations", data, "copy.xlsx")
    configured.run()
    copy = configured.newest()
    assert (held.state, copy.state) == (UploadState.HELD, UploadState.FAILED)
    assert [code for _, _, code in configured.findings(copy)] == ["UPLOAD_WAITS"]
    commit_upload(configured.desk.app.exchange, held.id, "boss@example.com", "checked")
    configured.run()
    with configured.desk.registry.view() as tx:
        assert tx.uploads.get(held.id).counts == Counts(new=1)
        assert held.file_id not in {item["id"] for item in tx.files.held()}


def test_a_discarded_file_may_be_sent_again(configured: UploadDesk) -> None:
    set_rules(configured, commit=False)
    data = filled("locations", location(f"City {next(NUMBERS)}"))
    configured.drop("locations", data)
    configured.run()
    discard_upload(configured.desk.app.exchange, configured.newest().id, "boss@example.com", "not yet")
    set_rules(configured, commit=True)
    configured.drop("locations", data)
    configured.run()
    assert (configured.newest().state, configured.newest().counts) == (UploadState.COMPLETED, Counts(new=1))


def test_a_stranger_learns_nothing_of_a_file_that_was_applied(uploads: UploadDesk) -> None:
    with uploads.desk.registry.transaction() as tx:
        tx.uploads.set_uploader(ADA, None)
    data = filled("locations", location(f"City {next(NUMBERS)}"))
    uploads.drop("locations", data)
    uploads.run()
    applied = uploads.newest()
    uploads.drop("locations", data, uploader="eve@example.com")
    uploads.run()
    refused = uploads.newest()
    assert (refused.state, refused.counts) == (UploadState.FAILED, Counts())
    with uploads.desk.registry.view() as tx:
        assert tx.uploads.get(applied.id).counts == Counts(new=1)
        assert tx.files.get(applied.file_id).state == "DONE"
