"""Judges order rows against what the registry knows: pure, on Arrow tables.

`Enriched` rows come from the registry (one join); this module says which are new, which
are known already, and which break a rule, with the finding for each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from formats.enrolment import RequestType
from formats.findings import FINDINGS_SCHEMA
from formats.identifiers import DEVICE_COLUMNS, DEVICE_LINKS, SECOND_IMEI

DEVICE_MATCHES = tuple(f"device_by_{by}" for by in DEVICE_LINKS)

ENRICHMENT: tuple[tuple[str, pa.DataType], ...] = (
    ("row", pa.int64()),
    ("customer_id", pa.int64()),
    ("organisation_id", pa.string()),
    *((name, pa.int64()) for name in DEVICE_MATCHES),
    ("device_differs", pa.int64()),  # an identifier of the row is not the one on the device's record
    ("device_state", pa.string()),
    ("device_order", pa.string()),  # order that holds or will hold the device; none while it is on its way out
    ("device_provider", pa.string()),  # where that order is, also on its way out
    ("device_customer_id", pa.int64()),  # whose it is
    ("device_order_date", pa.string()),
    ("device_open", pa.int64()),  # lines of the device that are not settled
    ("known_customer_id", pa.int64()),  # header of the order as known
    ("known_po_number", pa.string()),
    ("number_customer_id", pa.int64()),  # whose the newest instruction is that stands under the number
    ("known_line_sha256", pa.string()),
    ("other_order_date", pa.string()),  # an OR order of this number with another date that was not voided
    ("original_exists", pa.int64()),  # an order of this number that a void or override can reach
    ("order_returned", pa.int64()),  # a device of the order of this number was returned, or is about to be
)
"""What the registry adds to each row, in this order."""


@dataclass(frozen=True)
class Judged:
    """Row masks over the input: accepted + duplicate + refused = all."""

    accepted: pa.BooleanArray
    duplicate: pa.BooleanArray
    findings: pa.Table


def content_digests(rows: pa.Table) -> pa.StringArray:
    """SHA-256 of each row's content: the same instruction gives the same digest.

    A void is about its whole order: the lines it may be written on do not tell two voids apart. A row without a
    second IMEI has the digest that it had before there was such a column.
    """
    named = sorted(set(rows.column_names) - {"row", SECOND_IMEI})
    cells = {name: rows.column(name).combine_chunks() for name in named}
    cells["line_number"] = pc.if_else(_is(rows, RequestType.VOID), "", cells["line_number"])
    joined = pc.binary_join_element_wise(*cells.values(), "\x1f", null_handling="replace", null_replacement="")
    second = rows.column(SECOND_IMEI).combine_chunks()
    joined = pc.coalesce(pc.binary_join_element_wise(joined, second, "\x1f"), joined)
    return pa.array([hashlib.sha256(text.encode()).hexdigest() for text in joined.to_pylist()], pa.string())


def judge_rows(rows: pa.Table, known: pa.Table, digests: pa.StringArray, providers: Collection[str]) -> Judged:
    """`rows` (order dispatch columns + row) and `known` (`ENRICHMENT`) stand in the same order."""
    duplicate = pc.or_(_true(pc.equal(known["known_line_sha256"], digests)), _repeated(digests))
    whole = _is(rows, RequestType.VOID, RequestType.OVERRIDE)
    faults = {
        "PROVIDER_UNKNOWN": pc.invert(pc.is_in(rows["provider"], value_set=pa.array(sorted(providers), pa.string()))),
        "CUSTOMER_UNKNOWN": pc.is_null(known["customer_id"]),
        "CUSTOMER_NOT_AT_PROVIDER": _without_organisation(rows, known),
        "ORDER_LINE_CHANGED": _true(pc.not_equal(known["known_line_sha256"], digests)),
        "ORDER_HEADER_MISMATCH": _header_mismatch(rows, known),
        "DEVICE_CONFLICT": pc.or_(_conflict(known), _shared_imei(rows)),
        **_return_faults(rows, known),
        "ORDER_UNKNOWN": pc.and_(whole, pc.equal(known["original_exists"], 0)),
        "ORDER_RETURNED": pc.and_(whole, pc.equal(known["order_returned"], 1)),
        "DEVICE_ON_OTHER_ORDER": _on_other_order(rows, known),
    }
    refused = pa.array([False] * rows.num_rows, pa.bool_())
    parts: list[pa.Table] = []
    placed = [(code, _PLACES.get(code, "order_number"), mask) for code, mask in faults.items()]
    placed += [("DEVICE_ELSEWHERE", place, mask) for place, mask in _elsewhere(rows, known).items()]
    for code, place, mask in placed:
        failed = pc.and_not(_flat(mask), duplicate)
        refused = pc.or_(refused, failed)
        parts.append(_findings(code, place, rows["row"].filter(failed)))
    accepted = pc.invert(pc.or_(refused, duplicate))
    return Judged(accepted, duplicate, pa.concat_tables(parts))


def _repeated(digests: pa.StringArray) -> pa.BooleanArray:
    """Rows whose like stands above them in this file."""
    return pc.not_equal(pc.index_in(digests, value_set=digests), pa.array(range(len(digests)), pa.int32()))


_PLACES = {
    "PROVIDER_UNKNOWN": "provider",
    "CUSTOMER_UNKNOWN": "customer_account",
    "CUSTOMER_NOT_AT_PROVIDER": "customer_account",
    "ORDER_LINE_CHANGED": "line_number",
    "RETURN_BEFORE_ORDER": "order_date",
    "DEVICE_CONFLICT": "serial_number",
    "RETURN_NOT_ENROLLED": "serial_number",
    "DEVICE_ON_OTHER_ORDER": "serial_number",
}


RESTS_ON = {
    "CUSTOMER_NOT_AT_PROVIDER": ("provider",),
    "ORDER_HEADER_MISMATCH": ("customer_account", "order_date", "po_number", "provider"),
    "RETURN_NOT_ENROLLED": DEVICE_COLUMNS,
}
"""Columns beside its place without which a finding cannot be made."""


def _findings(code: str, place: str, numbers: pa.ChunkedArray) -> pa.Table:
    size = len(numbers)
    columns = [numbers, pa.array([place] * size, pa.string()), pa.array([code] * size, pa.string())]
    return pa.table(columns, schema=FINDINGS_SCHEMA)


def _flat(mask: pa.ChunkedArray | pa.BooleanArray) -> pa.BooleanArray:
    return mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask


def _true(mask: pa.ChunkedArray | pa.BooleanArray) -> pa.BooleanArray:
    """Null counts as False."""
    return _flat(pc.fill_null(mask, False))


def _is(rows: pa.Table, *types: RequestType) -> pa.BooleanArray:
    return _flat(pc.is_in(rows["request_type"], value_set=pa.array([str(kind) for kind in types], pa.string())))


def _without_organisation(rows: pa.Table, known: pa.Table) -> pa.ChunkedArray:
    requested = pc.equal(rows["enrolment_requested"], "Y")
    customer_known = pc.is_valid(known["customer_id"])
    return pc.and_(pc.and_(requested, customer_known), pc.is_null(known["organisation_id"]))


def _header_mismatch(rows: pa.Table, known: pa.Table) -> pa.BooleanArray:
    """Against the order as known, and against the first row of the order in this file."""
    customer = pc.and_(
        pc.is_valid(known["known_customer_id"]),
        pc.not_equal(pc.fill_null(known["known_customer_id"], 0), pc.fill_null(known["customer_id"], 0)),
    )
    # an override may correct the customer; the number of anybody else's order is not to be had
    theirs = _true(pc.not_equal(known["number_customer_id"], known["customer_id"]))
    number = pc.and_not(theirs, _is(rows, RequestType.OVERRIDE))
    order_known = pc.is_valid(known["known_customer_id"])
    po = pc.and_(order_known, _differs(known["known_po_number"], rows["po_number"]))
    other_date = pc.and_(_is(rows, RequestType.ORDER), pc.is_valid(known["other_order_date"]))
    return pc.or_(pc.or_(_flat(pc.or_(pc.or_(customer, po), other_date)), number), _differs_from_first(rows))


def _differs(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.not_equal(pc.fill_null(left, ""), pc.fill_null(right, ""))


def _differs_from_first(rows: pa.Table) -> pa.BooleanArray:
    """An OR order has one header; other instructions are told apart by their date."""
    is_order = _is(rows, RequestType.ORDER)
    date_in_key = pc.if_else(is_order, "", rows["order_date"].combine_chunks())
    keys = pc.binary_join_element_wise(
        *(rows[name].combine_chunks() for name in ("provider", "order_number", "request_type")), date_in_key, "\x1f"
    )
    headers = pc.binary_join_element_wise(
        *(rows[name].combine_chunks() for name in ("customer_account", "order_date", "po_number")),
        "\x1f",
        null_handling="replace",
        null_replacement="",
    )
    encoded = keys.dictionary_encode()
    first_rows = pc.index_in(encoded.dictionary, value_set=keys)
    return pc.not_equal(headers, headers.take(first_rows.take(encoded.indices)))


def _conflict(known: pa.Table) -> pa.ChunkedArray:
    """The identifiers belong to different devices, or one is not what the device is known by."""
    ids = [known[name] for name in DEVICE_MATCHES]
    highest = pc.max_element_wise(*ids, skip_nulls=True)
    lowest = pc.min_element_wise(*ids, skip_nulls=True)
    two_devices = pc.fill_null(pc.not_equal(highest, lowest), False)
    return pc.or_(two_devices, pc.equal(known["device_differs"], 1))


def _shared_imei(rows: pa.Table) -> pa.BooleanArray:
    """The second IMEI of a row is the first of this or another one: a device has two of its own."""
    first, second = _flat(rows["imei"]), _flat(rows[SECOND_IMEI])
    shared = second.filter(pc.is_in(second, value_set=first.drop_null()))
    return pc.or_(pc.is_in(first, value_set=shared), pc.is_in(second, value_set=shared))


def _return_faults(rows: pa.Table, known: pa.Table) -> dict[str, pa.BooleanArray]:
    is_return = _is(rows, RequestType.RETURN)
    never = pc.is_null(known["device_state"])
    idle = pc.and_(pc.not_equal(pc.fill_null(known["device_state"], ""), "ENROLLED"), pc.equal(known["device_open"], 0))
    return {
        "RETURN_NOT_ENROLLED": pc.and_(is_return, _flat(pc.or_(never, idle))),
        "RETURN_ORDER_NUMBER_REUSED": pc.and_(is_return, _flat(pc.equal(known["original_exists"], 1))),
        "RETURN_BEFORE_ORDER": pc.and_(is_return, _true(pc.less_equal(rows["order_date"], known["device_order_date"]))),
    }


def _elsewhere(rows: pa.Table, known: pa.Table) -> dict[str, pa.BooleanArray]:
    """By column: a return is for the provider that has the device, and from the customer who has it."""
    differs = {
        "provider": pc.not_equal(known["device_provider"], rows["provider"]),
        "customer_account": pc.not_equal(known["device_customer_id"], known["customer_id"]),
    }
    return {name: pc.and_(_is(rows, RequestType.RETURN), _true(mask)) for name, mask in differs.items()}


def _on_other_order(rows: pa.Table, known: pa.Table) -> pa.BooleanArray:
    """An order is known by its provider and number; a device on its way out of one may be ordered under another."""
    number = _true(pc.not_equal(known["device_order"], rows["order_number"]))
    provider = _true(pc.not_equal(known["device_provider"], rows["provider"]))
    held = pc.and_(pc.or_(number, provider), _true(pc.is_valid(known["device_order"])))
    return pc.and_(_is(rows, RequestType.ORDER, RequestType.OVERRIDE), held)
