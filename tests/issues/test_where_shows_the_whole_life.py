"""`muster where` knew a device's own instructions only.

That an override had left it out, that it stands in a register of DMP, Fleet Freedom or RemotEye, and that a row with it
was refused yesterday was nowhere: "No device has the identifier", said of an IMEI whose row had been refused for one
wrong digit in its order date. The registry keeps a digest of each identifier in a refused row, never the identifier.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import event, insert, select

from adapters.registry.business_tables import dmp_devices, fleet_freedom_providers, remoteye_registrations
from adapters.registry.tables import customers, refused_rows
from app.cli.device import spellings, traced
from app.loopback import free_port
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.traces import masked, trace, traces
from tests.support.desk import Desk
from tests.support.installation import make_installation, order_row
from tests.support.ledger import Ledger
from tests.support.machine import need
from tests.support.muster import CommandLine
from tests.support.orders import instruction, order_text
from tests.support.uploads import UploadDesk

IMEI, MAC = "356938035643809", "02:1A:2B:3C:4D:5F"


def refused(desk: Desk, identifier: str) -> list[tuple[str, int, str]]:
    with desk.registry.view() as tx:
        found = tx.queries.refusals(traced(spellings(identifier)))
    return [(item["file"], item["row"], item["code"]) for item in found]


def test_a_refused_row_is_found_by_each_of_its_identifiers_in_any_spelling(desk: Desk) -> None:
    first = next(desk.numbers)
    good, bad = (
        order_row(first),
        order_row(first + 1, imei=IMEI, mac=MAC, order_date="yesterday", serial_number="RE-7a"),
    )
    desk.plan()
    desk.drop(order_text([good, bad]), "with one bad row.csv")
    report = desk.dispatch()
    assert [found.code for found in report.findings] == ["CELL_DATE"]
    expected = [("with one bad row.csv", 3, "CELL_DATE")]
    for spelled in (
        IMEI,
        "35-693803-564380-9",
        "356938 035643809",
        MAC,
        "02-1a-2b-3c-4d-5f",
        "021a.2b3c.4d5f",
        "RE 7-a",
    ):
        assert refused(desk, spelled) == expected, spelled
    assert refused(desk, good["serial_number"]) == []
    desk.drop(order_text([good, bad]), "the same bytes again.csv")
    desk.dispatch()
    assert refused(desk, IMEI) == expected


def test_a_row_that_the_registry_refused_is_found_too(desk: Desk) -> None:
    row = order_row(next(desk.numbers), customer_account="C-UNKNOWN")
    desk.drop(order_text([row]), "unknown customer.csv")
    desk.dispatch()
    assert refused(desk, row["serial_number"]) == [("unknown customer.csv", 2, "CUSTOMER_UNKNOWN")]


def test_a_row_of_a_workbook_that_failed_is_found_too(desk: Desk) -> None:
    row = {"imei": "490154203237518", "name": "Van", "client_account": "Nobody", "sim_owner": "VENDOR"}
    upload = UploadDesk(desk).upload("dmp_devices", row | {"hardware_type": "HW", "firmware": "00.06.18.32"})
    codes = {code for number, _, code in UploadDesk(desk).findings(upload) if number}
    assert "CLIENT_UNKNOWN" in codes
    assert {code for _, _, code in refused(desk, "490154203237518")} == codes


def test_a_dry_run_keeps_none(desk: Desk) -> None:
    row = order_row(next(desk.numbers), customer_account="C-UNKNOWN")
    path = desk.drop(order_text([row]), "rehearsed.csv")
    desk.dispatch(dry_run=True)
    path.unlink()
    assert refused(desk, row["serial_number"]) == []


def test_no_identifier_of_a_refused_row_is_kept_in_clear(desk: Desk) -> None:
    row = order_row(next(desk.numbers), serial_number="SECRETNUMBER77", customer_account="C-UNKNOWN")
    desk.drop(order_text([row]))
    desk.dispatch()
    assert refused(desk, "SECRETNUMBER77")
    assert "SECRETNUMBER77" not in repr(desk.dump())
    assert masked("SECRETNUMBER77") == "…ER77"


def test_an_override_that_left_the_device_out_is_part_of_its_life(desk: Desk) -> None:
    first = next(desk.numbers)
    desk.plan()
    rows = [order_row(first), order_row(first + 1)]
    desk.dispatch(*rows)
    desk.exchange()
    desk.dispatch(instruction("OV", first))
    desk.exchange()
    with desk.registry.view() as tx:
        (kept,), (gone,) = (tx.queries.find_devices([row["serial_number"]]) for row in rows)
        assert tx.queries.removals(kept["id"]) == []
        (event,) = tx.queries.removals(gone["id"])
    assert (event["effect"], event["request_type"], event["order_number"]) == (
        "UNENROLLED",
        "OV",
        rows[0]["order_number"],
    )
    assert event["file"]


@pytest.fixture
def registers(ledger: Ledger) -> Ledger:
    with ledger.engine.begin() as connection:
        customer = connection.execute(select(customers.c.id).where(customers.c.account == "C-1")).scalar_one()
        connection.execute(
            insert(dmp_devices).values(
                imei=IMEI, name="Van 7", customer_id=customer, sim_owner="CUSTOMER", hardware_type="HW", firmware="1.2"
            )
        )
        connection.execute(
            insert(fleet_freedom_providers).values(
                company=7, reporting_id=IMEI, reporting_id_kind="IMEI", kind="tracker", phone_number="+919876543210"
            )
        )
        given = {
            column.name: column.name[:8]
            for column in remoteye_registrations.columns
            if not column.nullable and column.name not in ("id", "customer_id", "lease_months")
        }
        given |= {"device_serial": "RE4-000123", "device_mac": MAC, "customer_id": customer, "lease_months": 12}
        connection.execute(insert(remoteye_registrations).values(given))
    return ledger


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [(IMEI, ["DMP", "Fleet Freedom"]), (MAC.lower(), ["RemotEye"]), ("RE4-000123", ["RemotEye"]), ("RE4", [])],
)
def test_the_registers_of_providers_are_looked_into(registers: Ledger, identifier: str, expected: list[str]) -> None:
    with registers.registry.view() as tx:
        found = tx.queries.registered(spellings(identifier))
    assert [row["register"] for row in found] == expected
    assert "+919876543210" not in repr(found)
    assert all(row["customer"] == "C-1" for row in found if "customer" in row)


def test_a_hundred_thousand_refused_rows_are_one_bulk_write(ledger: Ledger) -> None:
    size = 100_000
    columns: dict[str, Any] = {name: pa.nulls(size, pa.string()) for name in ORDER_DISPATCH.names}
    columns |= {"serial_number": pa.array([f"SN-{n}" for n in range(size)]), "row": pa.array(range(2, size + 2))}
    statements: list[str] = []
    found = traces(ORDER_DISPATCH, pa.table(columns))
    assert (found.num_rows, found["row"][0].as_py()) == (size, 2)
    with ledger.registry.transaction() as tx:
        file = ledger.file(tx)
        listen(tx.intake._db, statements)
        tx.intake.keep_refused(found, file.id)
    assert len(statements) <= 2, "the rows are one statement, however many they are"
    with ledger.engine.connect() as connection:
        chosen = select(refused_rows.c.row).where(refused_rows.c.digest == trace(pa.array(["sn99999"]))[0].as_py())
        assert connection.execute(chosen).scalars().all() == [100_001]


def listen(connection: Any, statements: list[str]) -> None:
    event.listen(connection, "before_cursor_execute", lambda *told: statements.append(told[2]))


@pytest.fixture(scope="module")
def muster(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Somebody who has taken in one order file, with one bad row and one that is not asked to be enrolled."""
    need("gpg")
    installation = make_installation(tmp_path_factory.mktemp("cli") / "w", free_port())
    rows = [order_row(1), order_row(2, enrolment_requested="N"), order_row(3, imei=IMEI, order_date="yesterday")]
    (installation.workspace.inbox / "monday.csv").write_text(order_text(rows))
    made = CommandLine(installation.workspace)
    assert made("run", "order_dispatch").code == 4
    return made


