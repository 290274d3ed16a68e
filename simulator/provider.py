"""The simulated provider's judgement: the lines of a request become answer records.

Codes and order types follow Apple's reseller API without its `DEP-ERR-` prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from simulator.enrolments import Book, Holding, Order
from simulator.plan import DEVICE, ORDER, Plan, Rule
from simulator.reader import RequestLine
from simulator.writer import Answer

_LONGEST_DEVICE_ID = 40
_TEXTS = {
    "DE-4301": "Device id is invalid",
    "DE-4303": "Device is used on another order",
    "DE-4304": "Device is assigned to another customer",
    "DE-4306": "Device cannot be located",
    "OR-4109": "Order cannot be found",
    "OR-4110": "Order header differs from the order we hold",
}


class _Result(NamedTuple):
    line: RequestLine
    outcome: str
    code: str
    message: str


def answer_lines(lines: Sequence[RequestLine], book: Book, plan: Plan) -> list[Answer]:
    """Answer records for every order in the order of the file; `book` is changed."""
    groups: dict[tuple[str, str], list[RequestLine]] = {}
    for line in lines:
        groups.setdefault((line.order_id, line.request_type), []).append(line)
    return [answer for group in groups.values() for answer in _answer_order(group, book, plan)]


def _answer_order(lines: Sequence[RequestLine], book: Book, plan: Plan) -> list[Answer]:
    rules = [rule for rule in plan.rules if rule.level == ORDER]
    if rules:
        for line in lines:
            rule = plan.rule_for(line, ORDER)
            if rule is not None:
                return [_order_record(line, rule.outcome, rule.code, rule.message)]
    refusal = _refusal(lines, book)
    if refusal:
        return [_order_record(lines[0], "ERROR", refusal, _TEXTS[refusal])]
    act = _ACTS[lines[0].request_type]
    results = [_result(line, book, plan.rule_for(line, DEVICE), act) for line in lines]
    _settle_order(lines, book)
    return _records(results)


def _refusal(lines: Sequence[RequestLine], book: Book) -> str | None:
    """The code that refuses a whole order, or None.

    A return has an order number of its own: under a known order's number it is a mismatch.
    """
    first, known = lines[0], book.order(lines[0].order_id)
    headers = {_header(line) for line in lines}
    if first.request_type == "VD":
        return None if known else "OR-4109"
    if first.request_type == "OV":
        if known is None or known.kind != "OR":
            return "OR-4109"
        return None if len(headers) == 1 else "OR-4110"
    headers |= {known} if known else set()
    return None if len(headers) == 1 else "OR-4110"


def _header(line: RequestLine) -> Order:
    kind = "RE" if line.request_type == "RE" else "OR"
    return Order(line.order_id, kind, line.order_date, line.customer_id, line.po_number)


def _result(line: RequestLine, book: Book, rule: Rule | None, act: Callable[[RequestLine, Book], str]) -> _Result:
    """One device's result: as a rule says, or as the book allows."""
    if rule is not None and rule.leaves_state:
        return _Result(line, rule.outcome, rule.code, rule.message)
    done = act(line, book) if len(line.device_id) <= _LONGEST_DEVICE_ID else "DE-4301"
    if done in _TEXTS:
        return _Result(line, "REJECTED", done, _TEXTS[done])
    if rule is not None:
        return _Result(line, rule.outcome, rule.code, rule.message)
    return _Result(line, done, "COMPLETE", "")


def _enrol(line: RequestLine, book: Book) -> str:
    """ENROLLED, or the code that rejects the device."""
    held = book.holding(line.device_id)
    if held and held.customer_id != line.customer_id:
        return "DE-4304"
    if held and held.order_id != line.order_id:
        return "DE-4303"
    book.enrol(line.device_id, Holding(line.order_id, line.customer_id))
    return "ENROLLED"


def _override(line: RequestLine, book: Book) -> str:
    """As an order, but an override may move its own devices to another customer."""
    held = book.holding(line.device_id)
    if held and held.order_id == line.order_id:
        book.enrol(line.device_id, Holding(line.order_id, line.customer_id))
        return "ENROLLED"
    return _enrol(line, book)


def _return(line: RequestLine, book: Book) -> str:
    held = book.holding(line.device_id)
    if held is None:
        return "DE-4306"
    book.take_back(line.device_id, held, line.order_id)
    return "UNENROLLED"


def _void(line: RequestLine, book: Book) -> str:
    """Reverses one listed device: a void split over two files must reverse each once."""
    known = book.order(line.order_id)
    if known is None or not book.has_line(line.order_id, line.device_id):
        return "DE-4306"
    if known.kind == "OR":
        book.release(line.device_id, line.order_id)
        return "UNENROLLED"
    if book.holding(line.device_id):
        return "DE-4303"
    book.restore(line.device_id, line.order_id)
    return "ENROLLED"


_ACTS: dict[str, Callable[[RequestLine, Book], str]] = {
    "OR": _enrol,
    "RE": _return,
    "VD": _void,
    "OV": _override,
}


def _settle_order(lines: Sequence[RequestLine], book: Book) -> None:
    """After the devices: what becomes of the order itself. A new order of which nothing was accepted is not kept."""
    order = _header(lines[0])
    if lines[0].request_type == "VD":
        if not book.devices(order.order_id):
            book.forget(order.order_id)
        return
    if lines[0].request_type == "OV":
        for device_id in book.devices(order.order_id) - {line.device_id for line in lines}:
            book.release(device_id, order.order_id)
    if book.order(order.order_id) or book.devices(order.order_id):
        book.put_order(order)


def _records(results: Sequence[_Result]) -> list[Answer]:
    """The order's record, then each delivery's with its devices'."""
    deliveries: dict[str, list[_Result]] = {}
    for result in results:
        deliveries.setdefault(result.line.delivery_number, []).append(result)
    answers = [_order_record(results[0].line, *_envelope(results), "")]
    for delivery, members in deliveries.items():
        order_id = members[0].line.order_id
        if delivery:
            answers.append(Answer("DELIVERY", order_id, delivery, "", *_envelope(members), ""))
        answers += [
            Answer(DEVICE, order_id, delivery, line.device_id, outcome, code, message)
            for line, outcome, code, message in members
        ]
    return answers


def _envelope(results: Sequence[_Result]) -> tuple[str, str]:
    if any(result.outcome == "REJECTED" for result in results):
        return "COMPLETE_WITH_ERRORS", "POSTED_WITH_ERRORS"
    return "COMPLETE", "COMPLETE"


def _order_record(line: RequestLine, outcome: str, code: str, message: str) -> Answer:
    return Answer(ORDER, line.order_id, "", "", outcome, code, message)
