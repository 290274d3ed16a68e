"""Device identifiers: the masks against python-stdnum, and the one spelling that is stored."""

from __future__ import annotations

import string
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import imei, luhn, mac, meid

from formats import identifiers
from formats.schema import Kind

HEX = "0123456789ABCDEF"
KINDS = (Kind.SERIAL, Kind.IMEI, Kind.MEID, Kind.MAC)


def cells(*values: str | None) -> pa.StringArray:
    return pa.array(values, pa.string())


def mask(kind: Kind, *values: str | None) -> list[bool | None]:
    found: list[bool | None] = identifiers.valid(kind, cells(*values)).to_pylist()
    return found


def canonical(kind: Kind, value: str | None) -> str | None:
    (found,) = identifiers.canonical(kind, cells(value)).to_pylist()
    assert found is None or isinstance(found, str)
    return found


@st.composite
def damaged(draw: st.DrawFn, sound: st.SearchStrategy[str]) -> str:
    """A sound value, or one that is nearly sound."""
    value = draw(sound)
    place = draw(st.integers(0, len(value) - 1))
    other = draw(st.sampled_from(list(string.hexdigits + "GZ-: \n\t٣٤é\x00")))
    kind = draw(st.sampled_from(["sound", "sound", "swapped", "replaced", "cut", "grown"]))
    if kind == "swapped":
        return value[:place] + value[place : place + 2][::-1] + value[place + 2 :]
    if kind == "replaced":
        return value[:place] + other + value[place + 1 :]
    if kind == "cut":
        return value[:place] + value[place + 1 :]
    return value if kind == "sound" else value[:place] + other + value[place:]


FOURTEEN = st.integers(0, 10**14 - 1).map("{:014d}".format)
IMEIS = FOURTEEN.map(lambda digits: digits + luhn.calc_check_digit(digits))
MEIDS = st.tuples(st.sampled_from("ABCDEF"), st.text(HEX, min_size=13, max_size=13)).map("".join)
MACS = st.lists(st.text(HEX, min_size=2, max_size=2), min_size=6, max_size=6).map(":".join)


def is_imei(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) == 15 and imei.is_valid(value)


def is_meid(value: str) -> bool:
    """In capitals, without check digit; one of digits only is that of a device of several standards."""
    shaped = len(value) == 14 and value == value.strip().upper() and not {" ", "-"} & set(value)
    return shaped and value.isascii() and (value.isdigit() or (value[0] in "ABCDEF" and meid.is_valid(value)))


def is_mac(value: str) -> bool:
    shaped = len(value) == 17 and set(value) <= set(HEX + ":")
    return shaped and mac.is_valid(value, validate_manufacturer=False) and mac.is_unicast(value)


@pytest.mark.parametrize(
    ("kind", "sound", "expected"),
    [(Kind.IMEI, IMEIS, is_imei), (Kind.MEID, MEIDS, is_meid), (Kind.MAC, MACS, is_mac)],
    ids=["imei", "meid", "mac"],
)
def test_the_mask_is_that_of_stdnum(kind: Kind, sound: st.SearchStrategy[str], expected: Callable[[str], bool]) -> None:
    @given(st.lists(st.one_of(damaged(sound), st.text(max_size=18)), min_size=1, max_size=20))
    @settings(max_examples=120, deadline=None, derandomize=True)
    def compare(values: list[str]) -> None:
        assert mask(kind, *values) == [expected(value) for value in values]

    compare()


