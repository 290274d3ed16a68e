"""The templates of vehicles, customers and locations against a registry: looked up, planned and written, twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import select

from adapters.registry.registry import Registry
from adapters.registry.schema import metadata
from adapters.registry.sources import SOURCES
from formats.judge import judge
from formats.template import CLEAR, Reference, Rules, Write
from formats.templates import template
from formats.templates._vehicle_columns import STATUSES
from jobs.upload import Uploader
from jobs.uploads.chunks import Desk, deal
from tests.support.template_rows import Cells, rows_of

NEW, CHANGED, UNCHANGED, FAILED = "NEW", "CHANGED", "UNCHANGED", "FAILED"
VEHICLE = {
    "vin": "TST-0001",
    "vcu_id": "CEH-T1",
    "device_id": "DEV-T1",
    "motor_id": "KE-T1",
    "bms_id": "BMS-T1",
    "model": "EX-1",
    "communication_type": "4G",
    "battery_model": "BX-48",
}
CUSTOMER = {
    "name": "Sample Riders",
    "address": "1 Example Road",
    "city": "Pune",
    "pin_code": "411001",
    "phone": "+919876543210",
    "email": "riders@example.com",
}
SIZE = 24


class Office:
    """Sends files of rows, one chunk each; `findings` are those of the last one."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.findings: list[tuple[int, str, str | None]] = []

    def send(self, name: str, *rows: Cells, customer_id: int | None = None) -> list[str]:
        """What became of each row."""
        chosen = template(name)
        chunk = rows_of(chosen.schema, *rows)
        verdict = judge(chosen.schema, chunk.table.select(list(chosen.schema.names)), chunk.numbers)
        desk = Desk(chosen, Uploader("staff@example.com", customer_id), Rules(), (), 0)
        with self.registry.transaction() as tx:
            dealt = deal(tx, desk, chunk, verdict.passed)
        self.findings = sorted((item["row"], item["code"], item["fact"]) for item in dealt.findings.to_pylist())
        effects: list[str] = dealt.rows["effect"].to_pylist()
        return effects

    def records(self, table: str) -> list[dict[str, Any]]:
        return self.rows(select(metadata.tables[table]).order_by(metadata.tables[table].c.id))

    def vehicles(self) -> dict[str, dict[str, Any]]:
        """By frame id, as lookups see them."""
        source = SOURCES["products"]
        listed = select(*(column.label(name) for name, column in source.columns.items())).select_from(source.start)
        return {row["vin"]: row for row in self.rows(listed)}

    def rows(self, statement: Any) -> list[dict[str, Any]]:
        with self.registry.view() as tx:
            return [dict(row) for row in tx._db.execute(statement).mappings()]

    def snapshot(self) -> list[list[dict[str, Any]]]:
        return [self.records(table) for table in ("customers", "locations", "products", "sales")]


@pytest.fixture
def office(registry_url: str) -> Iterator[Office]:
    """24 vehicles: every third one in stock under a placeholder; every second one sold."""
    with closing(Registry(registry_url)) as registry:
        registry.migrate()
        with registry.transaction() as tx:
            for write in _stock():
                tx.records.write(write)
        yield Office(registry)


def vin(number: int) -> str:
    return f"CHH000{number:03}" if number % 3 == 0 else f"MVH{number:06}"


def _stock() -> list[Write]:
    numbers = range(SIZE)
    products = pa.table(
        {
            "vin": [vin(number) for number in numbers],
            "placeholder": [number % 3 == 0 for number in numbers],
            "vcu_id": [f"CEH{number}" for number in numbers],
            "device_id": [f"DEV{number}" for number in numbers],
            "motor_id": [f"KE{number}" if number % 6 else "KE-DUMMY" for number in numbers],
            "bms_id": [f"BMS{number}" if number % 6 else "BMS-DUMMY" for number in numbers],
            "customer_id": ["C-1" if number % 4 else None for number in numbers],
        }
    )
    sold = [number for number in numbers if number % 2]
    sales = {"product_id": [vin(number) for number in sold], "phone": [f"+9190000000{number:02}" for number in sold]}
    names = ["Example Motors", "Test Fleet", "Twin", "Twin"]
    places = {name: ["Pune", "Nagpur"] for name in ("city", "district", "state", "country")}
    return [
        Write("customers", pa.table({"account": ["C-1", "C-2", "C-3", "C-4"], "name": names})),
        Write("locations", pa.table(places)),
        Write("products", products, references={"customer_id": Reference("customers", "account")}),
        Write("sales", pa.table(sales), references={"product_id": Reference("products", "vin")}),
    ]


