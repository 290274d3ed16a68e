"""The template RemotEye Registration."""

from __future__ import annotations

import calendar
import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.template import CLEAR, Reference, Rules
from formats.templates._calendar import months_later
from formats.templates.remoteye_registration import TEMPLATE
from tests.support.template_rows import codes, findings, inserted, judged, planned, updated, writes

ROW = {
    "user_mode": "new",
    "company_mode": "new",
    "company_name": "Example Power Ltd",
    "contact_name": "Alex Example",
    "contact_email": "alex@example.com",
    "contact_phone": "+919876543210",
    "sales_order_no": "SO-2001",
    "device_type": "RemotEye 4",
    "lease_months": "24",
    "device_serial": "RE4-1",
    "device_mac": "02:1A:2B:3C:4D:5E",
    "ups_model": "1600XP",
    "ups_model_no": "1600XP-18",
    "ups_serial": "160300007",
    "ups_ship_date": "2026-02-20",
    "start_date": "2026-03-01",
    "service_contract_no": "SO-2002",
}
EXISTING = ROW | {"company_mode": "existing"}
COMPANY = {"id": 7}
TABLE = "remoteye_registrations"


def device(number: int, **cells: str) -> dict[str, str]:
    return ROW | {"device_serial": f"RE4-{number}", "device_mac": f"02:1A:2B:3C:4D:{number:02X}"} | cells


def stored(row: dict[str, str], **cells: object) -> dict[str, object]:
    """The registration this row makes, for the company on record."""
    own = {name: cell for name, cell in row.items() if name != "company_name"}
    return own | {
        "lease_months": int(row["lease_months"]),
        "end_date": "2028-03-01",
        "customer_id": 7,
        **cells,
    }


def test_a_good_row_passes_the_judge() -> None:
    assert judged(TEMPLATE, ROW) == []


def test_the_fields_of_the_form_stand_in_their_order() -> None:
    assert [column.heading for column in TEMPLATE.schema.columns] == [
        "User",
        "Company",
        "Company name",
        "Contact information",
        "Contact email",
        "Contact phone",
        "TIC Sales Order #",
        "Device Type",
        "Lease Time",
        "Device S/N",
        "Device MAC",
        "UPS Model",
        "UPS Model #",
        "UPS Serial #",
        "UPS Ship Date",
        "Start Date",
        "Service Contract Sales Order #",
    ]


OPTIONAL = ("sales_order_no", "lease_months", "ups_ship_date", "service_contract_no")


@pytest.mark.parametrize("column", [name for name in ROW if name not in OPTIONAL])
def test_the_judge_wants(column: str) -> None:
    assert judged(TEMPLATE, ROW | {column: ""}) == [(2, column, "CELL_EMPTY")]


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("user_mode", "old", "CELL_CHOICE"),
        ("company_mode", "New", "CELL_CHOICE"),
        ("contact_name", "Alex", "CELL_PATTERN"),
        ("contact_email", "alex@", "EMAIL_INVALID"),
        ("contact_phone", "1", "PHONE_INVALID"),
        ("lease_months", "a year", "CELL_INTEGER"),
        ("device_mac", "03:1A:2B:3C:4D:5E", "MAC_INVALID"),
        ("start_date", "2026-02-29", "CELL_DAY"),
    ],
)
def test_the_judge_refuses(column: str, cell: str, code: str) -> None:
    assert judged(TEMPLATE, ROW | {column: cell}) == [(2, column, code)]


def test_serial_number_and_mac_stand_in_a_file_once() -> None:
    assert judged(TEMPLATE, device(1), device(2)) == []
    found = judged(TEMPLATE, device(1), device(2, device_mac="02:1A:2B:3C:4D:01"))
    assert found == [(2, "device_mac", "ROW_DUPLICATE"), (3, "device_mac", "ROW_DUPLICATE")]


