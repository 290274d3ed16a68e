"""Inputs for parsers: sound ones that were damaged, and bytes of no sense at all."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

_LONG = 5_000  # digits, brackets or blanks in a row: more than any limit that is not ours
_TOKENS = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b"\n\n", b"\x0b", b"\x1c", b"\xe2\x80\xa8"),
    *(bytes([sign]) for sign in b"\"',;\t|{}[]=:#-*/\\<&"),
    *(b"null", b"true", b"NaN", b"Infinity", b"1e999", b"-0", b"0x10"),
    *(b"0000-00-00T00:00:00Z", b"9999-12-31T23:59:59Z", "\u0663".encode(), "\u00b2".encode()),
    *(b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00"),
    *(b"9" * _LONG, b"[" * _LONG, b'{"a":' * _LONG, b"a." * _LONG, b" " * _LONG, b"<a>" * _LONG),
)


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds with up to six pieces cut out, put in, replaced or repeated."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from((0, 1, 2, 4, 8, 40, 400))))
        piece = draw(st.sampled_from(_TOKENS) | st.binary(max_size=8))
        times = draw(st.sampled_from((0, 1, 2, 30)))
        new = draw(st.sampled_from((piece, data[start:end] * times, b"")))
        data = data[:start] + new + data[end:]
    return data


def inputs(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    return mutated(seeds) | mutated(seeds) | mutated(seeds) | st.binary(max_size=200)