def twice(office: Office, name: str, *rows: Cells, expected: str = NEW) -> None:
    """Whatever the first time does, the second time changes nothing."""
    assert office.send(name, *rows) == [expected] * len(rows), office.findings
    before = office.snapshot()
    assert office.send(name, *rows) == [UNCHANGED] * len(rows), office.findings
    assert office.snapshot() == before


# --- single templates ---------------------------------------------------------------------


def test_locations(office: Office) -> None:
    place = {"city": "Mumbai", "district": "Mumbai", "state": "Maharashtra", "country": "India", "zone": "West"}
    twice(office, "locations", place, place | {"district": "Thane", "latitude": "19.2"})
    twice(office, "locations", place | {"zone": CLEAR, "longitude": "72.9"}, expected=CHANGED)
    found = {(row["district"], row["zone"], row["latitude"], row["longitude"]) for row in office.records("locations")}
    assert {("Mumbai", None, None, "72.9"), ("Thane", "West", "19.2", None)} <= found


def test_customers(office: Office) -> None:
    named = [CUSTOMER | {"name": f"Sample {letter}"} for letter in "AB"]
    twice(office, "customers", *named, CUSTOMER | {"account": "C-9", "parent_account": "C-1"})
    twice(office, "customers", CUSTOMER | {"account": "C-9", "name": "Renamed"}, expected=CHANGED)
    twice(office, "customers", named[0] | {"city": "Nagpur"}, expected=CHANGED)
    accounts = {row["name"]: (row["account"], row["parent_account"]) for row in office.records("customers")}
    assert accounts["Renamed"] == ("C-9", "C-1")
    given = {accounts["Sample A"][0], accounts["Sample B"][0]}
    assert len(given) == 2
    assert all(account.startswith("CU-") for account in given)


def test_accounts_are_never_given_twice(office: Office) -> None:
    for start in range(0, 40, 10):
        rows = [CUSTOMER | {"name": f"Sample {number}"} for number in range(start, start + 10)]
        assert office.send("customers", *rows) == [NEW] * 10
    accounts = [row["account"] for row in office.records("customers")]
    assert len(set(accounts)) == len(accounts) == 44


def test_a_name_that_two_customers_have(office: Office) -> None:
    assert office.send("customers", CUSTOMER | {"name": "Twin"}) == [FAILED]
    assert office.findings == [(2, "CUSTOMER_AMBIGUOUS", "Twin")]
    assert office.send("customers", CUSTOMER | {"name": "Twin", "account": "C-4"}) == [CHANGED]


def test_registration_of_a_new_unit(office: Office) -> None:
    row = VEHICLE | {"customer_name": "Test Fleet", "location": "Pune", "user_name": "Asha", "phone": "+919811111111"}
    twice(office, "product_registration", row)
    stored = office.vehicles()["TST-0001"]
    assert {name: stored[name] for name in VEHICLE} == VEHICLE
    assert (stored["customer_account"], stored["city"], stored["user_name"]) == ("C-2", "Pune", "Asha")
    assert stored["placeholder"] is False


def test_registration_takes_a_shipped_unit_and_parts_of_others(office: Office) -> None:
    row = VEHICLE | {"vcu_id": "CEH3", "device_id": "DEV3", "motor_id": "KE9", "bms_id": "BMS-DUMMY"}
    twice(office, "product_registration", row | {"user_name": "Asha"}, expected=CHANGED)
    vehicles = office.vehicles()
    assert len(vehicles) == SIZE
    assert "CHH000003" not in vehicles
    assert vehicles["TST-0001"]["motor_id"] == "KE9"
    assert vehicles["TST-0001"]["phone"] == "+919000000003"
    assert vehicles["CHH000009"]["motor_id"] is None
    assert [name for name, item in vehicles.items() if item["bms_id"] == "BMS-DUMMY"] == ["TST-0001"]


def test_registration_of_what_is_in_use(office: Office) -> None:
    used = {"vcu_id": "CEH1", "motor_id": "KE2", "bms_id": "BMS4", "phone": "+919000000005"}
    assert office.send("product_registration", VEHICLE | used) == [FAILED]
    assert office.findings == [
        (2, "BATTERY_IN_USE", vin(4)),
        (2, "MOTOR_IN_USE", vin(2)),
        (2, "PHONE_IN_USE", vin(5)),
        (2, "VCU_IN_USE", vin(1)),
    ]
    assert office.send("product_registration", VEHICLE | {"vin": vin(1)}) == [FAILED]
    assert office.findings == [(2, "VIN_EXISTS", "CEH1")]
    assert len(office.vehicles()) == SIZE


