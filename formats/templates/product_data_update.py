"""Product Data Update: parts, owner and user of vehicles on record."""

from __future__ import annotations

import pyarrow.compute as pc

from formats.schema import RecordSchema, UniqueTogether
from formats.template import Known, Plan, Rows, Rules, Template
from formats.templates import _vehicle_columns as have
from formats.templates._parts import column, differs, judge_lists
from formats.templates._vehicle_updates import OWNED, UNIT_FIELDS, UPDATE_HINTS, merged, present, updates, vehicles_of
from formats.templates._vehicles import PART_OWNERS, PRODUCT_FIELDS, lookups

_SALE = ("user_name", "phone")
_OWN = (
    *("device_id", "registration_number", "status", "model", "motor_id", "bms_id"),
    *("communication_type", "battery_model", "sim_number"),
)
_NEVER_EMPTY = ("device_id", "model", "communication_type", "battery_model")

SCHEMA = RecordSchema(
    "product_data_update",
    "Product Data Update",
    (
        have.VIN,
        have.VCU_ID,
        have.DEVICE_ID,
        have.REGISTRATION_NUMBER,
        have.STATUS,
        have.LOCATION,
        have.CUSTOMER_NAME,
        have.USER_NAME,
        have.PHONE,
        have.MODEL,
        have.MOTOR_ID,
        have.BMS_ID,
        have.COMMUNICATION_TYPE,
        have.BATTERY_MODEL,
        have.SIM_NUMBER,
    ),
    (UniqueTogether(("vin",)), UniqueTogether(("vcu_id",)), UniqueTogether(("phone",))),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    vehicles = vehicles_of(rows, known, rules)
    faults = vehicles.faults
    identified = faults.passed
    vehicles.judge_device_id(identified, column(known, "product", "device_id"))
    vehicles.judge_parts(identified)
    vehicles.judge_phone(identified)
    vehicles.judge_names()
    for name in _NEVER_EMPTY:
        faults.add("CELL_CLEAR_REFUSED", name, rows.is_cleared(name))
    judge_lists(faults, rows, SCHEMA, rules)
    own = merged(vehicles, _OWN)
    owned = vehicles.owned(present(vehicles, OWNED))
    moved = pc.or_(*(differs(own[name], column(known, "product", name)) for name in ("motor_id", "bms_id")))
    return updates(vehicles, {**own, **owned}, merged(vehicles, _SALE), vehicles.freed(moved))


TEMPLATE = Template(
    name="product_data_update",
    version=1,
    schema=SCHEMA,
    purpose="Changes the data of vehicles on record, one row per vehicle: number plate, status, location, customer, "
    "user, and the parts it is built of.",
    plan=_plan,
    lookups=lookups(SCHEMA.columns, (*PRODUCT_FIELDS, *_SALE), UNIT_FIELDS),
    hints=(
        *UPDATE_HINTS,
        "VCU/VTS id and device id never change here; a unit is exchanged with the template VCU Swap.",
        "A motor or battery must be free: nobody has it, or a default frame id. To move one between two vehicles, "
        "send two files: empty it with CLEAR first.",
    ),
    owners=("product.customer_id", "customer.id"),
    touched=PART_OWNERS,
)
