"""Days as people write them: each is read as the one day it means, or not at all."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.workbook.read.days import Day, from_serial, from_text
from tests.support.grids import CALM

DAYS = st.dates(date(1900, 3, 1), date(2199, 12, 31))


@pytest.mark.parametrize(
    "text",
    [
        *("2024/03/05", "2024.3.5", "2024-3-05", "2024-03-05", "5 Mar 2024", "05-Mar-2024", "5-mar-2024", "5.Mar.2024"),
        *(
            "5th March 2024",
            "5 March, 2024",
            "March 5, 2024",
            "Mar 5 2024",
            "MAR-05-2024",
            "  5   Mar  2024 ",
            "5Mar2024",
        ),
        *("2024-03-05 00:00:00", "2024-03-05T00:00:00Z", "2024-03-05T00:00:00.000Z", "2024/03/05 0:00"),
    ],
)
def test_clear_forms_are_read(text: str) -> None:
    assert from_text(text) == Day(datetime(2024, 3, 5))  # noqa: DTZ001  # a calendar day


@pytest.mark.parametrize("text", ["25/12/2024", "12/25/2024", "25-12-2024", "12.25.2024", "25.12.2024"])
def test_a_number_that_can_be_no_month_makes_it_clear(text: str) -> None:
    assert from_text(text).moment == datetime(2024, 12, 25)  # noqa: DTZ001


def test_equal_numbers_are_clear() -> None:
    assert from_text("05/05/2024").moment == datetime(2024, 5, 5)  # noqa: DTZ001


@pytest.mark.parametrize(
    "text",
    ["05/03/2024", "5-3-2024", "05.03.2024", "12/11/2024", "05/03/24", "25/12/24", "24/03/05", "5 Mar 24", "05-Mar-24"],
)
def test_what_can_mean_two_days_is_unclear(text: str) -> None:
    assert from_text(text) == Day(unclear=True)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "soon",
            "2024",
            "20240305",
            "45356",
            "31/02/2024",
            "2024-02-30",
            "2024-13-01",
            "0 Mar 2024",
            "32 Mar 2024",
        ),
        *(
            "13/13/2024",
            "99/99/9999",
            "5 Foo 2024",
            "5 Marble 2024",
            "5 Ma 2024",
            "2024-03-05T25:00",
            "2024-03-05T10:00+05:30",
        ),
        *("25/12-2024", "Mar 2024", "5/Mar", "0000-01-01", "1 Jan 0000"),
    ],
)
def test_what_is_no_day_is_left(text: str) -> None:
    assert from_text(text) == Day()


def test_a_time_of_day_is_told() -> None:
    assert from_text("2024-03-05 14:30") == Day(datetime(2024, 3, 5, 14, 30), timed=True)  # noqa: DTZ001
    assert from_serial(45356.75, date1904=False) == Day(datetime(2024, 3, 5, 18), timed=True)  # noqa: DTZ001


@CALM
@given(DAYS)
def test_every_day_is_read_in_every_clear_form(day: date) -> None:
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    name = months[day.month - 1]
    for text in (
        f"{day:%Y/%m/%d}",
        f"{day.day} {name} {day.year}",
        f"{day.day:02}-{name}-{day.year}",
        f"{name} {day.day}, {day.year}",
    ):
        assert from_text(text) == Day(midnight)


@CALM
@given(DAYS)
def test_day_and_month_in_numbers_are_never_guessed(day: date) -> None:
    for text in (f"{day:%d/%m/%Y}", f"{day:%m/%d/%Y}"):
        read = from_text(text)
        assert read.unclear or read.moment == datetime(day.year, day.month, day.day)  # noqa: DTZ001
        assert read.unclear == (day.day <= 12 and day.day != day.month)


@CALM
@given(st.integers(32874, 73050), st.booleans())
def test_serial_numbers_are_days_since_the_epoch(serial: int, date1904: bool) -> None:
    day = (date(1904, 1, 1) if date1904 else date(1899, 12, 30)) + timedelta(days=serial)
    read = from_serial(serial, date1904)
    if 1990 <= day.year <= 2099:
        assert read == Day(datetime(day.year, day.month, day.day))  # noqa: DTZ001
    else:
        assert read == Day()


@pytest.mark.parametrize("number", [0, 1, 2024, 20240305, -5, 1e15, float("inf"), float("-inf"), float("nan")])
def test_numbers_that_are_no_likely_day_are_left(number: float) -> None:
    assert from_serial(number, date1904=False) == Day()


@CALM
@given(st.text())
def test_no_text_raises(text: str) -> None:
    from_text(text)


@CALM
@given(
    st.from_regex(r"[0-9]{1,4}[-/. ]([0-9]{1,2}|[A-Z][a-z]{2})[-/. ][0-9]{1,4}( [0-9]{1,2}:[0-9]{2})?", fullmatch=True)
)
def test_no_likely_text_raises(text: str) -> None:
    day = from_text(text)
    assert not (day.unclear and day.moment)
