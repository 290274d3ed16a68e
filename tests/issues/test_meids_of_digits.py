"""MEIDs of decimal digits were refused: 14 of devices of several standards, and the 18 that labels print."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import meid

from formats import identifiers
from formats.schema import Kind


def read(written: str) -> tuple[str, bool]:
    cells = identifiers.canonical(Kind.MEID, pa.array([written], pa.string()))
    return cells[0].as_py(), identifiers.valid(Kind.MEID, cells)[0].as_py()


@pytest.mark.parametrize(
    ("written", "kept", "sound"),
    [
        ("a1000049a5f3b2", "A1000049A5F3B2", True),
        ("270113177609606898", "A10000009296F2", True),
        ("99000049105388", "99000049105388", True),
        ("35-824005-222221", "35824005222221", True),
        ("99000049A5F3B2", "99000049A5F3B2", False),
        ("A1000049A5F3B20", "A1000049A5F3B20", False),
        ("999999999999999999", "999999999999999999", False),
    ],
)
def test_meids(written: str, kept: str, sound: bool) -> None:
    assert read(written) == (kept, sound)


@given(st.integers(0xA0000000, 0xFFFFFFFF), st.integers(0, 0xFFFFFF))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_decimal_form_is_that_of_stdnum(high: int, low: int) -> None:
    assert read(f"{high:010d}{low:08d}") == (meid.compact(f"{high:010d}{low:08d}"), True)