@given(st.lists(IMEIS, min_size=1, max_size=10), st.integers(0, 14), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(values: list[str], place: int, shift: int) -> None:
    wrong = [text[:place] + str((int(text[place]) + shift) % 10) + text[place + 1 :] for text in values]
    assert mask(Kind.IMEI, *values) == [True] * len(values)
    assert mask(Kind.IMEI, *wrong) == [False] * len(values)


def test_more_imeis_than_one_block() -> None:
    """The Luhn sum is made in blocks: the seams count, too."""
    good, bad = "490154203237518", "490154203237519"
    size = identifiers._LUHN_BLOCK * 2 + 3
    seams = {0, identifiers._LUHN_BLOCK - 1, identifiers._LUHN_BLOCK, size - 1}
    found = mask(Kind.IMEI, *(bad if row in seams else good for row in range(size)))
    assert {row for row, passed in enumerate(found) if not passed} == seams


@pytest.mark.parametrize(
    ("value", "passed"),
    [
        ("C02XK1AAJG5H", True),
        ("r9-aB/c_d.e", True),
        ("A", True),
        ("S" * 40, True),
        ("S" * 41, False),
        ("-A", False),
        ("A B", False),
        ("A\n", False),
        ("", False),
        ("É1", False),
        ("٣٤", False),
        ("=1+1", False),
    ],
)
def test_serial_numbers(value: str, passed: bool) -> None:
    assert mask(Kind.SERIAL, value) == [passed]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_cell_is_neither_right_nor_wrong(kind: Kind) -> None:
    assert mask(kind, None, "?", None) == [None, False, None]
    assert canonical(kind, None) is None


@pytest.mark.parametrize("kind", KINDS)
def test_empty_tables(kind: Kind) -> None:
    assert mask(kind) == []
    assert identifiers.canonical(kind, cells()).to_pylist() == []


@pytest.mark.parametrize(
    ("kind", "written", "stored"),
    [
        (Kind.IMEI, "49-015420-323751-8", "490154203237518"),
        (Kind.IMEI, "49 015420 323751 8", "490154203237518"),
        (Kind.MEID, "a1 000049 a5f3b2", "A1000049A5F3B2"),
        (Kind.MEID, "A1-0000-49A5-F3B2", "A1000049A5F3B2"),
        (Kind.MAC, "02-1a-2b-3c-4d-5e", "02:1A:2B:3C:4D:5E"),
        (Kind.MAC, "021a.2b3c.4d5e", "02:1A:2B:3C:4D:5E"),
        (Kind.MAC, "021A2B3C4D5E", "02:1A:2B:3C:4D:5E"),
        (Kind.MAC, "02:1A:2B:3C:4D:5E", "02:1A:2B:3C:4D:5E"),
        (Kind.SERIAL, "c02-xk 1", "c02-xk 1"),
    ],
)
def test_one_spelling_is_stored(kind: Kind, written: str, stored: str) -> None:
    assert canonical(kind, written) == stored


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.MAC, "HELLO-WORLDS"),
        (Kind.MAC, "10.0.0.1"),
        (Kind.MAC, "02-1A-2B-3C-4D"),
        (Kind.MAC, "021A2B3C4D5E6F"),
        (Kind.MAC, "02:1A:2B:3C:4D:5é"),
        (Kind.MAC, "not known"),
        (Kind.IMEI, "n-a"),
        (Kind.IMEI, "49-015420-323751"),
        (Kind.IMEI, "4.90154E+14"),
        (Kind.IMEI, "٤٩٠١٥٤٢٠٣٢٣٧٥١٨"),
        (Kind.IMEI, "４９０１５４２０３２３７５１８"),
        (Kind.MEID, "not-known"),
        (Kind.MEID, "99 000049 a5f3b2"),
    ],
)
def test_a_text_that_is_no_identifier_stays_as_it_is_and_is_refused(kind: Kind, text: str) -> None:
    assert canonical(kind, text) == text
    assert mask(kind, text) == [False]


@given(st.sampled_from(KINDS), st.text(max_size=20))
def test_the_stored_spelling_is_final(kind: Kind, text: str) -> None:
    once = canonical(kind, text)
    assert canonical(kind, once) == once


def test_the_device_id_is_the_first_identifier_given_also_over_chunks() -> None:
    names = identifiers.IDENTIFIER_COLUMNS
    rows = [("S", "I", "E", "M"), (None, "I", "E", "M"), (None, None, "E", "M"), (None, None, None, "M"), (None,) * 4]
    whole = pa.table({name: cells(*(row[place] for row in rows)) for place, name in enumerate(names)})
    for table in (whole, pa.concat_tables([whole.slice(0, 2), whole.slice(2)])):
        assert identifiers.device_id(table).to_pylist() == ["S", "I", "E", "M", None]
    assert identifiers.device_id(whole.slice(0, 0)).to_pylist() == []
