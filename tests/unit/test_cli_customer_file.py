"""The customers file: good rows, findings by row, and files that are refused whole."""

from __future__ import annotations

import pytest

from app.cli.customer_file import CustomerFileRefused, read

HEADING = b"account,name,provider,organisation_id\n"


def codes(data: bytes) -> list[tuple[int, str, str]]:
    return [(item["row"], item["column"], item["code"]) for item in read(data, ["acme", "bolt"]).findings]


def test_good_rows_in_the_order_of_the_registry() -> None:
    rows = read(HEADING + b"C-1,Example Schools,acme,ORG-1\n\nC-1,Example Schools,bolt,B-1\n", ["acme", "bolt"])
    assert rows.good == [("C-1", "Example Schools", "acme", "ORG-1"), ("C-1", "Example Schools", "bolt", "B-1")]
    assert (rows.refused, rows.findings) == (0, [])


def test_columns_in_any_order_with_a_byte_order_mark() -> None:
    data = "\ufeffname,Account,organisation_id,provider\nExample Clinics,C-2,ORG-2,acme\n".encode()
    assert read(data, ["acme"]).good == [("C-2", "Example Clinics", "acme", "ORG-2")]


def test_a_wrong_row_is_named_and_the_good_ones_stay() -> None:
    data = HEADING + b"C-1,Example Schools,acme,ORG-1\nC-2,,acme,ORG-2\nC-3,Example Retail,carbon,ORG-3\n"
    rows = read(data, ["acme", "bolt"])
    assert codes(data) == [(3, "name", "CELL_EMPTY"), (4, "provider", "PROVIDER_UNKNOWN")]
    assert (len(rows.good), rows.refused) == (1, 2)


def test_the_same_customer_and_provider_twice() -> None:
    data = HEADING + b"C-1,Example Schools,acme,ORG-1\nC-1,Example Schools,acme,ORG-9\n"
    assert {code for _, _, code in codes(data)} == {"ROW_DUPLICATE"}


def test_control_characters_are_refused() -> None:
    assert codes(HEADING + b"C-1,Exa\x1bmple,acme,ORG-1\n") == [(2, "name", "CELL_PATTERN")]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "heading"),
        (b"account;name\nC-1;x\n", "heading"),
        (HEADING, "no rows"),
        (HEADING + b"C-1,Example\n", "row 2 has 2 cells"),
        (HEADING + b"C-1,\xff,acme,ORG-1\n", "not UTF-8"),
        (HEADING + b'C-1,"Exam,acme,ORG-1\n', "no CSV"),
    ],
)
def test_files_that_are_refused_whole(data: bytes, what: str) -> None:
    with pytest.raises(CustomerFileRefused, match=what):
        read(data, ["acme"])


def test_names_are_spelled_as_workbooks_spell_them() -> None:
    """One customer, typed on two systems: composed or not, with a blank that does not break."""
    heading = b"account,name,provider,organisation_id\n"
    typed = [f"C-1,{name},acme,ORG-1\n".encode() for name in ("Caf\u00e9 Nord", "Cafe\u0301\u00a0Nord")]
    assert {read(heading + row, ["acme"]).good[0][1] for row in typed} == {"Caf\u00e9 Nord"}
