"""Days of the calendar, as canonical text."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_DAYS_OF_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def months_later(starts: pa.StringArray, months: pa.Int64Array) -> pa.StringArray:
    """The same day of a later month, or that month's last day if it has no such day."""
    year, month, day = (
        pc.utf8_slice_codeunits(starts, first, stop).cast(pa.int64()) for first, stop in ((0, 4), (5, 7), (8, 10))
    )
    count = pc.add(pc.add(pc.multiply(year, 12), pc.subtract(month, 1)), months)
    year = pc.divide(count, 12)
    month = pc.subtract(count, pc.multiply(year, 12))
    february = pc.and_(pc.equal(month, 1), _is_leap(year)).cast(pa.int64())
    last = pc.add(pa.array(_DAYS_OF_MONTHS, pa.int64()).take(month), february)
    parts = ((year, 4), (pc.add(month, 1), 2), (pc.min_element_wise(day, last, skip_nulls=False), 2))
    return pc.binary_join_element_wise(*(pc.utf8_lpad(part.cast(pa.string()), size, "0") for part, size in parts), "-")


def _is_leap(years: pa.Int64Array) -> pa.BooleanArray:
    by_4, by_100, by_400 = (pc.equal(pc.multiply(pc.divide(years, number), number), years) for number in (4, 100, 400))
    return pc.or_(pc.and_not(by_4, by_100), by_400)