def test_two_rows_take_each_other_s_default_parts(office: Office) -> None:
    """One row takes a record over whose old motor the other row takes."""
    rows = [
        VEHICLE | {"vin": "TST-0001", "vcu_id": "CEH3", "device_id": "DEV3", "motor_id": "KE9"},
        VEHICLE | {"vin": "TST-0002", "vcu_id": "CEH9", "device_id": "DEV9", "motor_id": "KE3", "bms_id": "BMS-T2"},
    ]
    twice(office, "product_registration", *rows, expected=CHANGED)
    vehicles = office.vehicles()
    assert (vehicles["TST-0001"]["motor_id"], vehicles["TST-0002"]["motor_id"]) == ("KE9", "KE3")


def test_units_in_stock_are_registered_under_placeholders(office: Office) -> None:
    stock = [
        VEHICLE | {"vin": f"EVH000{number}", "vcu_id": f"V{number}", "motor_id": "KE-DUMMY"} for number in range(3)
    ]
    twice(office, "product_registration", *stock)
    assert all(office.vehicles()[item["vin"]]["placeholder"] for item in stock)


def test_product_data(office: Office) -> None:
    key = {"vin": vin(1), "vcu_id": "CEH1"}
    row = key | {"status": "Sold", "motor_id": "KE3", "customer_name": "Test Fleet", "location": "Nagpur"}
    twice(office, "product_data_update", row | {"user_name": "Ravi"}, expected=CHANGED)
    vehicles = office.vehicles()
    assert (vehicles[vin(1)]["motor_id"], vehicles[vin(3)]["motor_id"]) == ("KE3", None)
    assert (vehicles[vin(1)]["customer_account"], vehicles[vin(1)]["city"]) == ("C-2", "Nagpur")
    twice(office, "product_data_update", key | {"motor_id": CLEAR, "phone": CLEAR}, expected=CHANGED)
    assert office.vehicles()[vin(1)]["phone"] is None
    assert office.send("product_data_update", {"vin": vin(1), "vcu_id": "CEH2"}) == [FAILED]
    assert office.findings == [(2, "KEY_MISMATCH", vin(2))]


def test_a_record_loses_a_part_although_another_row_is_about_it(office: Office) -> None:
    rows = [
        {"vin": vin(3), "vcu_id": "CEH3", "status": "Testing"},
        {"vin": vin(1), "vcu_id": "CEH1", "motor_id": "KE3"},
    ]
    twice(office, "product_data_update", *rows, expected=CHANGED)
    vehicles = office.vehicles()
    assert (vehicles[vin(3)]["status"], vehicles[vin(3)]["motor_id"]) == ("Testing", None)
    assert vehicles[vin(1)]["motor_id"] == "KE3"


def test_sales_data(office: Office) -> None:
    key = {"vin": vin(2), "vcu_id": "CEH2"}
    row = key | {"phone": "+919822222222", "address_line_1": "12 Example Road", "purchase_date": "2026-01-15"}
    twice(office, "sales_data_update", row, expected=CHANGED)
    assert office.send("sales_data_update", key | {"warranty_end": "2026-01-14"}) == [FAILED]
    assert office.findings == [(2, "DATE_ORDER", "2026-01-14 is before 2026-01-15")]
    twice(office, "sales_data_update", key | {"warranty_end": "2029-01-14", "address_line_1": CLEAR}, expected=CHANGED)
    stored = office.vehicles()[vin(2)]
    days = (stored["purchase_date"], stored["warranty_end"], stored["address_line_1"])
    assert days == ("2026-01-15", "2029-01-14", None)


@pytest.mark.parametrize("name", ["product_data_update", "sales_data_update"])
def test_an_uploader_of_one_customer_keeps_to_its_vehicles(office: Office, name: str) -> None:
    accounts = {row["account"]: row["id"] for row in office.records("customers")}
    own, nobody_s = {"vin": vin(1), "vcu_id": "CEH1"}, {"vin": vin(4), "vcu_id": "CEH4"}
    given_away = {"vin": vin(2), "vcu_id": "CEH2", "customer_name": "Test Fleet"}
    rows = [item | {"status": "Demo"} for item in (own, nobody_s, given_away)]
    assert office.send(name, *rows, customer_id=accounts["C-1"]) == [CHANGED, FAILED, FAILED]
    assert {code for _, code, _ in office.findings} == {"SCOPE_FORBIDDEN"}
    assert [frame for frame, item in office.vehicles().items() if item["status"]] == [vin(1)]