def test_a_new_company_is_added_with_its_device() -> None:
    plan = planned(TEMPLATE, ROW)
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["NEW"]
    assert inserted(plan, "customers") == [
        {
            "row": 2,
            "name": "Example Power Ltd",
            "phone": "+919876543210",
            "email": "alex@example.com",
            "account": None,
        }
    ]
    (registration,) = inserted(plan, TABLE)
    assert registration["customer_id"] == "Example Power Ltd"
    assert (registration["lease_months"], registration["end_date"]) == (24, "2028-03-01")
    customer, device_of_it = (write for write in plan.writes if write.rows.num_rows)
    assert (customer.table, customer.numbered) == ("customers", {"account": "CU-"})
    assert device_of_it.references == {"customer_id": Reference("customers", "name")}


def test_several_devices_of_a_new_company_make_one_customer() -> None:
    plan = planned(TEMPLATE, device(1), device(2, company_name="EXAMPLE POWER LTD"), device(3, company_name="Other"))
    assert [(row["row"], row["name"]) for row in inserted(plan, "customers")] == [
        (2, "Example Power Ltd"),
        (4, "Other"),
    ]
    assert [row["customer_id"] for row in inserted(plan, TABLE)] == ["Example Power Ltd"] * 2 + ["Other"]


def test_no_customer_is_added_for_rows_that_fail() -> None:
    plan = planned(TEMPLATE, device(1, lease_months="0"), device(2), device(3, company_name="Other", lease_months="0"))
    assert [row["row"] for row in inserted(plan, "customers")] == [3]


def test_an_existing_company_s_device_is_added_to_it() -> None:
    plan = planned(TEMPLATE, EXISTING, company=[COMPANY])
    assert codes(plan) == []
    assert inserted(plan, "customers") == []
    assert [row["customer_id"] for row in inserted(plan, TABLE)] == [7]


def test_new_companies_are_new_and_existing_ones_exist() -> None:
    rows = (ROW, device(2, company_mode="existing"), device(3, company_mode="existing"), device(4))
    plan = planned(TEMPLATE, *rows, company=[COMPANY, None, 2, 2])
    assert codes(plan) == [
        (2, "company_name", "COMPANY_EXISTS"),
        (3, "company_name", "COMPANY_UNKNOWN"),
        (4, "company_name", "COMPANY_AMBIGUOUS"),
        (5, "company_name", "COMPANY_EXISTS"),
    ]
    assert inserted(plan, "customers") == inserted(plan, TABLE) == []


def test_further_devices_of_a_company_that_came_as_new_may_follow_with_the_same_contact() -> None:
    plan = planned(TEMPLATE, device(2), company=[COMPANY], companion=[3])
    assert codes(plan) == []
    assert inserted(plan, "customers") == []
    assert [row["customer_id"] for row in inserted(plan, TABLE)] == [7]


def test_the_same_again_changes_nothing() -> None:
    plan = planned(TEMPLATE, ROW, company=[COMPANY], companion=[1], registration=[stored(ROW)])
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["UNCHANGED"]
    assert writes(plan, TABLE) == writes(plan, "customers") == []


def test_what_differs_is_updated() -> None:
    rows = (ROW | {"contact_name": "Bo Example"}, EXISTING | {"start_date": "2026-03-31"}, EXISTING)
    registrations = [stored(ROW), stored(EXISTING), stored(EXISTING, customer_id=8)]
    plan = planned(TEMPLATE, *rows, company=[COMPANY] * 3, registration=registrations)
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["CHANGED", "CHANGED", "CHANGED"]
    changed = updated(plan, TABLE)
    assert [row["contact_name"] for row in changed] == ["Bo Example", "Alex Example", "Alex Example"]
    assert [row["end_date"] for row in changed] == ["2028-03-01", "2028-03-31", "2028-03-01"]
    assert [row["customer_id"] for row in changed] == [7] * 3


