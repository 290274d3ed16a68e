"""Days as people and spreadsheet programs write them: bare serial numbers and texts in many forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from formats.workbook.layout import FIRST_DAY, LAST_DAY

ISO_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
ISO_MOMENT = ISO_DAY + "T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_TIME = r"(?:[T ]+(?P<time>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)(?:\.0+)?Z?)?"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_YEAR_FIRST = re.compile(r"(?P<year>[0-9]{4})([-/.])(?P<month>[0-9]{1,2})\2(?P<day>[0-9]{1,2})" + _TIME)
_NUMBERS = re.compile(r"(?P<first>[0-9]{1,2})([-/.])(?P<second>[0-9]{1,2})\2(?P<year>[0-9]{4}|[0-9]{2})" + _TIME)
_DAY_FIRST = re.compile(
    r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?[-/., ]*(?P<name>[A-Za-z]{3,9})\.?[-/., ]*(?P<year>[0-9]{4}|[0-9]{2})" + _TIME
)
_NAME_FIRST = re.compile(
    r"(?P<name>[A-Za-z]{3,9})\.?[- ]*(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?(?:,[ ]*|[- ]+)(?P<year>[0-9]{4})" + _TIME
)

_EPOCH_1900, _EPOCH_1904 = date(1899, 12, 30), date(1904, 1, 1)
_DAY_SECONDS = 86_400
_BEYOND = 1_000_000  # days; no sheet knows dates this late


@dataclass(frozen=True)
class Day:
    """What a text or number means: `moment` is None where it is no day, `unclear` where it can mean two."""

    moment: datetime | None = None
    unclear: bool = False
    timed: bool = False  # it has a time of day other than midnight


def from_text(text: str) -> Day:
    """The day a text names: 2024/03/05, 5 Mar 2024, March 5, 2024, 25/12/2024; not 05/03/2024 or 5 Mar 24."""
    written = " ".join(text.split())
    for form, read in ((_YEAR_FIRST, _numbered), (_NUMBERS, _guessed), (_DAY_FIRST, _named), (_NAME_FIRST, _named)):
        match = form.fullmatch(written)
        if match:
            return read(match)
    return Day()


def from_serial(number: float, date1904: bool) -> Day:
    """The day of a serial number, if it lies between 1990 and 2099."""
    if not 0 <= number < _BEYOND:
        return Day()
    days, seconds = divmod(round(number * _DAY_SECONDS), _DAY_SECONDS)
    epoch = _EPOCH_1904 if date1904 else _EPOCH_1900
    if not (FIRST_DAY - epoch).days <= days <= (LAST_DAY - epoch).days:
        return Day()
    day = epoch + timedelta(days=days)
    return Day(datetime.combine(day, time()) + timedelta(seconds=seconds), timed=seconds > 0)


def _numbered(match: re.Match[str]) -> Day:
    return _day(match["year"], int(match["month"]), int(match["day"]), match["time"])


def _guessed(match: re.Match[str]) -> Day:
    """Day and month in numbers: clear only if one of them can be no month, or both are the same."""
    first, second = int(match["first"]), int(match["second"])
    if len(match["year"]) == 2:
        return Day(unclear=True)
    readings = {(month, day) for month, day in ((second, first), (first, second)) if month <= 12}
    if len(readings) == 2:
        return Day(unclear=True)
    return _day(match["year"], *readings.pop(), match["time"]) if readings else Day()


def _named(match: re.Match[str]) -> Day:
    name = match["name"].lower()
    if name[:3] not in _MONTHS or not (name in _MONTHS or name == "sept" or name in _NAMES):
        return Day()
    if len(match["year"]) == 2:
        return Day(unclear=True)
    return _day(match["year"], _MONTHS.index(name[:3]) + 1, int(match["day"]), match["time"])


def _day(year: str, month: int, day: int, clock: str | None) -> Day:
    hour, minute, second = ([int(part) for part in clock.split(":")] + [0])[:3] if clock else (0, 0, 0)
    try:
        moment = datetime(int(year), month, day, hour, minute, second)  # noqa: DTZ001  # a calendar day
    except ValueError:
        return Day()
    return Day(moment, timed=bool(hour or minute or second))
