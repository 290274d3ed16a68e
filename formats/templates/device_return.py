"""Device Return: devices that are to be un-enrolled because they come back."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from formats.enrolment import RequestType
from formats.identifiers import DEVICE_COLUMNS, DEVICE_LINKS
from formats.schema import RecordSchema, UniqueTogether
from formats.template import Faults, Known, Lookup, Plan, Rows, Rules, Template
from formats.templates._orders import (
    DEVICE_RULES,
    derived,
    device_lookups,
    line_lookups,
    line_numbers,
    moments,
    order_rows,
)
from formats.templates._parts import both, column, constant, found_one

_HELD = ("customer_id", "customer_account", "provider", "order_number")
_FROM_DEVICE = " blank: that of the device's present order"

SCHEMA = RecordSchema(
    "device_return",
    "Device Return",
    (
        derived(
            "order_number",
            heading="Return Order Number",
            description="A number of its own, not that of the order the device came with",
            example="RE-1001",
        ),
        derived(
            "line_number",
            heading="Line Number",
            description="Number of the line within its order; blank: the next one of the order",
            required=False,
        ),
        derived("order_date", heading="Return Date", description="When the return was agreed, after the order"),
        derived(
            "customer_account",
            heading="Customer Account",
            description=f"The customer's account number with us;{_FROM_DEVICE}",
            required=False,
        ),
        derived(
            "provider",
            heading="Provider",
            description=f"The Device Enrolment Provider the device is enrolled at;{_FROM_DEVICE}",
            required=False,
            offers="providers",
        ),
        derived("po_number", heading="Purchase Order"),
        derived(
            "delivery_number",
            heading="Delivery Number",
            description="Delivery the device came back with; blank: the return order number",
        ),
        derived(
            "ship_date",
            heading="Ship Date",
            description="When the device came back, not before the return date; blank: the return date",
        ),
        derived("serial_number", heading="Serial Number"),
        derived("imei"),
        derived("meid"),
        derived("mac", heading="MAC"),
        derived("manufacturer"),
        derived("model"),
        derived("asset_tag", heading="Asset Tag"),
        derived("imei2"),
    ),
    (*DEVICE_RULES, UniqueTogether(("order_number", "order_date", "line_number"))),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    faults = Faults(rows)
    _judge_unknown(rows, known, faults)
    values = {name: _told(rows, known, faults, name) for name in ("customer_account", "provider")}
    orders = order_rows(
        rows,
        RequestType.RETURN,
        {
            **values,
            "line_number": line_numbers(rows, known),
            "order_date": moments(rows.cell("order_date")),
            "delivery_number": pc.coalesce(rows.cell("delivery_number"), rows.cell("order_number")),
            "ship_date": moments(pc.coalesce(rows.cell("ship_date"), rows.cell("order_date"))),
        },
    )
    sound = orders.filter(faults.passed).combine_chunks()
    return Plan(faults.findings, constant(rows, "NEW"), orders=sound)


def _told(rows: Rows, known: Known, faults: Faults, name: str) -> pa.StringArray:
    """What the cell says, else the device's present order; they must not say two things."""
    held = _of_device(known, name)
    cell = rows.cell(name)
    faults.add("CELL_EMPTY", name, both(_on_record(known), pc.is_null(cell), pc.is_null(held)))
    faults.add("DEVICE_ELSEWHERE", name, pc.not_equal(cell, held))
    return pc.coalesce(cell, held)


def _judge_unknown(rows: Rows, known: Known, faults: Faults) -> None:
    """Of a device nobody knows, only a row that says everything itself goes on to be judged like an order file's."""
    complete = pc.and_(pc.is_valid(rows.cell("customer_account")), pc.is_valid(rows.cell("provider")))
    unknown = pc.invert(pc.or_(complete, _on_record(known)))
    told_by = (*DEVICE_COLUMNS, "customer_account", "provider")
    faults.add("RETURN_NOT_ENROLLED", "serial_number", unknown, rests_on=told_by)


def _on_record(known: Known) -> pa.BooleanArray:
    return pc.is_valid(_of_device(known, "matches"))


def _of_device(known: Known, name: str) -> pa.Array:
    """A field of the device one of the identifiers leads to."""
    found = (
        pc.if_else(found_one(known, f"device_by_{by}"), column(known, f"device_by_{by}", name), None)
        for by in DEVICE_LINKS
    )
    return pc.coalesce(*found)


TEMPLATE = Template(
    name="device_return",
    version=2,
    schema=SCHEMA,
    purpose="Takes devices out of enrolment that come back, one row per device. The rows are taken in like those of "
    "an order file and go out with the next batch for their provider.",
    plan=_plan,
    lookups={
        **device_lookups(*_HELD),
        "customer": Lookup("customers", {"account": "customer_account"}, ("id",)),
        "order": Lookup("return_orders", {"order_number": "order_number"}, ("highest_line",)),
        **line_lookups("returned_lines", "order_number"),
    },
    hints=(
        "Give at least one of serial number, IMEI, MEID and MAC, as the device was ordered.",
        "Only a device that was ordered can be returned, and only under an order number of its own, for example with "
        "RE- before the number of the order.",
        "Provider and customer may stay blank: the device's present order tells them.",
        "A return date counts as the first second of that day, UTC: it must be later than the order.",
    ),
    owners=("customer.id", *(f"device_by_{by}.customer_id" for by in DEVICE_LINKS)),
    orders=True,
)
