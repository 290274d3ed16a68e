"""The templates of orders and providers' devices against a registry: looked up, planned and written, twice."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import select

from adapters.registry.business_tables import (
    dmp_devices,
    fleet_freedom_providers,
    group_members,
    product_leases,
    products,
    remoteye_registrations,
    swaps,
)
from adapters.registry.schema import metadata
from adapters.registry.tables import customers, order_lines, orders
from formats.judge import judge
from formats.template import CLEAR, Rules, Write
from formats.templates import template
from jobs.states import LineState
from jobs.upload import Uploader
from jobs.uploads.chunks import Desk, deal
from tests.support.installation import order_row
from tests.support.ledger import Ledger
from tests.support.template_rows import Cells, rows_of

NEW, CHANGED, UNCHANGED, FAILED = "NEW", "CHANGED", "UNCHANGED", "FAILED"
IMEI = "490154203237518"


class Uploads:
    """Chunks of uploads, one transaction each; `findings` are those of the last one."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.findings: list[tuple[int, str, str | None]] = []

    def send(self, name: str, *rows: Cells, customer_id: int | None = None) -> list[str]:
        """What became of each row."""
        chosen = template(name)
        chunk = rows_of(chosen.schema, *rows)
        verdict = judge(chosen.schema, chunk.table.select(list(chosen.schema.names)), chunk.numbers)
        assert verdict.findings.num_rows == 0, verdict.findings.to_pylist()
        with self.ledger.registry.transaction() as tx:
            file = self.ledger.file(tx)
            desk = Desk(chosen, Uploader("staff@example.com", customer_id), Rules(), ("acme",), file.id)
            dealt = deal(tx, desk, chunk, verdict.passed)
            self._count(tx, file.id, dealt.rows["effect"].to_pylist())
        self.findings = sorted((item["row"], item["code"], item["fact"]) for item in dealt.findings.to_pylist())
        effects: list[str] = dealt.rows["effect"].to_pylist()
        return effects

    def _count(self, tx: Any, file_id: int, effects: list[str]) -> None:
        counts = {"rows_passed": effects.count(NEW), "rows_duplicate": effects.count(UNCHANGED)}
        tx.files.describe(file_id, rows_read=len(effects), rows_failed=effects.count(FAILED), **counts)

    def records(self, table: Any) -> list[dict[str, Any]]:
        with self.ledger.engine.connect() as connection:
            found = connection.execute(select(table).order_by(table.c.id)).mappings()
            return [{name: value for name, value in row.items() if name != "id"} for row in found]

    def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """Everything uploads may change."""
        names = (
            *("customers", "products", "swaps", "product_leases", "group_members", "dmp_devices"),
            *("fleet_freedom_providers", "remoteye_registrations", "devices", "orders", "order_lines"),
        )
        return {name: self.records(metadata.tables[name]) for name in names}

    def lines(self) -> list[tuple[str, int, str]]:
        """Request type and order number, line number, of every order line, in their order."""
        with self.ledger.engine.connect() as connection:
            chosen = (
                select(orders.c.request_type, orders.c.order_number, order_lines.c.line_number)
                .select_from(order_lines.join(orders, orders.c.id == order_lines.c.order_id))
                .order_by(order_lines.c.id)
            )
            return [(kind, number, line) for kind, number, line in connection.execute(chosen)]


@pytest.fixture
def uploads(ledger: Ledger) -> Uploads:
    """Two vehicles, one of them sold to C-1, and a unit in stock; the first one's unit is enrolled."""
    vehicles = pa.table(
        {
            "vin": ["MVH000001", "MVH000002", "CHH000001"],
            "placeholder": [False, False, True],
            "vcu_id": ["CEH0000001", "CEH0000002", "CEH0000009"],
            "device_id": ["DEV-1", "DEV-2", "DEV-9"],
        }
    )
    with ledger.registry.transaction() as tx:
        tx.records.write(Write("products", vehicles))
    units = [order_row(number, serial_number=f"CEH000000{number}", order_number="SO-1") for number in (1, 2)]
    ledger.settle(ledger.order(*units), LineState.ENROLLED)
    return Uploads(ledger)


