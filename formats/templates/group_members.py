"""Group Members: other people who use a vehicle, beside the one it was sold to."""

from __future__ import annotations

from formats.schema import Column, Kind, RecordSchema, UniqueTogether
from formats.template import Faults, Known, Lookup, Plan, Rows, Rules, Template
from formats.templates._parts import Record, column, found_none, keep
from formats.templates._vehicles import judge_real_vehicle

SCHEMA = RecordSchema(
    "group_members",
    "Group Members",
    (
        Column("vin", "VIN No", "Frame id of the vehicle", "MVH002654", Kind.VIN, True),
        Column("phone", "Phone", "The member's mobile number", "+919876543210", Kind.PHONE, True),
        Column("user_name", "User Name", "The member's name", "A. Example", required=True),
    ),
    (UniqueTogether(("vin", "phone")),),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    faults = Faults(rows)
    faults.add("VIN_UNKNOWN", "vin", found_none(known, "product"))
    judge_real_vehicle(rows, known, rules, faults, "product")
    values = {
        "product_id": column(known, "product", "id"),
        "phone": rows.cell("phone"),
        "user_name": rows.cell("user_name"),
    }
    return keep(rows, faults, Record("group_members", ("product_id", "phone"), values), known["member"])


TEMPLATE = Template(
    name="group_members",
    version=1,
    schema=SCHEMA,
    purpose="Adds people who use a vehicle beside its owner, one row per person and vehicle. A person is recognised "
    "by the phone number; a row with another name changes it.",
    plan=_plan,
    lookups={
        "product": Lookup("products", {"vin": "vin"}, ("id", "placeholder", "customer_id")),
        "member": Lookup("group_members", {"vin": "vin", "phone": "phone"}, ("user_name",)),
    },
    hints=("The vehicle must be on record; group members have no part in enrolment.",),
    owners=("product.customer_id",),
)
