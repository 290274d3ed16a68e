"""The reporter (Great Expectations) and the judge (Arrow) find the same failures in any table."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.quality import validate
from formats.checks import checks_of, columns_of
from formats.generic.layout import REQUEST_DETAIL, RESPONSE_DETAIL
from formats.judge import failures
from formats.schema import (
    AnyGiven,
    Column,
    EmptyWhen,
    Kind,
    NotBefore,
    RecordSchema,
    RequiredWhen,
    UniqueTogether,
)
from jobs.errors import MusterError

SCHEMA = RecordSchema(
    "parity",
    "Every kind of check",
    (
        Column("type", "Type", "", "OR", Kind.CHOICE, True, choices=("OR", "VD", 'it\'s "odd"')),
        Column("text", "Text", "", "a", max_length=5, min_length=2),
        Column("key", "Key", "", "a-1", required=True, pattern=r"(\w|-)+|\d\s", max_length=4),
        Column("count", "Count", "", "1", Kind.INTEGER),
        Column("begun", "Begun", "", "2026-03-05T14:30:00Z", Kind.MOMENT),
        Column("ended", "Ended", "", "2026-03-05T14:30:00Z", Kind.MOMENT),
        Column("serial_number", "Serial number", "", "C02XK1AAJG5H", Kind.SERIAL),
        Column("imei", "IMEI", "", "490154203237518", Kind.IMEI),
        Column("meid", "MEID", "", "A1000049A5F3B2", Kind.MEID),
        Column("mac", "MAC", "", "02:1A:2B:3C:4D:5E", Kind.MAC),
        Column("vin", "VIN", "", "MVH002654", Kind.VIN),
        Column("phone", "Phone", "", "+919876543210", Kind.PHONE),
        Column("email", "E-mail", "", "ada@example.com", Kind.EMAIL),
        Column("rate", "Rate", "", "12.97", Kind.DECIMAL),
        Column("bought", "Bought", "", "2026-03-05", Kind.DATE),
        Column("sold", "Sold", "", "2026-03-05", Kind.DATE),
    ),
    (
        UniqueTogether(("imei",)),
        UniqueTogether(("key", "count", "type")),
        AnyGiven(("serial_number", "imei", "meid")),
        AnyGiven(("mac", "meid"), unless="type", values=("VD", 'it\'s "odd"')),
        AnyGiven(("mac",)),
        RequiredWhen("begun", "type", ("OR", 'it\'s "odd"')),
        EmptyWhen("ended", "type", ("VD",)),
        NotBefore("ended", "begun"),
        NotBefore("sold", "bought"),
    ),
)

MOMENTS = (
    "2026-03-05T14:30:00Z",
    "2026-03-05T14:30:01Z",
    "2024-02-29T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "2026-04-31T10:00:00Z",
    "1900-02-29T10:00:00Z",
    "2016-12-31T23:59:60Z",
    "2026-01-01T24:00:00Z",
    "2026-13-01T00:00:00Z",
    "0000-02-29T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "1000-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "1582-10-10T00:00:00Z",
    "2026-03-05T14:30:00Z\n",
    "2026-03-05t14:30:00z",
    "2026-03-05T14:30:00+00:00",
    "2026-03-05",
    "२०२६-03-05T14:30:00Z",
)
IDENTIFIERS = (
    "490154203237518",
    "490154203237519",
    "49015420323751",
    "4901542032375180",
    "٤٩٠١٥٤٢٠٣٢٣٧٥١٨",
    "490154203237518\n",
    "000000000000000",
    "A1000049A5F3B2",
    "a1000049a5f3b2",
    "11000049A5F3B2",
    "G1000049A5F3B2",
    "A1000049A5F3B2 ",
    "A1000049A5F3B2\n",
    "02:1A:2B:3C:4D:5E\n",
    "C02XK1AAJG5H\n",
    "02:1A:2B:3C:4D:5E",
    "01:1A:2B:3C:4D:5E",
    "02-1A-2B-3C-4D-5E",
    "02:1a:2B:3C:4D:5E",
    "02:1A:2B:3C:4D",
    "02:1A:2B:3C:4D:5E:6F",
    "02:1A:2B:3C:4D:+5",
    "FF:FF:FF:FF:FF:FF",
    "C02XK1AAJG5H",
    "-C02",
    "S" * 40,
    "S" * 41,
)
CONTACTS = (
    "MVH002654",
    "DAH-1234-5678",
    "mvh002654",
    "MV",
    "V" * 25,
    "V" * 26,
    "-VH002654",
    "+919876543210",
    "+0919876543210",
    "+91987654321٠",
    "+91 98765 43210",
    "919876543210",
    "+123456",
    "+1234567",
    "+123456789012345",
    "+1234567890123456",
    "ada@example.com",
    "Ada@example.com",
    "ada@example",
    "ada@@example.com",
    "ada lovelace@example.com",
    "ada@example.com\n",
    "+919876543210\n",
)
DAYS = (
    "2026-03-05",
    "2026-03-06",
    "2024-02-29",
    "2023-02-29",
    "2026-04-31",
    "0999-01-01",
    "9999-12-31",
    "2026-3-5",
    "2026-03-05T14:30:00Z",
    "2026-03-05\n",
    "२०२६-03-05",
    "12.97",
    "-0.5",
    "1.",
    ".5",
    "1e5",
    "1,5",
    "1234567890123",
)
WORDS = ("OR", "VD", 'it\'s "odd"', "or", "OR ", "OR\n", "", "1", "01", "9" * 18, "9" * 19, "-1", "1.0", "٣", "é")
ODD = st.text(alphabet=st.sampled_from(list("aA1-. \t\n\r\x00\x7f\x85\u2028é٣İ\U0001f600\"'\\")), max_size=7)


def _cells(*lists: tuple[str, ...]) -> st.SearchStrategy[str | None]:
    known = st.sampled_from([None, *(text for texts in lists for text in texts)])
    return st.one_of(known, known, known, ODD)


def _valid_imeis() -> st.SearchStrategy[str]:
    return st.integers(0, 10**15 - 1).map("{:015d}".format)


CELLS = {
    "type": _cells(("OR", "VD", 'it\'s "odd"')) | _cells(WORDS),
    "text": _cells(WORDS),
    "key": _cells(WORDS),
    "count": _cells(WORDS),
    "begun": _cells(MOMENTS),
    "ended": _cells(MOMENTS),
    "serial_number": _cells(IDENTIFIERS),
    "imei": _cells(IDENTIFIERS) | _valid_imeis(),
    "meid": _cells(IDENTIFIERS),
    "mac": _cells(IDENTIFIERS),
    "vin": _cells(CONTACTS),
    "phone": _cells(CONTACTS),
    "email": _cells(CONTACTS),
    "rate": _cells(WORDS, DAYS),
    "bought": _cells(DAYS),
    "sold": _cells(DAYS),
}
ROWS = st.lists(st.fixed_dictionaries(CELLS), min_size=10, max_size=30)


def _agree(schema: RecordSchema, table: pa.Table) -> None:
    validation = validate(schema, table, "table")
    judged = [pc.sum(failures(check, table)).as_py() or 0 for check in checks_of(schema)]
    reported = [result.unexpected for result in validation.results]
    places = [", ".join(columns_of(check)) for check in checks_of(schema)]
    assert [result.column for result in validation.results] == places
    assert dict(enumerate(reported)) == dict(enumerate(judged)), table.to_pylist()
    assert [result.success for result in validation.results] == [count == 0 for count in judged]
    assert validation.success == (not any(judged))


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(ROWS)
def test_reporter_and_judge_agree_on_any_table(rows: list[dict[str, str | None]]) -> None:
    _agree(SCHEMA, pa.Table.from_pylist(rows, schema=SCHEMA.arrow()))


@pytest.mark.parametrize("schema", [REQUEST_DETAIL, RESPONSE_DETAIL], ids=lambda schema: schema.name)
def test_reporter_and_judge_agree_on_the_generic_format(schema: RecordSchema) -> None:
    example = {column.name: column.example for column in schema.columns}
    rows: list[dict[str, str | None]] = [dict(example), dict(example), dict.fromkeys(example)]
    rows += [{**example, name: "\n"} for name in example]
    rows += [{**example, name: None} for name in example]
    _agree(schema, pa.Table.from_pylist(rows, schema=schema.arrow()))


def test_every_check_is_seen_to_fail() -> None:
    """Guards the property test: rows on which each of the schema's expectations fails at least once."""
    rows: list[dict[str, str | None]] = [
        {name: "?\n?\n?\n" for name in SCHEMA.names},
        {name: "?\n?\n?\n" for name in SCHEMA.names},
        dict.fromkeys(SCHEMA.names),
        {"type": "OR"},
        {"type": "VD", "begun": "2026-03-05T14:30:01Z", "ended": "2026-03-05T14:30:00Z"},
        {"type": "VD", "bought": "2026-03-06", "sold": "2026-03-05"},
    ]
    table = pa.Table.from_pylist([dict.fromkeys(SCHEMA.names) | row for row in rows], schema=SCHEMA.arrow())
    _agree(SCHEMA, table)
    passed = [result for result in validate(SCHEMA, table, "table").results if result.success]
    assert passed == []