# --- whatever a file holds ----------------------------------------------------------------

CELLS: dict[str, list[str]] = {
    "device_id": ["DEV1", "DEV2"],
    "registration_number": ["MH12AB1", CLEAR],
    "status": [*STATUSES, CLEAR],
    "customer_name": ["Example Motors", "Test Fleet", "Twin", "Nobody", CLEAR],
    "location": ["Pune", "Nagpur", "Nowhere", CLEAR],
    "user_name": ["Asha", "Ravi", CLEAR],
    "phone": [*(f"+9190000000{number:02}" for number in range(16)), *(f"+9191000000{n:02}" for n in range(9)), CLEAR],
    "motor_id": [*(f"KE{number}" for number in range(SIZE + 9)), "KE-DUMMY", CLEAR],
    "bms_id": [*(f"BMS{number}" for number in range(SIZE + 9)), "BMS-DUMMY", CLEAR],
    "model": ["EX-1", "EX-2"],
    "purchase_date": ["2026-01-15", "2025-06-01", CLEAR],
    "warranty_end": ["2029-01-14", "2025-12-31", CLEAR],
    "manufacturing_date": ["2025-12-01", CLEAR],
}
STORED = {"customer_name": "customer_name", "location": "city"}
PARTS = ("motor_id", "bms_id")


def updates(name: str, chance: random.Random) -> list[dict[str, str]]:
    columns = [column for column in CELLS if column in template(name).schema.names]
    rows = []
    for number in chance.sample(range(SIZE + 1), SIZE - 4):
        unit = number if chance.random() < 0.95 else number + 1
        cells = {column: chance.choice(CELLS[column]) for column in columns if chance.random() < 0.25}
        rows.append({"vin": vin(number), "vcu_id": f"CEH{unit}", **cells})
    return rows


def passed_again(first: list[str], again: list[str]) -> set[str]:
    """What became of the rows that passed the first time."""
    return {effect for effect, earlier in zip(again, first, strict=True) if earlier != FAILED}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["product_data_update", "sales_data_update"])
def test_a_row_is_applied_whole_or_not_at_all(office: Office, name: str, seed: int) -> None:
    """What passed is on record cell by cell; blank cells kept; what failed left no trace; again it changes nothing."""
    rows = updates(name, random.Random(seed))
    before = office.vehicles()
    first = office.send(name, *rows)
    after = office.vehicles()
    assert {CHANGED, FAILED} <= set(first)
    applied = {row["vin"]: row for row, effect in zip(rows, first, strict=True) if effect != FAILED}
    for frame, earlier in before.items():
        for column in CELLS:
            check(applied.get(frame, {}).get(column), STORED.get(column, column), earlier, after[frame])
    assert passed_again(first, office.send(name, *rows)) == {UNCHANGED}


def check(cell: str | None, stored: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    if cell == CLEAR:
        assert after[stored] is None
    elif cell in (None, "Twin", "Nobody", "Nowhere"):
        taken = stored in PARTS and before["placeholder"] and after[stored] is None
        assert taken or after[stored] == before[stored]
    else:
        assert after[stored] == cell


@pytest.mark.parametrize("seed", range(6))
def test_registrations_bind_no_part_twice(office: Office, seed: int) -> None:
    chance = random.Random(seed)
    rows = [
        VEHICLE
        | {
            "vin": chance.choice([f"TST-{number:04}", vin(number), f"EVH000{number:03}"]),
            "vcu_id": f"CEH{chance.choice([number, number + 60])}",
            "motor_id": chance.choice(CELLS["motor_id"][:-1]),
            "bms_id": chance.choice(CELLS["bms_id"][:-1]),
            "phone": chance.choice(CELLS["phone"][:-1]) if chance.random() < 0.2 else "",
        }
        for number in range(1, 40)
    ]
    first = office.send("product_registration", *rows)
    assert FAILED in first
    vehicles = office.vehicles()
    for row, effect in zip(rows, first, strict=True):
        if effect != FAILED:
            assert {name: vehicles[row["vin"]][name] for name in VEHICLE} == {name: row[name] for name in VEHICLE}
    for part in PARTS:
        real = [item[part] for item in vehicles.values() if not item["placeholder"]]
        default = {item[part] for item in vehicles.values() if item["placeholder"] and item[part]}
        assert len(set(real)) == len(real)
        assert default & set(real) == set()
    assert passed_again(first, office.send("product_registration", *rows)) <= {UNCHANGED}