def twice(uploads: Uploads, name: str, *rows: Cells, expected: str = NEW) -> None:
    """Whatever the first time does, the second time changes nothing."""
    assert uploads.send(name, *rows) == [expected] * len(rows), uploads.findings
    before = uploads.snapshot()
    assert uploads.send(name, *rows) == [UNCHANGED] * len(rows), uploads.findings
    assert uploads.snapshot() == before


def lease(**cells: str) -> dict[str, str]:
    return {
        "vin": "MVH000001",
        "expiry_date": "2026-04-30",
        "last_renewal_date": "2026-03-31",
        "duration": "Monthly(30Days)",
        "lease_type": "Rental",
        "description": "Battery",
        "order_status": "Success",
        "payment_status": "Pending",
        "payment_reference": "PAY-1",
    } | cells


def test_leases(uploads: Uploads) -> None:
    twice(uploads, "leases", lease(), lease(vin="MVH000002"))
    twice(uploads, "leases", lease(payment_status="Success", payment_reference=CLEAR), expected=CHANGED)
    assert uploads.send("leases", lease(vin="MVH000003"), lease(payment_status="Success")) == [FAILED, CHANGED]
    assert [(item["payment_status"], item["payment_reference"]) for item in uploads.records(product_leases)] == [
        ("Success", "PAY-1"),
        ("Pending", "PAY-1"),
    ]


def test_group_members(uploads: Uploads) -> None:
    rows = [{"vin": vin, "phone": "+919876543210", "user_name": "A. Example"} for vin in ("MVH000001", "MVH000002")]
    twice(uploads, "group_members", *rows)
    twice(uploads, "group_members", rows[1] | {"user_name": "B. Example"}, expected=CHANGED)
    assert [item["user_name"] for item in uploads.records(group_members)] == ["A. Example", "B. Example"]


def dmp(**cells: str) -> dict[str, str]:
    return {
        "imei": IMEI,
        "name": "Truck 17",
        "client_account": "Example Schools",
        "sim_owner": "CUSTOMER",
        "sms_number": "+919876543210",
        "hardware_type": "FM-Pro4",
        "firmware": "0.6.19.55",
    } | cells


def test_dmp_devices(uploads: Uploads) -> None:
    twice(uploads, "dmp_devices", dmp(), dmp(imei="867035049959396", sim_owner="VENDOR", sms_number=""))
    twice(uploads, "dmp_devices", dmp(client_account="Example Clinics", firmware="00.06.20.00"), expected=CHANGED)
    assert uploads.send("dmp_devices", dmp(client_account="example schools")) == [FAILED]
    assert uploads.findings == [(2, "CLIENT_UNKNOWN", "example schools")]
    assert [item["firmware"] for item in uploads.records(dmp_devices)] == ["00.06.20.00", "00.06.19.55"]


def provider(**cells: str) -> dict[str, str]:
    return {
        "kind": "calamp",
        "company": "42",
        "reporting_id": IMEI,
        "reporting_id_kind": "IMEI",
        "reporting_id_verified": "Yes",
        "phone_number": "+919876543210",
    } | cells


def test_fleet_freedom_providers(uploads: Uploads) -> None:
    twice(uploads, "fleet_freedom_providers", provider(), provider(company="43"))
    twice(uploads, "fleet_freedom_providers", provider(kind="atrack", phone_number=CLEAR), expected=CHANGED)
    rows = provider(password="example", company="44"), provider(password="example", company="43")
    assert uploads.send("fleet_freedom_providers", *rows) == [NEW, CHANGED]
    assert uploads.send("fleet_freedom_providers", *rows) == [CHANGED, CHANGED]
    stored = uploads.records(fleet_freedom_providers)
    assert [(item["company"], item["kind"], item["phone_number"]) for item in stored] == [
        (42, "atrack", None),
        (43, "calamp", "+919876543210"),
        (44, "calamp", "+919876543210"),
    ]
    assert "example" not in str(stored)