def test_chunks_and_slices_make_no_difference() -> None:
    table = pa.Table.from_pylist([{"type": "OR", "imei": "490154203237518"}] * 4, schema=SCHEMA.arrow())
    chunked = pa.concat_tables([table.slice(1, 2), table.slice(3)])
    assert validate(SCHEMA, chunked, "table") == validate(SCHEMA, table.slice(0, 3), "table")


def test_an_empty_table_succeeds() -> None:
    validation = validate(SCHEMA, SCHEMA.arrow().empty_table(), "nothing")
    assert (validation.subject, validation.suite, validation.rows) == ("nothing", "parity", 0)
    assert validation.success
    assert {result.evaluated for result in validation.results} == {0}


def test_no_cell_value_leaves_the_reporter() -> None:
    row = {name: "SECRET-7731" for name in SCHEMA.names}
    validation = validate(SCHEMA, pa.Table.from_pylist([row, row], schema=SCHEMA.arrow()), "table")
    assert not validation.success
    assert "SECRET" not in repr(validation)


def test_an_expectation_that_raises_is_no_success() -> None:
    table = SCHEMA.arrow().empty_table().drop_columns(["imei"])
    with pytest.raises(MusterError) as raised:
        validate(SCHEMA, table, "table")
    assert raised.value.facts["column"] == "imei"
