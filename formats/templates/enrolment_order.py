"""Enrolment Order: devices of a sales order that are to be enrolled."""

from __future__ import annotations

from formats.enrolment import RequestType
from formats.schema import RecordSchema, UniqueTogether
from formats.template import Faults, Known, Lookup, Plan, Rows, Rules, Template
from formats.templates._orders import (
    DEVICE_OWNERS,
    DEVICE_RULES,
    derived,
    device_lookups,
    line_lookups,
    line_numbers,
    moments,
    order_rows,
)
from formats.templates._parts import constant

SCHEMA = RecordSchema(
    "enrolment_order",
    "Enrolment Order",
    (
        derived("order_number", heading="Order Number", description="Number of the sales order"),
        derived(
            "line_number",
            heading="Line Number",
            description="Number of the line within its order; blank: the next one of the order",
            required=False,
        ),
        derived("order_date", heading="Order Date", description="When the order was placed"),
        derived("customer_account", heading="Customer Account"),
        derived("provider", heading="Provider", offers="providers"),
        derived("po_number", heading="Purchase Order"),
        derived(
            "delivery_number",
            heading="Delivery Number",
            description="Delivery the device left with",
            required=True,
        ),
        derived(
            "ship_date",
            heading="Ship Date",
            description="When the delivery left, not before the order date",
            required=True,
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
    (*DEVICE_RULES, UniqueTogether(("provider", "order_number", "order_date", "line_number"))),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    orders = order_rows(
        rows,
        RequestType.ORDER,
        {
            "line_number": line_numbers(rows, known),
            "order_date": moments(rows.cell("order_date")),
            "ship_date": moments(rows.cell("ship_date")),
        },
    )
    return Plan(Faults(rows).findings, constant(rows, "NEW"), orders=orders)


TEMPLATE = Template(
    name="enrolment_order",
    version=2,
    schema=SCHEMA,
    purpose="Orders the enrolment of devices, one row per device. The rows are taken in like those of an order file "
    "and go out with the next batch for their provider.",
    plan=_plan,
    lookups={
        "customer": Lookup("customers", {"account": "customer_account"}, ("id",)),
        "order": Lookup("placed_orders", {"provider": "provider", "order_number": "order_number"}, ("highest_line",)),
        **device_lookups("owner_id"),
        **line_lookups("ordered_lines", "provider", "order_number"),
    },
    hints=(
        "Give at least one of serial number, IMEI, MEID and MAC.",
        "Number all lines of an order or none: lines without a number get the next ones of their order, in the order "
        "of the rows, and a device that is in the order already keeps its number.",
        "All rows of one order have the same order date, customer, provider and purchase order.",
        "An order date counts as the first second of that day, UTC.",
    ),
    owners=("customer.id",),
    touched=DEVICE_OWNERS,
    orders=True,
)
