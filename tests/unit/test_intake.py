"""Order rows against what the registry knows: each rule by example, and every row in one place."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.findings import CATALOGUE, FINDINGS_SCHEMA
from formats.order_dispatch.layout import ORDER_DISPATCH
from jobs.intake import DEVICE_MATCHES, ENRICHMENT, Judged, content_digests, judge_rows

PROVIDERS = ("acme", "northwind")
ROWS = pa.schema([*ORDER_DISPATCH.arrow(), ("row", pa.int64())])

Cells = dict[str, Any]

ROW: Cells = {column.name: column.example for column in ORDER_DISPATCH.columns} | {"order_date": "2026-03-01T09:00:00Z"}
UNKNOWN: Cells = {
    **dict.fromkeys(name for name, _ in ENRICHMENT),
    "customer_id": 1,
    "organisation_id": "ORG-77",
    "device_differs": 0,
    "device_open": 0,
    "original_exists": 0,
    "order_returned": 0,
}
RETURN: Cells = {"request_type": "RE", "order_number": "RE-1", "order_date": "2026-04-01T00:00:00Z"}
HELD: Cells = {
    **dict.fromkeys(DEVICE_MATCHES, 7),
    "device_state": "ENROLLED",
    "device_order": "SO-1001",
    "device_order_date": "2026-03-01T09:00:00Z",
}
KNOWN_ORDER: Cells = {"known_customer_id": 1, "known_po_number": "PO-9"}
OTHER_LINE: Cells = {"known_line_sha256": "0" * 64}

Pair = tuple[Cells, Cells]


def tables(*pairs: Pair) -> tuple[pa.Table, pa.Table]:
    rows = [ROW | {"line_number": str(place), "row": place + 10} | cells for place, (cells, _) in enumerate(pairs, 1)]
    known = [UNKNOWN | {"row": place + 10} | facts for place, (_, facts) in enumerate(pairs, 1)]
    return pa.Table.from_pylist(rows, schema=ROWS), pa.Table.from_pylist(known, schema=pa.schema(ENRICHMENT))


def judged(*pairs: Pair) -> Judged:
    rows, known = tables(*pairs)
    return judge_rows(rows, known, content_digests(rows), PROVIDERS)


def found(outcome: Judged) -> list[tuple[int, str, str]]:
    assert outcome.findings.schema.equals(FINDINGS_SCHEMA)
    return [(item["row"], item["column"], item["code"]) for item in outcome.findings.to_pylist()]


@pytest.mark.parametrize(
    ("cells", "facts"),
    [
        ({}, {}),
        ({"provider": "northwind"}, {}),
        ({"enrolment_requested": "N"}, {"organisation_id": None}),
        ({}, KNOWN_ORDER),
        ({"po_number": None}, {**KNOWN_ORDER, "known_po_number": None}),
        ({"po_number": None}, {**KNOWN_ORDER, "known_po_number": ""}),
        ({}, HELD),
        ({}, {**HELD, "device_by_mac": None, "device_by_imei": None}),
        ({"request_type": "RE", "order_number": "RE-1", "order_date": "2026-03-01T09:00:01Z"}, HELD),
        (RETURN, {**HELD, "device_state": "NEW", "device_open": 1}),
        (RETURN, {**HELD, "device_order": "SO-7", "other_order_date": "2026-01-01T00:00:00Z"}),
        ({"request_type": "VD"}, {"original_exists": 1}),
        ({"request_type": "OV"}, {**HELD, "original_exists": 1}),
        ({"request_type": "OV"}, {"original_exists": 1, "other_order_date": "2026-01-01T00:00:00Z"}),
        ({}, {"original_exists": 1}),
        ({}, {"original_exists": 1, "order_returned": 1}),
        (RETURN, {**HELD, "order_returned": 1}),
    ],
)
def test_a_row_that_breaks_no_rule_is_accepted(cells: Cells, facts: Cells) -> None:
    outcome = judged((cells, facts))
    assert found(outcome) == []
    assert (outcome.accepted.to_pylist(), outcome.duplicate.to_pylist()) == ([True], [False])


@pytest.mark.parametrize(
    ("cells", "facts", "code", "column"),
    [
        ({"provider": "fabrikam"}, {}, "PROVIDER_UNKNOWN", "provider"),
        (
            {"enrolment_requested": "N"},
            {"customer_id": None, "organisation_id": None},
            "CUSTOMER_UNKNOWN",
            "customer_account",
        ),
        ({}, {"customer_id": None, "organisation_id": None}, "CUSTOMER_UNKNOWN", "customer_account"),
        ({}, {"organisation_id": None}, "CUSTOMER_NOT_AT_PROVIDER", "customer_account"),
        ({}, OTHER_LINE, "ORDER_LINE_CHANGED", "line_number"),
        ({}, {**KNOWN_ORDER, "known_customer_id": 2}, "ORDER_HEADER_MISMATCH", "order_number"),
        ({"po_number": "PO-8"}, KNOWN_ORDER, "ORDER_HEADER_MISMATCH", "order_number"),
        ({"po_number": None}, KNOWN_ORDER, "ORDER_HEADER_MISMATCH", "order_number"),
        ({}, {"other_order_date": "2026-02-01T00:00:00Z"}, "ORDER_HEADER_MISMATCH", "order_number"),
        ({}, {**HELD, "device_by_mac": 8}, "DEVICE_CONFLICT", "serial_number"),
        ({}, {"device_by_imei": 3, "device_by_meid": 4}, "DEVICE_CONFLICT", "serial_number"),
        ({}, {**HELD, "device_by_imei": None, "device_differs": 1}, "DEVICE_CONFLICT", "serial_number"),
        (RETURN, {}, "RETURN_NOT_ENROLLED", "serial_number"),
        (RETURN, {**HELD, "device_state": "NEW"}, "RETURN_NOT_ENROLLED", "serial_number"),
        (RETURN, {**HELD, "device_state": "UNENROLLED"}, "RETURN_NOT_ENROLLED", "serial_number"),
        (RETURN, {**HELD, "original_exists": 1}, "RETURN_ORDER_NUMBER_REUSED", "order_number"),
        ({**RETURN, "order_date": "2026-02-28T00:00:00Z"}, HELD, "RETURN_BEFORE_ORDER", "order_date"),
        ({**RETURN, "order_date": "2026-03-01T09:00:00Z"}, HELD, "RETURN_BEFORE_ORDER", "order_date"),
        ({"request_type": "VD"}, {}, "ORDER_UNKNOWN", "order_number"),
        ({"request_type": "OV"}, {}, "ORDER_UNKNOWN", "order_number"),
        ({"request_type": "VD"}, {"original_exists": 1, "order_returned": 1}, "ORDER_RETURNED", "order_number"),
        ({"request_type": "OV"}, {"original_exists": 1, "order_returned": 1}, "ORDER_RETURNED", "order_number"),
        ({}, {**HELD, "device_order": "SO-1000"}, "DEVICE_ON_OTHER_ORDER", "serial_number"),
        (
            {"request_type": "OV"},
            {**HELD, "device_order": "SO-1000", "original_exists": 1},
            "DEVICE_ON_OTHER_ORDER",
            "serial_number",
        ),
    ],
)
def test_each_rule_refuses_its_row_and_no_other(cells: Cells, facts: Cells, code: str, column: str) -> None:
    sound = {"order_number": "SO-9", "serial_number": "S9"}
    outcome = judged((sound, {}), (cells, facts), (sound, {}))
    assert found(outcome) == [(12, column, code)]
    assert outcome.accepted.to_pylist() == [True, False, True]
    assert not any(outcome.duplicate.to_pylist())


def test_the_same_line_again_is_a_duplicate_whatever_else_is_wrong() -> None:
    """It was taken before: its device is on its order now, and its provider may be gone."""
    rows, _ = tables(({"provider": "fabrikam"}, {}), ({}, {}))
    digests = content_digests(rows).to_pylist()
    facts = {**HELD, **KNOWN_ORDER, "device_order": "SO-1", "customer_id": None}
    outcome = judged(
        ({"provider": "fabrikam"}, {**facts, "known_line_sha256": digests[0]}), ({}, {"known_line_sha256": digests[1]})
    )
    assert found(outcome) == []
    assert (outcome.duplicate.to_pylist(), outcome.accepted.to_pylist()) == ([True, True], [False, False])


@pytest.mark.parametrize("column", ["customer_account", "order_date", "po_number"])
def test_an_order_has_one_header_in_a_file(column: str) -> None:
    changed = {**ROW, "po_number": None, "customer_account": "C-2", "order_date": "2026-03-01T09:00:01Z"}[column]
    outcome = judged(({}, {}), ({column: changed}, {}), ({}, {}))
    assert found(outcome) == [(12, "order_number", "ORDER_HEADER_MISMATCH")]


def test_equal_order_numbers_at_two_providers_are_two_orders() -> None:
    assert found(judged(({}, {}), ({"provider": "northwind", "po_number": "PO-8"}, {}))) == []


def test_instructions_of_different_dates_are_different_instructions() -> None:
    """Only an OR order has one header; a second return of the same number, dated later, is another one."""
    first, later = {**RETURN, "po_number": "1"}, {**RETURN, "po_number": "2", "order_date": "2026-05-01T00:00:00Z"}
    assert found(judged((first, HELD), (later, HELD))) == []
    same_date = {**later, "order_date": first["order_date"]}
    assert found(judged((first, HELD), (same_date, HELD))) == [(12, "order_number", "ORDER_HEADER_MISMATCH")]


def test_a_row_may_break_several_rules() -> None:
    outcome = judged(({"provider": "fabrikam"}, {"customer_id": None, "organisation_id": None}))
    assert {code for _, _, code in found(outcome)} == {"PROVIDER_UNKNOWN", "CUSTOMER_UNKNOWN"}


def test_no_rows_and_no_providers() -> None:
    rows, known = tables()
    outcome = judge_rows(rows, known, content_digests(rows), ())
    assert (len(outcome.accepted), outcome.findings.num_rows) == (0, 0)
    rows, known = tables(({}, {}))
    assert found(judge_rows(rows, known, content_digests(rows), ())) == [(11, "provider", "PROVIDER_UNKNOWN")]


FACTS = st.fixed_dictionaries(
    {
        "customer_id": st.sampled_from([None, 1, 2]),
        "organisation_id": st.sampled_from([None, "ORG-77"]),
        **{name: st.sampled_from([None, None, 7, 8]) for name in DEVICE_MATCHES},
        "device_differs": st.integers(0, 1),
        "device_state": st.sampled_from([None, "NEW", "ENROLLED", "UNENROLLED"]),
        "device_order": st.sampled_from([None, "SO-1001", "SO-2"]),
        "device_order_date": st.sampled_from([None, "2026-03-01T09:00:00Z", "2026-05-01T00:00:00Z"]),
        "device_open": st.integers(0, 2),
        "known_customer_id": st.sampled_from([None, 1, 2]),
        "known_po_number": st.sampled_from([None, "PO-9"]),
        "known_line_sha256": st.sampled_from([None, "same", "0" * 64]),
        "other_order_date": st.sampled_from([None, "2026-01-01T00:00:00Z"]),
        "original_exists": st.integers(0, 1),
        "order_returned": st.integers(0, 1),
    }
)
CELLS = st.fixed_dictionaries(
    {
        "request_type": st.sampled_from(["OR", "RE", "VD", "OV"]),
        "provider": st.sampled_from(["acme", "acme", "fabrikam"]),
        "order_number": st.sampled_from(["SO-1001", "SO-2"]),
        "enrolment_requested": st.sampled_from(["Y", "N"]),
        "po_number": st.sampled_from([None, "PO-9"]),
    }
)


@given(st.lists(st.tuples(CELLS, FACTS), max_size=12), st.integers(0, 12))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_every_row_is_accepted_or_duplicate_or_refused_with_a_finding(pairs: list[Pair], cut: int) -> None:
    rows, known = tables(*pairs)
    digests = content_digests(rows)
    own = [
        digest if facts["known_line_sha256"] == "same" else facts["known_line_sha256"]
        for digest, (_, facts) in zip(digests.to_pylist(), pairs, strict=True)
    ]
    place = known.schema.get_field_index("known_line_sha256")
    known = known.set_column(place, "known_line_sha256", pa.array(own, pa.string()))
    outcome = judge_rows(rows, known, digests, PROVIDERS)
    refused = {row for row, _, _ in found(outcome)}
    for number, accepted, duplicate in zip(
        rows["row"].to_pylist(), outcome.accepted.to_pylist(), outcome.duplicate.to_pylist(), strict=True
    ):
        assert [accepted, duplicate, number in refused].count(True) == 1
    assert {code for _, _, code in found(outcome)} <= set(CATALOGUE)
    chunked = pa.concat_tables([rows.slice(0, cut), rows.slice(cut)])
    assert found(judge_rows(chunked, known, digests, PROVIDERS)) == found(outcome)


# --- digests --------------------------------------------------------------------------------------


def test_digests_do_not_depend_on_the_order_of_columns_the_row_number_or_chunks() -> None:
    rows, _ = tables(({}, {}), ({"serial_number": None}, {}))
    digests = content_digests(rows)
    turned = rows.select(rows.column_names[::-1])
    moved = rows.set_column(rows.schema.get_field_index("row"), "row", pa.array([1, 2], pa.int64()))
    chunked = pa.concat_tables([rows.slice(0, 1), rows.slice(1)])
    assert [content_digests(table) for table in (turned, moved, chunked, rows.drop_columns(["row"]))] == [digests] * 4


@pytest.mark.parametrize("column", ORDER_DISPATCH.names)
def test_every_cell_counts_in_the_digest(column: str) -> None:
    rows, _ = tables(({}, {}), ({"line_number": "1", column: "other"}, {}), ({"line_number": "1", column: None}, {}))
    assert len(set(content_digests(rows).to_pylist())) == 3


def test_cells_do_not_run_into_each_other() -> None:
    rows, _ = tables(
        ({"manufacturer": "AB", "model": "C"}, {}), ({"manufacturer": "A", "model": "BC", "line_number": "1"}, {})
    )
    assert len(set(content_digests(rows).to_pylist())) == 2


def test_the_digest_is_the_one_the_registry_holds() -> None:
    """Of lines taken years ago, too: with another digest every line sent again would be refused as changed.

    It is the SHA-256 of the cells by column name, joined by the unit separator.
    """
    rows, _ = tables(({"imei2": None}, {}))
    assert content_digests(rows).to_pylist() == ["d1c1107ce7004ef0fb699aa5dfd0c4b117b389d7c270916299b7c2dc708fc4ef"]