def test_blank_keeps_and_clear_empties() -> None:
    blank = EXISTING | dict.fromkeys(OPTIONAL, "")
    clear = EXISTING | dict.fromkeys(OPTIONAL, CLEAR)
    plan = planned(TEMPLATE, blank, clear, company=[COMPANY] * 2, registration=[stored(EXISTING)] * 2)
    assert plan.effects.to_pylist() == ["UNCHANGED", "CHANGED"]
    (row,) = updated(plan, TABLE)
    assert [row[name] for name in (*OPTIONAL, "end_date")] == [None, 12, None, None, "2027-03-01"]


def test_a_lease_is_twelve_months_unless_it_is_said_otherwise() -> None:
    (row,) = inserted(planned(TEMPLATE, ROW | {"lease_months": ""}), TABLE)
    assert (row["lease_months"], row["end_date"]) == (12, "2027-03-01")


@pytest.mark.parametrize("months", ["0", "601", "999999999999999999"])
def test_a_lease_has_a_length_that_can_be_meant(months: str) -> None:
    assert codes(planned(TEMPLATE, ROW | {"lease_months": months})) == [(2, "lease_months", "NUMBER_RANGE")]


def test_a_lease_ends_in_a_year_of_four_digits() -> None:
    plan = planned(TEMPLATE, ROW | {"start_date": "9999-01-01"})
    assert codes(plan) == [(2, "lease_months", "NUMBER_RANGE")]


def test_a_missing_sales_order_and_a_late_ship_date_are_noted() -> None:
    rows = (device(1, sales_order_no=""), device(2, ups_ship_date="2026-03-02"), device(3, ups_ship_date="2026-03-01"))
    plan = planned(TEMPLATE, *rows)
    assert codes(plan) == [(2, "sales_order_no", "SALES_ORDER_MISSING"), (3, "ups_ship_date", "SHIPPED_AFTER_START")]
    assert len(inserted(plan, TABLE)) == 3


def test_a_mac_address_is_one_device_s() -> None:
    own, other = {"device_serial": "RE4-1"}, {"device_serial": "RE4-9"}
    plan = planned(TEMPLATE, device(1), device(2), device_of_mac=[own, other])
    assert findings(plan) == [(3, "device_mac", "DEVICE_CONFLICT", "RE4-9")]


def test_the_lists_of_the_installation_bind() -> None:
    rules = Rules(lists={"device_types": ("RemotEye 4",), "ups_models": ("2200XP",)})
    assert codes(planned(TEMPLATE, ROW, rules=rules)) == [(2, "ups_model", "CELL_CHOICE")]


def test_devices_of_new_and_known_companies_stand_side_by_side() -> None:
    rows = (device(1), device(2, company_mode="existing", company_name="Known"), device(3, company_name="Other"))
    plan = planned(TEMPLATE, *rows, company=[None, COMPANY, None], registration=[None, None, stored(device(3))])
    assert plan.effects.to_pylist() == ["NEW", "NEW", "CHANGED"]
    assert sorted((row["row"], row["customer_id"]) for row in inserted(plan, TABLE)) == [
        (2, "Example Power Ltd"),
        (3, 7),
    ]
    assert [(row["row"], row["customer_id"]) for row in updated(plan, TABLE)] == [(4, "Other")]


@given(
    start=st.dates(dt.date(1000, 1, 1), dt.date(9000, 12, 31)),
    months=st.integers(1, 600),
)
def test_months_are_those_of_the_calendar(start: dt.date, months: int) -> None:
    count = start.year * 12 + start.month - 1 + months
    year, month = count // 12, count % 12 + 1
    expected = dt.date(year, month, min(start.day, calendar.monthrange(year, month)[1]))
    found = months_later(pa.array([start.isoformat(), None]), pa.array([months, 1], pa.int64()))
    assert found.to_pylist() == [expected.isoformat(), None]


def test_the_last_day_of_a_month_stays_in_its_month() -> None:
    starts = pa.array(["2024-01-31", "2023-01-31", "2024-02-29", "2023-08-31"])
    ends = months_later(starts, pa.array([1, 1, 12, 6], pa.int64())).to_pylist()
    assert ends == ["2024-02-29", "2023-02-28", "2025-02-28", "2024-02-29"]
