"""A row with a malformed cell came back with that fault alone; what the registry had against it came a round later.

All that is known of a row is said in one round, and nothing that only follows from the cell that was refused.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pytest

from formats.rules import Rules
from formats.template import ROW_FINDINGS
from formats.templates import template
from jobs.upload import Counts, Upload, Uploader
from jobs.uploads.chunks import Desk, scope_faults
from tests.support.desk import Desk as Installed
from tests.support.desk import desk  # noqa: F401  (a fixture)
from tests.support.installation import order_row
from tests.support.template_rows import Record, codes, known_of, rows_of
from tests.support.uploads import UploadDesk, filled, product

UNIT = {"id": 5, "vcu_id": "CEH0000001", "vin": "MVH002654", "device_id": "DEV-0001", "sale_id": 1}
OWN = {"id": 5, "vin": "MVH002654", "customer_id": 7, "owner_id": 7}
VEHICLE = {
    "product": UNIT | OWN | {"made_on": "2026-03-01", "sold_on": "2026-03-02", "warranty_until": "2027-03-05"},
    "unit": UNIT | OWN,
    "battery": OWN,
    "motor": OWN,
    "phone": OWN,
    "customer": {"id": 7},
    "location": {"id": 3},
}
HELD = {"provider": "acme", "customer_account": "C-1007", "customer_id": 7, "owner_id": 7, "state": "ENROLLED"}
SWAP = {"vin": "MVH002654", "old_vcu_id": "CEH0000001", "new_vcu_id": "CEH0000002"}
ON_RECORD: Mapping[str, Mapping[str, Record | int]] = {
    "customers": {"by_account": {"id": 2, "account": "C-1007"}, "by_name": 2, "parent": {"id": 1}},
    "locations": {},
    "leases": {"product": OWN},
    "group_members": {"product": OWN},
    "dmp_devices": {"client": {"id": 7}, "device": {"customer_id": 7}},
    "fleet_freedom_providers": {},
    "remoteye_registration": {
        "company": {"id": 7},
        "companion": {"customer_id": 7},
        "registration": {"customer_id": 7, "sales_order_no": "SO-1"},
    },
    "enrolment_order": {"customer": {"id": 7}},
    "device_return": {"device_by_serial_number": HELD, "customer": {"id": 7}},
    "vcu_swap": {
        "vehicle": UNIT | OWN | {"placeholder": False},
        "old_unit": UNIT,
        "old_device": HELD,
        "unit_of_device_id": {"vcu_id": "CEH0000002"},
        "swap": SWAP,
    },
    "product_registration": {"customer": {"id": 7}, "location": {"id": 3}, "phone": UNIT, "unit": UNIT | OWN},
    "product_data_update": VEHICLE,
    "sales_data_update": VEHICLE,
}
"""What is on record of the sample row of each template, so that nothing is wrong with it but what is named below."""


@pytest.mark.parametrize("name", list(ON_RECORD))
def test_nothing_follows_from_a_cell_that_was_refused(name: str) -> None:
    chosen = template(name)
    cells = {column.name: column.example for column in chosen.schema.columns}
    sound = _found(name, cells, None)
    for column in chosen.schema.names:
        assert _found(name, cells, column) <= sound, column


def _found(name: str, cells: Mapping[str, str], refused: str | None) -> set[tuple[int, str, str]]:
    """What a plan and the scope of customer 7 find in the row, one of whose cells was refused."""
    chosen = template(name)
    gone = [[2], [refused], ["CELL_PATTERN"], [None]] if refused else [[], [], [], []]
    rows = rows_of(chosen.schema, cells).without(pa.table(gone, schema=ROW_FINDINGS))
    readable = [key for key, lookup in chosen.lookups.items() if refused not in lookup.on.values()]
    known = known_of(chosen, 1, **{key: [entry] for key, entry in ON_RECORD[name].items() if key in readable})
    plan = chosen.plan(rows, known, Rules())
    scope = scope_faults(Desk(chosen, Uploader("ada@example.com", 7), Rules(), (), 1), rows, known, plan)
    outside = [(2, "", "SCOPE_FORBIDDEN")] if scope.findings.num_rows and chosen.owners else []
    return {*codes(plan), *outside}


@pytest.fixture
def uploads(desk: Installed) -> UploadDesk:  # noqa: F811
    return UploadDesk(desk)


def told(uploads: UploadDesk, upload: Upload) -> list[tuple[str | None, str]]:
    return sorted((column, code) for _, column, code in uploads.findings(upload))


def test_a_vehicle_s_registry_faults_come_with_those_of_its_cells(uploads: UploadDesk) -> None:
    assert uploads.upload("product_registration", product(71), product(72)).counts == Counts(new=2)
    taken = product(73, phone="call me", bms_id="BMS000071", vcu_id="CEH0000072")
    upload = uploads.upload("product_registration", taken, product(74))
    assert upload.counts == Counts(new=1, failed=1)
    assert told(uploads, upload) == [
        ("bms_id", "BATTERY_IN_USE"),
        ("phone", "PHONE_INVALID"),
        ("vcu_id", "VCU_IN_USE"),
    ]
    update = {"vin": "no frame id!", "vcu_id": "CEH0000071", "bms_id": "BMS000071"}
    assert told(uploads, uploads.upload("product_data_update", update)) == [("vin", "VIN_INVALID")]
    changed = {"vin": "MVH000071", "vcu_id": "CEH0000072", "phone": "call me"}
    assert told(uploads, uploads.upload("product_data_update", changed)) == [
        ("phone", "PHONE_INVALID"),
        ("vcu_id", "KEY_MISMATCH"),
    ]


def test_the_sound_rows_of_the_file_count_as_on_record(uploads: UploadDesk) -> None:
    upload = uploads.upload("product_registration", product(76), product(77, bms_id="BMS000076", phone="call me"))
    assert upload.counts == Counts(new=1, failed=1)
    assert ("phone", "PHONE_INVALID") in told(uploads, upload)
    assert {code for _, code in told(uploads, upload)} & {"BATTERY_IN_USE", "ROW_DUPLICATE"}


def test_an_order_s_registry_faults_come_with_those_of_its_cells(uploads: UploadDesk) -> None:
    number = next(uploads.desk.numbers)
    given = order_row(number)
    row = {name: given[name] for name in ("order_number", "delivery_number", "serial_number")} | {
        "order_date": "2026-03-01",
        "ship_date": "2026-03-02",
        "customer_account": "C-1",
        "provider": "acme",
    }
    assert uploads.upload("enrolment_order", row).counts == Counts(new=1)
    other = row | {"order_number": f"{given['order_number']}-2", "ship_date": "soon"}
    assert told(uploads, uploads.upload("enrolment_order", other)) == [
        ("serial_number", "DEVICE_ON_OTHER_ORDER"),
        ("ship_date", "CELL_DAY"),
    ]
    several = other | {"customer_account": "C-404", "serial_number": "SN-NEW-1"}
    assert told(uploads, uploads.upload("enrolment_order", several)) == [
        ("customer_account", "CUSTOMER_UNKNOWN"),
        ("ship_date", "CELL_DAY"),
    ]
    lacking = other | {"provider": "", "serial_number": "SN-NEW-2", "ship_date": "2026-03-02"}
    assert told(uploads, uploads.upload("enrolment_order", lacking)) == [("provider", "CELL_EMPTY")]
    back = {"order_number": f"RE-{number}", "order_date": "never", "serial_number": "SN-NEVER"}
    assert told(uploads, uploads.upload("device_return", back)) == [
        ("order_date", "CELL_DAY"),
        ("serial_number", "RETURN_NOT_ENROLLED"),
    ]
    assert uploads.desk.states(given["serial_number"]) == ["WAITING"]


def test_a_swap_s_registry_faults_come_with_those_of_its_cells(uploads: UploadDesk) -> None:
    assert uploads.upload("product_registration", product(81), product(82)).counts == Counts(new=2)
    swap = {"vin": "MVH000081", "old_vcu_id": "CEH0000082", "new_vcu_id": "CEH0000099", "order_number": "SW-81"}
    upload = uploads.upload("vcu_swap", swap | {"swap_date": "someday"})
    assert told(uploads, upload) == [
        ("old_vcu_id", "KEY_MISMATCH"),
        ("old_vcu_id", "RETURN_NOT_ENROLLED"),
        ("swap_date", "CELL_DAY"),
    ]


def test_a_preview_says_the_same(uploads: UploadDesk) -> None:
    assert uploads.upload("product_registration", product(91)).counts == Counts(new=1)
    row = {"vin": "MVH000404", "vcu_id": "CEH0000091", "phone": "call me"}
    uploads.drop("product_data_update", filled("product_data_update", row))
    report = uploads.run(dry_run=True)
    assert {"VIN_UNKNOWN", "PHONE_INVALID"} <= {finding.code for finding in report.findings}
