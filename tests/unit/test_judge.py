"""The judge: what each check refuses, what it lets pass, and where its finding stands."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest

from formats.checks import (
    Check,
    InChoices,
    IsIdentifier,
    IsInteger,
    IsMoment,
    LengthBetween,
    MatchesPattern,
    NotEmpty,
    checks_of,
    code_of,
    columns_of,
)
from formats.findings import CATALOGUE, FINDINGS_SCHEMA
from formats.judge import failures, judge, moments
from formats.schema import (
    PLAIN_TEXT,
    AnyGiven,
    Column,
    EmptyWhen,
    Kind,
    NotBefore,
    RecordSchema,
    RequiredWhen,
    UniqueTogether,
)

Row = tuple[str | None, ...]


def table(*rows: Row) -> pa.Table:
    """Columns a, b, c … of text."""
    return pa.table(
        {chr(97 + place): pa.array(cells, pa.string()) for place, cells in enumerate(zip(*rows, strict=True))}
    )


@pytest.mark.parametrize(
    ("check", "passing", "failing"),
    [
        (NotEmpty("a"), ["x", " ", ""], [None]),
        (MatchesPattern("a", "[a-c]+"), ["abc", None], ["abd", "", "abc\n", "xabc", "Abc"]),
        (MatchesPattern("a", "a|bc"), ["a", "bc"], ["abc", "ab", "ac"]),
        (
            MatchesPattern("a", PLAIN_TEXT),
            ["", "Ä 設備 \U0001f600", None],
            ["a\tb", "a\n", "\x00", "\x7f", "\x85", "\x1b[0m"],
        ),
        (LengthBetween("a", 2, 3), ["ab", "äöü", "\U0001f600\U0001f600", None], ["a", "", "abcd"]),
        (InChoices("a", ("OR", "VD")), ["OR", "VD", None], ["or", "OR ", "", "ORVD"]),
        (IsInteger("a"), ["0", "007", "9" * 18, None], ["-1", "+1", "1.0", "1e3", "", " 1", "٣", "9" * 19]),
        (
            IsMoment("a"),
            ["2026-03-05T14:30:00Z", "2024-02-29T00:00:00Z", None],
            ["2026-03-05", "", "2026-03-05T14:30:00"],
        ),
        (
            IsMoment("a"),
            ["1000-01-01T00:00:00Z"],
            ["2026-04-31T10:00:00Z", "2023-02-29T00:00:00Z", "0999-01-01T00:00:00Z"],
        ),
        (
            IsMoment("a"),
            ["9999-12-31T23:59:59Z"],
            ["2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z", "2026-1-01T00:00:00Z"],
        ),
        (IsIdentifier("a", Kind.SERIAL), ["C02XK1AAJG5H", None], ["C02 X", ""]),
        (IsIdentifier("a", Kind.IMEI), ["490154203237518", None], ["490154203237519", "49015420323751"]),
        (IsIdentifier("a", Kind.MEID), ["A1000049A5F3B2", None], ["a1000049a5f3b2", "91000049A5F3B2"]),
        (IsIdentifier("a", Kind.MAC), ["02:1A:2B:3C:4D:5E", None], ["03:1A:2B:3C:4D:5E", "02-1A-2B-3C-4D-5E"]),
    ],
)
def test_checks_of_one_cell(check: Check, passing: Sequence[str | None], failing: Sequence[str | None]) -> None:
    cells = table(*((cell,) for cell in [*passing, *failing]))
    assert failures(check, cells).to_pylist() == [False] * len(passing) + [True] * len(failing)


A, B = "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"


@pytest.mark.parametrize(
    ("check", "passing", "failing"),
    [
        (UniqueTogether(("a",)), [("x",), ("X",), (None,), (None,)], [("y",), ("y",), ("y",)]),
        (UniqueTogether(("a", "b")), [("x", "1"), ("x", "2"), ("y", None), ("y", None)], [("z", "3"), ("z", "3")]),
        (UniqueTogether(("a", "b")), [("xy", ""), ("x", "y"), ("", "xy")], [("", ""), ("", "")]),
        (AnyGiven(("a", "b")), [("x", None), (None, "x"), ("x", "x")], [(None, None)]),
        (AnyGiven(("a",), "b", ("VD",)), [("x", "OR"), (None, "VD")], [(None, "OR"), (None, None)]),
        (RequiredWhen("a", "b", ("OR", "RE")), [("x", "OR"), (None, "VD"), (None, None)], [(None, "OR"), (None, "RE")]),
        (EmptyWhen("a", "b", ("VD",)), [(None, "VD"), ("x", "OR"), ("x", None)], [("x", "VD")]),
        (NotBefore("a", "b"), [(A, A), (B, A), (None, B), (A, None), ("2026", B), (A, "x")], [(A, B)]),
    ],
)
def test_checks_across_cells(check: Check, passing: Sequence[Row], failing: Sequence[Row]) -> None:
    whole = table(*passing, *failing)
    assert failures(check, whole).to_pylist() == [False] * len(passing) + [True] * len(failing)


SCHEMA = RecordSchema(
    "judged",
    "Judged",
    (
        Column("key", "Key", "", "K", required=True, pattern="[A-Z]+", max_length=3),
        Column("size", "Size", "", "1", Kind.INTEGER),
        Column("note", "Note", "", "x", max_length=5),
    ),
    (UniqueTogether(("key", "size")), EmptyWhen("note", "key", ("NO",))),
)


def judged(
    *rows: Row, numbers: Sequence[int] | None = None, cut: int = 0
) -> tuple[list[tuple[int, str, str]], list[bool]]:
    cells = pa.table(list(map(list, zip(*rows, strict=True))), schema=SCHEMA.arrow())
    chunked = pa.concat_tables([cells.slice(0, cut), cells.slice(cut)]) if cut else cells
    verdict = judge(SCHEMA, chunked, None if numbers is None else pa.array(numbers, pa.int64()))
    assert verdict.findings.schema.equals(FINDINGS_SCHEMA)
    found = [(item["row"], item["column"], item["code"]) for item in verdict.findings.to_pylist()]
    return found, verdict.passed.to_pylist()


ROWS: tuple[Row, ...] = (
    ("A", "1", None),
    ("a", "x", "too long"),
    (None, None, None),
    ("NO", "2", "x"),
    ("B", "1", "x"),
    ("C", "9", None),
    ("C", "9", None),
)
FOUND = [
    (2, "key", "CELL_PATTERN"),
    (2, "size", "CELL_INTEGER"),
    (2, "note", "CELL_LENGTH"),
    (3, "key", "CELL_EMPTY"),
    (4, "note", "CELL_NOT_EMPTY"),
    (6, "key", "ROW_DUPLICATE"),
    (7, "key", "ROW_DUPLICATE"),
]


@pytest.mark.parametrize("cut", [0, 1, 3, 6])
def test_each_fault_stands_at_its_row_and_column(cut: int) -> None:
    found, passed = judged(*ROWS, cut=cut)
    assert found == FOUND
    assert passed == [True, False, False, False, True, False, False]


def test_source_row_numbers_are_kept_and_sorted() -> None:
    numbers = [90, 80, 70, 60, 50, 40, 30]
    found, _ = judged(*ROWS, numbers=numbers)
    moved = [(numbers[row - 1], column, code) for row, column, code in FOUND]
    assert sorted(found) == sorted(moved)
    assert [row for row, _, _ in found] == sorted(row for row, _, _ in moved)


def test_a_slice_is_judged_by_itself() -> None:
    """Of two equal rows only one lies in the slice."""
    cells = pa.table(list(map(list, zip(*ROWS, strict=True))), schema=SCHEMA.arrow()).slice(4, 2)
    assert judge(SCHEMA, cells).passed.to_pylist() == [True, True]


def test_an_empty_table_has_no_findings() -> None:
    verdict = judge(SCHEMA, SCHEMA.arrow().empty_table())
    assert (verdict.findings.num_rows, len(verdict.passed)) == (0, 0)
    assert verdict.findings.schema.equals(FINDINGS_SCHEMA)


def test_every_kind_of_check_has_a_code_of_the_catalogue_and_a_place() -> None:
    columns = tuple(
        Column(kind.value, "", "", "", kind, required=True, choices=("x",) if kind is Kind.CHOICE else ())
        for kind in Kind
    )
    rules = (
        UniqueTogether(("text", "imei")),
        AnyGiven(("meid", "mac")),
        RequiredWhen("mac", "text", ("x",)),
        EmptyWhen("imei", "text", ("x",)),
        NotBefore("moment", "text"),
    )
    checks = checks_of(RecordSchema("all", "All", columns, rules))
    assert {code_of(check) for check in checks} <= set(CATALOGUE)
    assert len({type(check) for check in checks}) == 14
    assert [columns_of(check)[0] for check in checks[-5:]] == ["text", "meid", "mac", "imei", "moment"]


def test_moments_are_utc_seconds() -> None:
    found = moments(pa.array([A, "2026-04-31T00:00:00Z", None], pa.string()))
    assert found.cast(pa.int64()).to_pylist() == [1772323200, None, None]
