"""Splitting into batches: every line once, limits kept, whole-order instructions never split."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from formats.enrolment import RequestType
from jobs.batching import WHOLE, EligibleOrder, split
from jobs.providers import BatchLimits, Grouping


@st.composite
def orders(draw: st.DrawFn) -> list[EligibleOrder]:
    sizes = draw(st.lists(st.integers(1, 12), max_size=15))
    made: list[EligibleOrder] = []
    next_line = 1
    for number, size in enumerate(sizes, 1):
        lines = list(range(next_line, next_line + size))
        next_line += size
        customer = draw(st.integers(1, 3))
        made.append(EligibleOrder(number, customer, draw(st.sampled_from(list(RequestType))), lines))
    return made


@given(orders(), st.integers(1, 10), st.integers(1, 5), st.sampled_from(list(Grouping)))
def test_every_line_lands_once_and_limits_hold(
    eligible: list[EligibleOrder], devices: int, per_batch: int, grouping: Grouping
) -> None:
    plan = split(eligible, BatchLimits(devices_per_batch=devices, orders_per_batch=per_batch), grouping)
    order_of = {line: order for order in eligible for line in order.line_ids}
    placed = [line for batch in plan.batches for line in batch]
    refused = [line for order in plan.oversized for line in order.line_ids]

    assert sorted(placed + refused) == sorted(order_of)
    for batch in plan.batches:
        members = {order_of[line].order_id: order_of[line] for line in batch}
        assert 0 < len(batch) <= devices
        assert len(members) <= per_batch
        if grouping is Grouping.CUSTOMER:
            assert len({order.customer_id for order in members.values()}) == 1
        for order in members.values():
            if order.request_type in WHOLE:
                assert set(order.line_ids) <= set(batch)


@given(orders())
def test_only_whole_orders_that_cannot_fit_are_oversized(eligible: list[EligibleOrder]) -> None:
    plan = split(eligible, BatchLimits(devices_per_batch=5, orders_per_batch=3), Grouping.NONE)
    expected = [order for order in eligible if order.request_type in WHOLE and len(order.line_ids) > 5]
    assert list(plan.oversized) == expected


def test_a_large_order_fills_the_room_that_is_left() -> None:
    eligible = [
        EligibleOrder(1, 1, RequestType.ORDER, [1, 2]),
        EligibleOrder(2, 1, RequestType.ORDER, [3, 4, 5, 6, 7]),
    ]
    plan = split(eligible, BatchLimits(devices_per_batch=4, orders_per_batch=9), Grouping.NONE)
    assert [list(batch) for batch in plan.batches] == [[1, 2, 3, 4], [5, 6, 7]]
