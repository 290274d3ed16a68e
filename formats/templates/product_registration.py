"""Product Registration: vehicles that are not on record yet, or whose unit was shipped under a default frame id."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import RecordSchema, UniqueTogether
from formats.template import Faults, Known, Plan, Rows, Rules, Template, Write
from formats.templates import _vehicle_columns as have
from formats.templates._parts import both, column, effects, found_none, found_one, judge_lists, table_of
from formats.templates._vehicles import (
    PART_OWNERS,
    PRODUCT_FIELDS,
    Vehicles,
    any_differs,
    is_placeholder,
    lookups,
    sale_writes,
)

_SALE = ("user_name", "phone")
_OWN = (
    *("vin", "vcu_id", "device_id", "motor_id", "bms_id", "model", "communication_type", "battery_model"),
    *("registration_number", "sim_number", "status"),
)

SCHEMA = RecordSchema(
    "product_registration",
    "Product Registration",
    (
        have.VIN,
        have.VCU_ID,
        *(have.required(item) for item in (have.DEVICE_ID, have.MODEL, have.MOTOR_ID, have.BMS_ID)),
        *(have.required(item) for item in (have.COMMUNICATION_TYPE, have.BATTERY_MODEL)),
        have.REGISTRATION_NUMBER,
        have.SIM_NUMBER,
        have.STATUS,
        have.LOCATION,
        have.CUSTOMER_NAME,
        have.USER_NAME,
        have.PHONE,
    ),
    (UniqueTogether(("vin",)), UniqueTogether(("vcu_id",)), UniqueTogether(("phone",))),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    faults = Faults(rows)
    own = {name: rows.merged(name, _present(known, name)) for name in _OWN}
    sale = {name: rows.merged(name, _present(known, name)) for name in _SALE}
    by_default = is_placeholder(rows.cell("vin"), rules)
    unit = pc.if_else(_is_free(known, rules), column(known, "unit", "id"), pa.scalar(None, pa.int64()))
    vehicles = Vehicles(rows, known, rules, faults, unit, pc.invert(by_default))
    owned = vehicles.owned({name: _present(known, name) for name in ("customer_id", "location_id")})
    values = {**own, **owned}
    differing = any_differs(values, {name: _present(known, name) for name in values})
    resold = any_differs(sale, {name: _present(known, name) for name in _SALE})
    registered = found_one(known, "product")
    same = pc.and_not(registered, pc.or_(differing, resold))
    faults.add("VIN_EXISTS", "vin", pc.and_not(registered, same), column(known, "product", "vcu_id"))
    _judge(vehicles, pc.invert(registered), by_default)
    judge_lists(faults, rows, SCHEMA, rules)
    return _written(vehicles, {**values, "placeholder": by_default}, sale, pc.invert(registered))


def _present(known: Known, name: str) -> pa.Array:
    """Of the vehicle of this frame id, else of the record the unit is bound to; a row that has two is at fault."""
    return pc.coalesce(column(known, "product", name), column(known, "unit", name))


def _is_free(known: Known, rules: Rules) -> pa.BooleanArray:
    """The unit is not on record, or stands there for no vehicle."""
    bound_to = column(known, "unit", "vin")
    by_default = pc.fill_null(column(known, "unit", "placeholder"), False)
    return pc.or_(pc.or_(pc.is_null(bound_to), by_default), is_placeholder(bound_to, rules))


def _judge(vehicles: Vehicles, fresh: pa.BooleanArray, by_default: pa.BooleanArray) -> None:
    """The unit, the battery, the motor, then the sale: always in this order."""
    rows, known, rules, faults = vehicles.rows, vehicles.known, vehicles.rules, vehicles.faults
    if rules.vin_pattern:
        of_form = pc.or_(by_default, pc.match_substring_regex(rows.cell("vin"), f"^(?:{rules.vin_pattern})$"))
        faults.add("VIN_PATTERN", "vin", pc.and_not(fresh, of_form))
    bound_to = column(known, "unit", "vin")
    faults.add("VCU_IN_USE", "vcu_id", pc.and_not(fresh, _is_free(known, rules)), bound_to)
    vehicles.judge_device_id(both(fresh, _is_free(known, rules)), column(known, "unit", "device_id"))
    vehicles.judge_parts(fresh)
    vehicles.judge_phone(fresh)
    vehicles.judge_names()


def _written(
    vehicles: Vehicles, product: dict[str, pa.Array], sale: dict[str, pa.Array], fresh: pa.BooleanArray
) -> Plan:
    rows, faults = vehicles.rows, vehicles.faults
    new = both(fresh, found_none(vehicles.known, "unit"))
    taken_over = pc.and_not(fresh, new)
    _, sales = sale_writes(vehicles, sale, fresh, by_vin=True)
    before, after = vehicles.freed(fresh)
    writes = (
        *before,
        Write("products", table_of(rows, {"id": vehicles.ids, **product}, both(taken_over, faults.passed)), ("id",)),
        Write("products", table_of(rows, product, both(new, faults.passed))),
        *sales,
        *after,
    )
    return Plan(faults.findings, effects(new, taken_over), writes, owner=product["customer_id"])


TEMPLATE = Template(
    name="product_registration",
    version=1,
    schema=SCHEMA,
    purpose="Registers vehicles, one row per vehicle. A unit that was shipped under a default frame id is bound to the "
    "vehicle; a unit that is not on record is added.",
    plan=_plan,
    lookups=lookups(SCHEMA.columns, (*PRODUCT_FIELDS, *_SALE), (*PRODUCT_FIELDS, *_SALE)),
    hints=(
        "Vehicles on record are changed with the template Product Data Update.",
        "Unit, motor and battery must be free: nobody has them, or a default frame id such as CHH000001.",
        "A row with a default frame id registers a unit that is shipped, not sold.",
        "A customer or location that is not on record, or there several times, is left out; the row is taken.",
    ),
    owners=("product.customer_id", "customer.id"),
    touched=("unit.customer_id", *PART_OWNERS),
)
