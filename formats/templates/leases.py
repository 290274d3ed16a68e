"""Leases: what a vehicle's subscription has been renewed to."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from formats.judge import days
from formats.schema import Column, Kind, RecordSchema, UniqueTogether
from formats.template import Faults, Known, Lookup, Plan, Rows, Rules, Template
from formats.templates._parts import Record, column, found_none, keep
from formats.templates._vehicles import judge_real_vehicle

DURATIONS = {"Monthly(30Days)": 30, "Months(180 Days)": 180}
"""Days by the name of the duration."""

_STATUSES = ("Success", "Pending")
_STORED = {
    "expiry": "expiry_date",
    "last_renewal": "last_renewal_date",
    "duration": "duration",
    "lease_type": "lease_type",
    "description": "description",
    "order_status": "order_status",
    "payment_status": "payment_status",
}
"""Columns of the table by the cells they hold."""

SCHEMA = RecordSchema(
    "leases",
    "Leases",
    (
        Column("vin", "VIN No", "Frame id of the vehicle", "MVH002654", Kind.VIN, True, aliases=("Vehicle Id",)),
        Column("expiry_date", "Expiry Date", "The day the lease runs out", "2026-04-30", Kind.DATE, True),
        Column("last_renewal_date", "Last Renewal Date", "The day it was last renewed", "2026-03-31", Kind.DATE, True),
        Column(
            "duration",
            "Duration",
            "For how long it is renewed each time",
            "Monthly(30Days)",
            Kind.CHOICE,
            True,
            choices=tuple(DURATIONS),
        ),
        Column("lease_type", "Lease Type", "Kind of lease", "Rental", Kind.CHOICE, True, choices=("Rental",)),
        Column("description", "Description", "What is leased", "Battery of the vehicle", required=True),
        Column("order_status", "Order Status", "State of the order", "Success", Kind.CHOICE, True, choices=_STATUSES),
        Column(
            "payment_status", "Payment Status", "State of the payment", "Pending", Kind.CHOICE, True, choices=_STATUSES
        ),
        Column("payment_reference", "Payment Ref No", "Number of the payment", "PAY-000123", max_length=100),
    ),
    (UniqueTogether(("vin",)),),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    faults = Faults(rows)
    if not rules.subscription:
        faults.add("LEASE_OFF", "vin", pa.repeat(True, len(rows)))
    faults.add("VIN_UNKNOWN", "vin", found_none(known, "product"))
    judge_real_vehicle(rows, known, rules, faults, "product")
    _judge_term(rows, faults)
    values = {
        "product_id": column(known, "product", "id"),
        **{name: rows.cell(cell) for name, cell in _STORED.items()},
        "payment_reference": rows.merged("payment_reference", column(known, "lease", "payment_reference")),
    }
    return keep(rows, faults, Record("product_leases", ("product_id",), values), known["lease"])


def _judge_term(rows: Rows, faults: Faults) -> None:
    expiry, renewal = days(rows.cell("expiry_date")), days(rows.cell("last_renewal_date"))
    seconds = pc.multiply(_days_of(rows.cell("duration")), 86_400).cast(pa.duration("s"))
    due = pc.add(renewal, seconds)
    early = pc.less(expiry, renewal)
    faults.add("LEASE_ENDS_BEFORE_RENEWAL", "expiry_date", early)
    other = pc.and_not(pc.not_equal(expiry, due), early)
    faults.add("LEASE_TERM", "expiry_date", other, pc.strftime(due, format="%Y-%m-%d"))


def _days_of(durations: pa.StringArray) -> pa.Int64Array:
    position = pc.index_in(durations, value_set=pa.array(DURATIONS, pa.string()))
    return pa.array(DURATIONS.values(), pa.int64()).take(position)


TEMPLATE = Template(
    name="leases",
    version=1,
    schema=SCHEMA,
    purpose="Keeps the leases of vehicles up to date, one row per vehicle: a vehicle without a lease gets one, the "
    "others' leases are changed.",
    plan=_plan,
    lookups={
        "product": Lookup("products", {"vin": "vin"}, ("id", "placeholder", "customer_id")),
        "lease": Lookup("product_leases", {"vin": "vin"}, (*_STORED, "payment_reference")),
    },
    hints=(
        "The expiry date should be the last renewal plus 30 or 180 days, as the duration says; a row that says "
        "otherwise is taken and marked.",
        "Leases must be in use at this installation.",
    ),
    owners=("product.customer_id",),
)