def test_the_command_names_file_row_and_remedy_of_a_refused_row(muster: CommandLine) -> None:
    ran = muster("where", "35-693803-564380-9")
    assert ran.code == 0
    for text in ("Refused row with …3809: monday.csv, row 4", "CELL_DATE in order_date", "Write it as 2026-03-05"):
        assert text in ran.out
    assert IMEI not in ran.out
    told = muster("where", IMEI, "--json").json
    assert [(row["file"], row["row"], row["code"]) for row in told["refused"]] == [("monday.csv", 4, "CELL_DATE")]
    assert (told["devices"], told["vehicles"], told["registers"]) == ([], [], [])
    assert muster("where", "356938035643817").code == 1


def test_the_lines_at_the_terminal(muster: CommandLine) -> None:
    ran = muster("lines", "--state", "NOT_REQUESTED")
    assert ran.code == 0
    for text in ("SO-0000", "SN00000002", "ORDER", "acme", "C-1"):
        assert text in ran.out
    assert "SN00000001" not in ran.out
    told = muster("lines", "--limit", "1", "--json").json
    assert ([line["device"] for line in told["lines"]], told["more"]) == (["SN00000002"], True)
    assert "Only the newest 1 are shown" in muster("lines", "--limit", "1").err
    assert "No line." in muster("lines", "--state", "REVIEW").err
    assert muster("lines", "--provider", "nobody").code == 1
