"""Returns and orders were compared by their numbers alone.

A return of one customer un-enrolled another one's device, or went to a provider that never had it; an order under the
number that another provider's order has made a device "enrolled" there with nothing sent; a void took back another
customer's order. An order is known by its provider and number, and its customer is the one who has its devices.
"""

from __future__ import annotations

import pytest

from formats.order_dispatch.loading import load
from jobs.intake import content_digests, judge_rows
from jobs.providers import Keys, Provider
from jobs.request import _end_of
from jobs.states import LineState
from tests.support.installation import order_row
from tests.support.ledger import Ledger
from tests.support.orders import instruction, order_text, void

Row = dict[str, str]
LATEST = "2026-03-05T09:00:00Z"
SERIAL = order_row(1)["serial_number"]


@pytest.fixture
def ledger(ledger: Ledger) -> Ledger:
    """Both customers are at both providers, and acme has the device of row 1 for C-1 under SO-0000."""
    with ledger.registry.transaction() as tx:
        tx.queries.set_customers([("C-1", "Example Schools", "beta", "O-1"), ("C-2", "Example Clinics", "beta", "O-2")])
    ledger.settle(ledger.order(order_row(1)), LineState.ENROLLED)
    return ledger


def judged(ledger: Ledger, row: Row) -> list[tuple[str, str]]:
    """Findings of one row: column and code."""
    rows = load(order_text([row]).encode()).rows
    with ledger.registry.rehearsal() as tx:
        outcome = judge_rows(rows, tx.intake.enrich(rows), content_digests(rows), ("acme", "beta"))
    assert outcome.accepted.to_pylist() == [outcome.findings.num_rows == 0]
    return [(item["column"], item["code"]) for item in outcome.findings.to_pylist()]


def back(**values: str) -> Row:
    return instruction("RE", 1, **{"order_number": "RE-1", **values})


def test_a_return_is_for_the_provider_and_from_the_customer_of_the_device(ledger: Ledger) -> None:
    assert judged(ledger, back()) == []
    assert judged(ledger, back(customer_account="C-2")) == [("customer_account", "DEVICE_ELSEWHERE")]
    assert judged(ledger, back(provider="beta")) == [("provider", "DEVICE_ELSEWHERE")]
    both = [("provider", "DEVICE_ELSEWHERE"), ("customer_account", "DEVICE_ELSEWHERE")]
    assert judged(ledger, back(provider="beta", customer_account="C-2")) == both


def test_a_return_of_a_device_whose_order_waits_still(ledger: Ledger) -> None:
    ledger.order(order_row(11, provider="beta", customer_account="C-2"))
    again = instruction("RE", 11, order_number="RE-11", provider="beta", customer_account="C-2")
    assert judged(ledger, again) == []
    assert judged(ledger, again | {"provider": "acme"}) == [("provider", "DEVICE_ELSEWHERE")]
    assert judged(ledger, again | {"customer_account": "C-1"}) == [("customer_account", "DEVICE_ELSEWHERE")]


@pytest.mark.parametrize("request_type", ["OR", "OV"])
def test_an_order_at_another_provider_is_another_order_whatever_its_number(ledger: Ledger, request_type: str) -> None:
    other = order_row(2, provider="beta")
    ledger.order(other)
    row = order_row(1, provider="beta", request_type=request_type)
    row |= {"order_date": LATEST, "ship_date": LATEST} if request_type == "OV" else {}
    assert judged(ledger, row) == [("serial_number", "DEVICE_ON_OTHER_ORDER")]


@pytest.mark.parametrize("state", ["ENROLLED", "WAITING"])
def test_the_number_of_another_customer_s_order_is_not_to_be_had(ledger: Ledger, state: str) -> None:
    if state == "WAITING":
        ledger.order(order_row(11))
    number = order_row(11 if state == "WAITING" else 1)["order_number"]
    theirs = {"order_number": number, "customer_account": "C-2"}
    assert judged(ledger, order_row(3, line_number="9", **theirs)) == [("order_number", "ORDER_HEADER_MISMATCH")]
    assert judged(ledger, void(**theirs)) == [("order_number", "ORDER_HEADER_MISMATCH")]
    assert judged(ledger, void(number)) == []


def test_nor_is_the_number_of_another_customer_s_return(ledger: Ledger) -> None:
    ledger.settle(ledger.order(back()), LineState.UNENROLLED)
    row = void("RE-1", order_date=LATEST)
    assert judged(ledger, row | {"customer_account": "C-2"}) == [("order_number", "ORDER_HEADER_MISMATCH")]
    assert judged(ledger, row) == []


def test_an_override_may_correct_the_customer_and_then_the_device_is_theirs(ledger: Ledger) -> None:
    """Order files say a wrong organisation is corrected by an override; whoever has the order then returns."""
    override = instruction("OV", 1, customer_account="C-2")
    assert judged(ledger, override) == []
    ledger.settle(ledger.order(override), LineState.ENROLLED)
    late = {"order_date": LATEST, "ship_date": LATEST}
    assert judged(ledger, back(**late)) == [("customer_account", "DEVICE_ELSEWHERE")]
    assert judged(ledger, back(customer_account="C-2", **late)) == []
    assert judged(ledger, void("SO-0000", order_date=LATEST)) == [("order_number", "ORDER_HEADER_MISMATCH")]


def test_after_a_void_the_number_is_anybody_s(ledger: Ledger) -> None:
    ledger.settle(ledger.order(void("SO-0000")), LineState.UNENROLLED)
    assert judged(ledger, order_row(1, customer_account="C-2", order_date=LATEST, ship_date=LATEST)) == []


@pytest.mark.parametrize(
    ("row", "ends"),
    [
        (order_row(1, provider="beta"), (LineState.REVIEW, "DEVICE_ON_OTHER_ORDER")),
        (order_row(1, line_number="9"), (LineState.UNCHANGED, "ENROLLED_ALREADY")),
        (back(provider="beta"), (LineState.REVIEW, "DEVICE_ELSEWHERE")),
        (back(customer_account="C-2"), (LineState.REVIEW, "DEVICE_ELSEWHERE")),
        (back(), None),
    ],
)
def test_what_is_on_record_already_is_looked_at_again_before_it_is_sent(
    ledger: Ledger, row: Row, ends: tuple[LineState, str] | None
) -> None:
    ledger.order(row)
    with ledger.registry.view() as tx:
        (line,) = tx.claims.eligible_lines(row["provider"], None).to_pylist()
    provider = Provider(row["provider"], "generic", Keys((), ()))
    assert _end_of(line, provider, faulty=False) == ends


def test_a_voided_return_gives_the_device_back_to_the_order_at_its_provider(ledger: Ledger) -> None:
    ledger.settle(ledger.order(back()), LineState.UNENROLLED)
    ledger.settle(ledger.order(void("RE-1", order_date=LATEST)), LineState.ENROLLED)
    device = ledger.device(SERIAL)
    assert (device["state"], device["provider"], device["order_number"]) == ("ENROLLED", "acme", "SO-0000")
    assert judged(ledger, back(order_number="RE-2", order_date="2026-03-06T09:00:00Z", ship_date=LATEST)) == []
