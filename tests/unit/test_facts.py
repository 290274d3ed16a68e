"""What the findings of an upload say beside their code."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from formats.facts import also_in, with_facts, with_rule_facts
from formats.schema import NotBefore, RequiredWhen
from formats.template import ROW_FINDINGS
from tests.support.grids import SALES

COLUMNS = SALES.columns


def table(**cells: list[str | None]) -> pa.Table:
    size = len(next(iter(cells.values())))
    columns = {name: pa.array(cells.get(name, [None] * size), pa.string()) for name in SALES.names}
    return pa.table({**columns, "row": pa.array(range(2, 2 + size), pa.int64())})


def found(*findings: tuple[int, str | None, str, str | None]) -> pa.Table:
    rows = [dict(zip(ROW_FINDINGS.names, finding, strict=True)) for finding in findings]
    return pa.Table.from_pylist(rows, schema=ROW_FINDINGS)


def facts(findings: pa.Table) -> list[str | None]:
    told: list[str | None] = findings["fact"].to_pylist()
    return told


def test_a_finding_without_a_fact_gets_what_was_read() -> None:
    cells = table(order_no=["A 1", None], phone=["12", None], note=[None, "y" * 300])
    findings = found(
        (2, "order_no", "SERIAL_INVALID", None),
        (2, "phone", "PHONE_IN_USE", "B-2"),
        (3, "note", "CELL_LENGTH", None),
        (3, "order_no", "CELL_EMPTY", None),
        (0, None, "SHEET_STRAY", "Notes"),
        (1, "note", "EXCEL_HIDDEN_COLUMN", None),
        (2, "elsewhere", "DATE_ORDER", None),
    )
    assert facts(with_facts(SALES, cells, findings)) == [
        *("A 1", "B-2", f"300 characters: {'y' * 60}…", None, "Notes", None, None)
    ]
    assert with_facts(SALES, cells, findings).schema == ROW_FINDINGS


def test_a_secret_is_never_a_fact() -> None:
    assert facts(with_facts(SALES, table(pin=["12345"]), found((2, "pin", "CELL_LENGTH", None)))) == [None]


def test_a_form_is_shown_by_its_example() -> None:
    columns = [replace(item, pattern="[A-Z]-[0-9]", example="A-1") if item.name == "note" else item for item in COLUMNS]
    schema = replace(SALES, columns=tuple(columns))
    told = with_facts(schema, table(note=["17"]), found((2, "note", "CELL_PATTERN", None)))
    assert facts(told) == ["17; write it like A-1"]


def test_allowed_values_are_named() -> None:
    cells = table(state=["Broken"])
    assert facts(with_facts(SALES, cells, found((2, "state", "CELL_CHOICE", None)))) == ["Broken; allowed: New, Used"]


def test_rows_that_repeat_each_other_name_the_other_one() -> None:
    cells = table(order_no=["A", "B", "A", "A", "B", "C"], imei=["1", "2", "1", "1", "2", "3"])
    rows = [(row, "order_no", "ROW_DUPLICATE", None) for row in (2, 3, 4, 5, 6)]
    assert facts(with_rule_facts(SALES, cells, found(*rows, (7, "order_no", "SERIAL_INVALID", None)))) == [
        "Order number A, IMEI 1, also in row 4 and 1 more",
        "Order number B, IMEI 2, also in row 6",
        "Order number A, IMEI 1, also in row 2 and 1 more",
        "Order number A, IMEI 1, also in row 2 and 1 more",
        "Order number B, IMEI 2, also in row 3",
        None,
    ]
    assert facts(with_rule_facts(SALES, cells, found())) == []


def test_a_row_that_nobody_repeats() -> None:
    cells = pa.array(["A", "B"])
    assert also_in(pa.array([2, 3], pa.int64()), cells, cells).to_pylist() == ["A", "B"]
    assert also_in(pa.array([], pa.int64()), cells[:0], cells[:0]).to_pylist() == []


def test_the_other_side_of_a_rule_is_named() -> None:
    schema = replace(SALES, rules=(NotBefore("seen", "sold"), RequiredWhen("phone", "state", ("Used",))))
    cells = table(seen=["2026-02-01", None], sold=["2026-03-01", None], state=["New", "Used"])
    told = found((2, "seen", "DATE_ORDER", None), (3, "phone", "CELL_EMPTY", None), (3, "order_no", "CELL_EMPTY", None))
    assert facts(with_rule_facts(schema, cells, told)) == [
        "2026-02-01 is before 2026-03-01",
        "needed where State is Used",
        None,
    ]
