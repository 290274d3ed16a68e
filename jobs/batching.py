"""Splits eligible orders into batches by the provider's limits: pure and deterministic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from formats.enrolment import RequestType
from jobs.providers import BatchLimits, Grouping

WHOLE = (RequestType.OVERRIDE, RequestType.VOID)
"""Instructions on a whole order: split in two, the second file would undo the first."""


@dataclass(frozen=True)
class EligibleOrder:
    """One order with its eligible lines, oldest line first."""

    order_id: int
    customer_id: int
    request_type: RequestType
    line_ids: Sequence[int]


@dataclass(frozen=True)
class Split:
    """`batches` holds line ids; `oversized` the orders that may not be split and do not fit."""

    batches: Sequence[Sequence[int]]
    oversized: Sequence[EligibleOrder]


def split(orders: Iterable[EligibleOrder], limits: BatchLimits, grouping: Grouping) -> Split:
    """Fill batches in the given order; every line lands in one batch, or its order is oversized."""
    fitting: list[EligibleOrder] = []
    oversized: list[EligibleOrder] = []
    for order in orders:
        too_large = order.request_type in WHOLE and len(order.line_ids) > limits.devices_per_batch
        (oversized if too_large else fitting).append(order)
    batches: list[list[int]] = []
    for group in _groups(fitting, grouping):
        batches.extend(_fill(group, limits))
    return Split(batches, oversized)


def _groups(orders: Sequence[EligibleOrder], grouping: Grouping) -> Iterator[Sequence[EligibleOrder]]:
    if grouping is Grouping.NONE:
        yield orders
        return
    by_customer: dict[int, list[EligibleOrder]] = {}
    for order in orders:
        by_customer.setdefault(order.customer_id, []).append(order)
    yield from by_customer.values()


def _fill(orders: Sequence[EligibleOrder], limits: BatchLimits) -> Iterator[list[int]]:
    batch: list[int] = []
    order_count = 0
    for order in orders:
        for part in _parts(order, limits.devices_per_batch - len(batch), limits.devices_per_batch):
            if len(batch) + len(part) > limits.devices_per_batch or order_count == limits.orders_per_batch:
                yield batch
                batch, order_count = [], 0
            batch.extend(part)
            order_count += 1
    if batch:
        yield batch


def _parts(order: EligibleOrder, room: int, size: int) -> Iterator[Sequence[int]]:
    """The order in one piece if it may not be split, else filling the room that is left first."""
    if order.request_type in WHOLE or len(order.line_ids) <= room:
        yield order.line_ids
        return
    start = 0
    for end in range(room or size, len(order.line_ids) + size, size):
        yield order.line_ids[start:end]
        start = end
