"""The template Fleet Freedom Providers."""

from __future__ import annotations

import pytest

from adapters.registry.business_tables import fleet_freedom_providers
from formats.template import CLEAR
from formats.templates.fleet_freedom_providers import TEMPLATE
from tests.support.template_rows import codes, inserted, judged, planned, updated, writes

IMEI = "490154203237518"
ROW = {
    "kind": "calamp",
    "company": "42",
    "reporting_id": IMEI,
    "reporting_id_kind": "IMEI",
    "reporting_id_verified": "Yes",
    "phone_number": "+919876543210",
}
STORED = {
    "company": 42,
    "reporting_id": IMEI,
    "reporting_id_kind": "IMEI",
    "kind": "calamp",
    "phone_number": "+919876543210",
}


def test_a_good_row_passes_the_judge() -> None:
    assert judged(TEMPLATE, ROW | {"password": "example"}) == []


@pytest.mark.parametrize("kind", ["lmu", "xirgo", "airlink", "json", "unknown", "CalAmp", "Other"])
def test_kinds_that_are_given_up_or_unknown_are_refused(kind: str) -> None:
    assert judged(TEMPLATE, ROW | {"kind": kind}) == [(2, "kind", "CELL_CHOICE")]


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("company", "42a", "CELL_INTEGER"),
        ("company", "", "CELL_EMPTY"),
        ("reporting_id", "12345678", "CELL_LENGTH"),
        ("reporting_id", "1" * 51, "CELL_LENGTH"),
        ("reporting_id", "1234 567890", "CELL_PATTERN"),
        ("reporting_id", "", "CELL_EMPTY"),
        ("reporting_id_kind", "", "CELL_EMPTY"),
        ("reporting_id_verified", "", "CELL_EMPTY"),
        ("reporting_id_verified", "No", "CELL_CHOICE"),
        ("password", "x" * 51, "CELL_LENGTH"),
        ("phone_number", "12", "PHONE_INVALID"),
    ],
)
def test_the_judge_refuses(column: str, cell: str, code: str) -> None:
    assert judged(TEMPLATE, ROW | {column: cell}) == [(2, column, code)]


def test_company_and_reporting_id_stand_in_a_file_once() -> None:
    rows = (ROW, ROW | {"kind": "atrack"}, ROW | {"company": "43"})
    assert judged(TEMPLATE, *rows) == [(2, "company", "ROW_DUPLICATE"), (3, "company", "ROW_DUPLICATE")]


def test_a_new_device_is_inserted_without_its_password() -> None:
    plan = planned(TEMPLATE, ROW | {"password": "example"})
    assert plan.effects.to_pylist() == ["NEW"]
    assert inserted(plan, "fleet_freedom_providers") == [{"row": 2, **STORED}]


def test_an_imei_must_have_its_check_digit_and_nothing_takes_its_place() -> None:
    rows = (ROW | {"reporting_id": "490154203237519"}, ROW | {"reporting_id": "49-015420-323751-8"})
    other = ROW | {"reporting_id": "490154203237519", "reporting_id_kind": "OTHER"}
    plan = planned(TEMPLATE, *rows, other)
    assert codes(plan) == [(2, "reporting_id", "IMEI_INVALID"), (3, "reporting_id", "IMEI_INVALID")]
    assert [row["reporting_id"] for row in inserted(plan, "fleet_freedom_providers")] == ["490154203237519"]


def test_the_same_again_changes_nothing() -> None:
    plan = planned(TEMPLATE, ROW, ROW | {"phone_number": ""}, provider=[STORED, STORED])
    assert plan.effects.to_pylist() == ["UNCHANGED", "UNCHANGED"]
    assert writes(plan, "fleet_freedom_providers") == []


def test_what_differs_is_updated_and_clear_empties() -> None:
    rows = (ROW | {"kind": "atrack"}, ROW | {"phone_number": CLEAR})
    plan = planned(TEMPLATE, *rows, provider=[STORED, STORED])
    assert plan.effects.to_pylist() == ["CHANGED", "CHANGED"]
    assert updated(plan, "fleet_freedom_providers") == [
        {"row": 2, **STORED, "kind": "atrack"},
        {"row": 3, **STORED, "phone_number": None},
    ]


def test_a_password_always_counts_as_a_change_and_is_kept_nowhere() -> None:
    plan = planned(TEMPLATE, ROW | {"password": "example"}, ROW | {"password": CLEAR}, provider=[STORED, STORED])
    assert plan.effects.to_pylist() == ["CHANGED", "CHANGED"]
    assert "example" not in str([write.rows.to_pylist() for write in plan.writes])
    assert not any("password" in column.name for column in fleet_freedom_providers.columns)


def test_the_password_is_the_one_secret() -> None:
    assert [column.name for column in TEMPLATE.schema.columns if column.secret] == ["password"]


def test_no_version_key_is_ever_asked_for_or_written() -> None:
    assert "v" not in TEMPLATE.schema.names
    assert "v" not in fleet_freedom_providers.columns


def test_a_reporting_id_fits_its_column() -> None:
    assert fleet_freedom_providers.c.reporting_id.type.length == TEMPLATE.schema.column("reporting_id").max_length