def registration(number: int, **cells: str) -> dict[str, str]:
    return {
        "user_mode": "new",
        "company_mode": "new",
        "company_name": "Example Power",
        "contact_name": "Alex Example",
        "contact_email": "alex@example.com",
        "contact_phone": "+919876543210",
        "sales_order_no": "SO-2001",
        "device_type": "RemotEye 4",
        "device_serial": f"RE4-{number}",
        "device_mac": f"02:1A:2B:3C:4D:{number:02X}",
        "ups_model": "1600XP",
        "ups_model_no": "1600XP-18",
        "ups_serial": f"16030000{number}",
        "start_date": "2026-01-31",
    } | cells


def test_remoteye_registrations(uploads: Uploads) -> None:
    twice(uploads, "remoteye_registration", registration(1), registration(2))
    twice(uploads, "remoteye_registration", registration(3))  # the next chunk of the same file
    twice(uploads, "remoteye_registration", registration(1, lease_months="1"), expected=CHANGED)
    twice(uploads, "remoteye_registration", registration(4, company_mode="existing", company_name="example SCHOOLS"))
    other = registration(5, contact_name="Bo Example"), registration(6, company_mode="existing", company_name="Nobody")
    assert uploads.send("remoteye_registration", *other) == [FAILED, FAILED]
    assert [code for _, code, _ in uploads.findings] == ["COMPANY_EXISTS", "COMPANY_UNKNOWN"]
    assert uploads.send("remoteye_registration", registration(7, device_mac="02:1A:2B:3C:4D:01")) == [FAILED]
    assert uploads.findings == [(2, "DEVICE_CONFLICT", "RE4-1")]
    assert [item["name"] for item in uploads.records(customers)] == [
        "Example Schools",
        "Example Clinics",
        "Example Power",
    ]
    stored = uploads.records(remoteye_registrations)
    assert [item["end_date"] for item in stored] == ["2026-02-28", "2027-01-31", "2027-01-31", "2027-01-31"]
    assert len({item["customer_id"] for item in stored}) == 2


def ordered(number: int, **cells: str) -> dict[str, str]:
    return {
        "order_number": "SO-7",
        "order_date": "2026-03-04",
        "customer_account": "C-1",
        "provider": "acme",
        "delivery_number": "DL-7",
        "ship_date": "2026-03-05",
        "serial_number": f"SN-{number}",
    } | cells


def test_enrolment_orders(uploads: Uploads) -> None:
    twice(uploads, "enrolment_order", ordered(1), ordered(2, line_number="10"), ordered(3))
    later = ordered(4), ordered(3), ordered(5)  # the next chunk, or a corrected file
    assert uploads.send("enrolment_order", *later) == [NEW, UNCHANGED, NEW]
    assert uploads.lines()[2:] == [("OR", "SO-7", line) for line in (11, 10, 12, 13, 14)]
    assert uploads.send("enrolment_order", ordered(1, asset_tag="AT-1"), ordered(6, customer_account="C-9")) == [
        FAILED,
        FAILED,
    ]
    codes = [code for _, code, _ in uploads.findings]
    assert codes[0] == "ORDER_LINE_CHANGED"
    assert "CUSTOMER_UNKNOWN" in codes[1:]
    uploads.ledger.conservation()


def test_an_order_s_digests_are_those_of_an_order_file(uploads: Uploads) -> None:
    row = order_row(7, order_number="SO-8", line_number="1", order_date="2026-03-04", ship_date="2026-03-05")
    uploads.ledger.order(row)
    given = {name: cell for name, cell in row.items() if name not in ("request_type", "enrolment_requested")}
    assert uploads.send("enrolment_order", given) == [UNCHANGED]
    assert uploads.send("enrolment_order", given | {"line_number": ""}) == [UNCHANGED]


def test_device_returns(uploads: Uploads) -> None:
    back = [
        {"order_number": "RE-7", "order_date": "2026-03-05", "serial_number": f"CEH000000{number}"} for number in (1, 2)
    ]
    twice(uploads, "device_return", *back)
    assert uploads.lines()[2:] == [("RE", "RE-7", 1), ("RE", "RE-7", 2)]
    assert uploads.send("device_return", back[0] | {"serial_number": "SN-9"}) == [FAILED]
    assert uploads.findings == [(2, "RETURN_NOT_ENROLLED", "SN-9")]
    assert uploads.send("device_return", back[0] | {"customer_account": "C-2"}) == [FAILED]
    assert (2, "DEVICE_ELSEWHERE", "C-2") in uploads.findings
    uploads.ledger.conservation()


