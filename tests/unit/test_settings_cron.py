"""Cron expressions: what is accepted is what Airflow's parser accepts and what comes true."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.settings.cron import cron
from adapters.settings.faults import Wrong

_START = datetime(2026, 1, 1, tzinfo=UTC)
_PART = st.one_of(
    st.just("*"),
    st.integers(0, 61).map(str),
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map("{0[0]}-{0[1]}".format),
    st.integers(0, 61).map("*/{}".format),
    st.tuples(st.integers(0, 60), st.integers(0, 30)).map("{0[0]}/{0[1]}".format),
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 30)).map("{0[0]}-{0[1]}/{0[2]}".format),
    st.sampled_from(["mon", "SUN", "jan", "Dec", "mon-fri", "feb", "jan-mar", "x", "", "L", "?", "1-", "/2"]),
)
_CELL = st.lists(_PART, min_size=1, max_size=3).map(",".join)


@pytest.mark.parametrize(
    "text", ["* * * * *", "*/15 * * * *", "0 6 * * 1-5", "5,35 0-6/2 1 jan-mar,dec *", "0 0 29 2 *", "0 0 31 2 mon"]
)
def test_common_expressions_are_accepted(text: str) -> None:
    assert cron(text) == text


def test_spaces_are_brought_to_one() -> None:
    assert cron("  0\t6  * * 1 ") == "0 6 * * 1"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "0 fields"),
        ("@daily", "1 fields"),
        ("0 0 * * * *", "6 fields"),
        ("60 * * * *", "the minute '60', outside 0-59"),
        ("* 24 * * *", "the hour '24', outside 0-23"),
        ("* * 0 * *", "the day '0', outside 1-31"),
        ("* * * 13 *", "the month '13', outside 1-12"),
        ("* * * * 8", "the weekday '8', outside 0-7"),
        ("30-10 * * * *", "the minute '30-10', outside"),
        ("*/0 * * * *", "outside"),
        ("x * * * *", "the minute 'x'"),
        ("1,,2 * * * *", "the minute ''"),
        ("-5 * * * *", "the minute '-5'"),
        ("٣ * * * *", "the minute '٣'"),
        ("0 0 30 2 *", "a day that no such month has"),
        ("0 0 31 4,6,9,11,2 *", "a day that no such month has"),
    ],
)
def test_others_are_refused(text: str, what: str) -> None:
    with pytest.raises(Wrong) as caught:
        cron(text)
    assert what in caught.value.what
    assert "five fields" in caught.value.remedy


@settings(deadline=None)
@given(st.tuples(_CELL, _CELL, _CELL, _CELL, _CELL).map(" ".join))
def test_whatever_is_accepted_airflows_parser_can_follow(text: str) -> None:
    try:
        accepted = cron(text)
    except Wrong:
        return
    assert croniter(accepted, _START).get_next(datetime) > _START


@settings(deadline=None)
@given(st.integers(0, 59), st.integers(0, 23), st.integers(1, 28), st.integers(1, 12), st.integers(0, 7))
def test_plain_numbers_in_range_are_accepted(minute: int, hour: int, day: int, month: int, weekday: int) -> None:
    text = f"{minute} {hour} {day} {month} {weekday}"
    assert cron(text) == text
