"""Whatever comes from outside: each parser understands it or says what is wrong, at a cost its size explains."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.bounded import Bounds, OutOfBounds, bounded
from tests.support.mutations import inputs
from tests.support.parsers import PARSERS, Parser

EXAMPLES, OF_PROCESSES = 50, 3


def name(parser: Parser) -> str:
    return parser.name


@pytest.mark.parametrize("parser", PARSERS, ids=name)
def test_a_sound_input_is_read(parser: Parser) -> None:
    for seed in parser.seeds:
        parser(seed)


@pytest.mark.parametrize("parser", PARSERS, ids=name)
def test_no_input_does_harm(parser: Parser) -> None:
    most = OF_PROCESSES if parser.starts_process else EXAMPLES
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

    @settings(max_examples=most, deadline=None, suppress_health_check=checks)
    @given(inputs(parser.seeds))
    def harmless(data: bytes) -> None:
        bounded(parser, data, parser.bounds)

    harmless()


@settings(max_examples=5, deadline=None)
@given(st.integers(1, 1000))
def test_what_runs_wild_is_stopped(size: int) -> None:
    """The bounds bite: a loop that no input explains, and memory that none does."""
    few = Bounds(calls=100, calls_per_byte=1, memory=10_000, memory_per_byte=1)
    with pytest.raises(OutOfBounds, match="more work"):
        bounded(lambda data: [len(data) for _ in range(2**40)], bytes(size), few)
    with pytest.raises(OutOfBounds, match="of memory"):
        bounded(lambda data: bytearray(20_000), bytes(size), few)