def swap(number: int, old: str, new: str, **cells: str) -> dict[str, str]:
    return {
        "vin": f"MVH00000{number}",
        "old_vcu_id": old,
        "new_vcu_id": new,
        "order_number": f"SW-{number}",
        "swap_date": "2026-03-05",
    } | cells


def test_vcu_swaps(uploads: Uploads) -> None:
    rows = (
        swap(1, "CEH0000001", "CEH0000009", device_id="DEV-9"),
        swap(2, "CEH0000002", "CEH0000010"),
    )
    twice(uploads, "vcu_swap", *rows)
    shown = [
        (item["vin"], item["vcu_id"], item["device_id"], item["placeholder"]) for item in uploads.records(products)
    ]
    assert shown == [
        ("MVH000001", "CEH0000009", "DEV-9", False),
        ("MVH000002", "CEH0000010", None, False),
        ("CHH000001", "CEH0000001", "DEV-1", True),
        (None, "CEH0000002", "DEV-2", True),
    ]
    assert sorted(uploads.lines()[2:]) == [
        *(("OR", "SW-1", 1), ("OR", "SW-2", 1)),
        *(("RE", "RE-SW-1", 1), ("RE", "RE-SW-2", 1)),
    ]
    assert [(item["return_order_number"], item["order_number"]) for item in uploads.records(swaps)] == [
        ("RE-SW-1", "SW-1"),
        ("RE-SW-2", "SW-2"),
    ]
    uploads.ledger.conservation()


def test_a_swap_that_its_orders_refuse_changes_no_vehicle(uploads: Uploads) -> None:
    before = uploads.snapshot()
    early = swap(1, "CEH0000001", "CEH0000009", swap_date="2026-02-01")  # before the order it returns
    assert uploads.send("vcu_swap", early, swap(2, "CEH0000002", "CEH0000001", order_number="SW-3")) == [FAILED, FAILED]
    assert [(row, code) for row, code, _ in uploads.findings] == [(2, "RETURN_BEFORE_ORDER"), (3, "VCU_IN_USE")]
    assert uploads.snapshot() == before


def test_a_unit_may_come_back_into_its_vehicle_later(uploads: Uploads) -> None:
    ledger = uploads.ledger
    assert uploads.send("vcu_swap", swap(1, "CEH0000001", "CEH0000009")) == [NEW]
    ledger.settle(ledger.eligible(), LineState.UNENROLLED)
    ledger.settle(ledger.eligible(), LineState.ENROLLED)
    back = swap(1, "CEH0000009", "CEH0000001", order_number="SW-9", swap_date="2026-03-06")
    twice(uploads, "vcu_swap", back)
    assert [item["vcu_id"] for item in uploads.records(products)] == ["CEH0000001", "CEH0000002", "CEH0000009"]
    assert uploads.send("vcu_swap", swap(1, "CEH0000001", "CEH0000009")) == [UNCHANGED]


def test_an_uploader_of_one_customer_reaches_that_customer_s_devices_only(uploads: Uploads) -> None:
    ours, theirs = (item_id for item_id in customer_ids(uploads))
    assert uploads.send("enrolment_order", ordered(1), customer_id=theirs) == [FAILED]
    assert uploads.findings == [(2, "SCOPE_FORBIDDEN", "SO-7")]
    assert uploads.send("enrolment_order", ordered(1), customer_id=ours) == [NEW]
    back = {"order_number": "RE-8", "order_date": "2026-03-05", "serial_number": "CEH0000001"}
    assert uploads.send("device_return", back, customer_id=theirs) == [FAILED]
    assert uploads.send("device_return", back, customer_id=ours) == [NEW]
    assert uploads.send("fleet_freedom_providers", provider(), customer_id=ours) == [FAILED]


def customer_ids(uploads: Uploads) -> list[int]:
    with uploads.ledger.engine.connect() as connection:
        return list(connection.execute(select(customers.c.id).order_by(customers.c.account)).scalars())
