"""VCU Swap: a vehicle gets another VCU/VTS; the old one is returned and the new one enrolled, under linked orders."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from formats.enrolment import RequestType
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.schema import Column, Kind, RecordSchema, UniqueTogether
from formats.template import Effect, Faults, Known, Lookup, Plan, Rows, Rules, Template, Write
from formats.templates._orders import derived, moments, order_rows
from formats.templates._parts import both, column, constant, found_none, found_one, table_of

RETURN_MARK = "RE-"
"""Before the number of the swap: the number of the return that is linked to it."""

_LONGEST_NUMBER = ORDER_DISPATCH.column("order_number").max_length - len(RETURN_MARK)

SCHEMA = RecordSchema(
    "vcu_swap",
    "VCU Swap",
    (
        Column("vin", "VIN No", "Frame id of the vehicle", "MVH002654", Kind.VIN, True),
        Column(
            "old_vcu_id", "Old VCU/VTS ID", "The unit that is taken out of the vehicle", "CEH0000001", Kind.SERIAL, True
        ),
        Column("new_vcu_id", "New VCU/VTS ID", "The unit that is built in", "CEH0000002", Kind.SERIAL, True),
        Column(
            "device_id",
            "New Device ID",
            "Device id of the new unit; blank: the one on record, which never changes",
            "DEV-0002",
            max_length=40,
        ),
        Column(
            "model", "New Vehicle Model", "Model of the vehicle, if it changes", "EX-2", max_length=100, offers="models"
        ),
        Column(
            "communication_type",
            "New Communication Type",
            "How the unit communicates, if that changes",
            "4G",
            max_length=100,
            offers="communication_types",
        ),
        derived(
            "order_number",
            heading="Swap Order Number",
            description="Number of the order for the new unit; the return of the old one has RE- before it",
            example="SW-1001",
            max_length=_LONGEST_NUMBER,
        ),
        Column(
            "swap_date", "Swap Date", "The day of the swap, after the old unit's order", "2026-03-05", Kind.DATE, True
        ),
    ),
    tuple(UniqueTogether((name,)) for name in ("vin", "old_vcu_id", "new_vcu_id", "order_number")),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    faults = Faults(rows)
    repeated = _repeated(rows, known, faults)
    fresh = pc.invert(repeated)
    _judge_vehicle(rows, known, rules, faults, fresh)
    _judge_new_unit(rows, known, rules, faults, fresh)
    _judge_device_id(rows, known, faults, fresh)
    due = pc.and_(faults.passed, fresh)
    orders = pa.concat_tables([_return_rows(rows, known), _order_rows(rows, known)])
    return Plan(
        faults.findings,
        pc.if_else(fresh, Effect.NEW.value, Effect.UNCHANGED.value),
        _writes(rows, known, due),
        orders.filter(pc.is_in(orders["row"], value_set=rows.numbers.filter(due))).combine_chunks(),
    )


def _repeated(rows: Rows, known: Known, faults: Faults) -> pa.BooleanArray:
    """Rows whose very swap is on record; another one under their order number is a fault."""
    on_record = found_one(known, "swap")
    names = ("vin", "old_vcu_id", "new_vcu_id")
    told = {name: _true(pc.equal(rows.cell(name), column(known, "swap", name))) for name in names}
    same = both(on_record, *(pc.or_(mask, rows.is_unread(name)) for name, mask in told.items()))
    faults.add("SWAP_OTHER", "order_number", pc.and_not(on_record, same))
    return same


def _judge_vehicle(rows: Rows, known: Known, rules: Rules, faults: Faults, fresh: pa.BooleanArray) -> None:
    """The vehicle is on record, and the old unit is its unit and enrolled."""
    no_vehicle = found_none(known, "vehicle")
    no_unit = found_none(known, "old_unit")
    faults.add("VIN_UNKNOWN", "vin", both(fresh, no_vehicle))
    by_default = pc.or_(_true(column(known, "vehicle", "placeholder")), _is_default(rows.cell("vin"), rules))
    faults.add("VIN_PLACEHOLDER", "vin", both(fresh, by_default))
    faults.add("VCU_UNKNOWN", "old_vcu_id", both(fresh, no_unit))
    bound = column(known, "vehicle", "vcu_id")
    other = pc.invert(_true(pc.equal(rows.cell("old_vcu_id"), bound)))
    mismatch = pc.and_not(pc.and_not(both(fresh, other), no_vehicle), no_unit)
    faults.add("KEY_MISMATCH", "old_vcu_id", mismatch, bound)
    enrolled = _true(pc.equal(column(known, "old_device", "state"), "ENROLLED"))
    faults.add("RETURN_NOT_ENROLLED", "old_vcu_id", pc.and_not(pc.and_not(fresh, enrolled), no_unit))


def _judge_new_unit(rows: Rows, known: Known, rules: Rules, faults: Faults, fresh: pa.BooleanArray) -> None:
    """The new unit is not on record, or bound by default only."""
    bound_to = column(known, "new_unit", "vin")
    by_default = pc.or_(_true(column(known, "new_unit", "placeholder")), _is_default(bound_to, rules))
    bound = both(fresh, pc.is_valid(bound_to))
    faults.add("VCU_IN_USE", "new_vcu_id", pc.and_not(bound, by_default), bound_to)


def _judge_device_id(rows: Rows, known: Known, faults: Faults, fresh: pa.BooleanArray) -> None:
    """A device id belongs to its unit: the new one's is the one on record, and never another unit's."""
    given, own = rows.cell("device_id"), column(known, "new_unit", "device_id")
    faults.add("DEVICE_ID_IMMUTABLE", "device_id", both(fresh, pc.not_equal(given, own)), own)
    other = pc.invert(_true(pc.equal(column(known, "unit_of_device_id", "vcu_id"), rows.cell("new_vcu_id"))))
    taken = both(fresh, pc.is_null(own), pc.invert(found_none(known, "unit_of_device_id")), other)
    owner = column(known, "unit_of_device_id", "vcu_id")
    faults.add("DEVICE_ID_IN_USE", "device_id", taken, owner, rests_on=("new_vcu_id",))
    faults.add("CELL_CLEAR_REFUSED", "device_id", both(fresh, rows.is_cleared("device_id")))


def _is_default(vins: pa.StringArray, rules: Rules) -> pa.BooleanArray:
    return _true(pc.match_substring_regex(vins, f"^(?:{rules.placeholder_pattern})$"))


def _true(mask: pa.Array) -> pa.BooleanArray:
    return pc.fill_null(mask, False)


def _return_number(rows: Rows) -> pa.StringArray:
    return pc.binary_join_element_wise(RETURN_MARK, rows.cell("order_number"), "")


def _return_rows(rows: Rows, known: Known) -> pa.Table:
    return _lines(rows, known, RequestType.RETURN, _return_number(rows), rows.cell("old_vcu_id"))


def _order_rows(rows: Rows, known: Known) -> pa.Table:
    return _lines(rows, known, RequestType.ORDER, rows.cell("order_number"), rows.cell("new_vcu_id"))


def _lines(rows: Rows, known: Known, kind: RequestType, number: pa.StringArray, unit: pa.StringArray) -> pa.Table:
    """The one line of each order, at the provider and for the customer of the old unit's order."""
    day = moments(rows.cell("swap_date"))
    values: Mapping[str, pa.Array] = {
        "order_number": number,
        "line_number": constant(rows, "1"),
        "order_date": day,
        "customer_account": column(known, "old_device", "customer_account"),
        "provider": column(known, "old_device", "provider"),
        "delivery_number": number,
        "ship_date": day,
        "serial_number": unit,
        "model": pa.nulls(len(rows), pa.string()),  # of a device; the row has the vehicle's
    }
    return order_rows(rows, kind, values)


def _writes(rows: Rows, known: Known, due: pa.BooleanArray) -> tuple[Write, ...]:
    """Units first leave their records, so that no two records ever have the same one."""
    vehicle, giver = column(known, "vehicle", "id"), column(known, "new_unit", "id")
    unit_known = both(due, found_one(known, "new_unit"))
    without_unit = {"vcu_id": pa.nulls(len(rows), pa.string())}
    leaving = [table_of(rows, {"id": vehicle, **without_unit}, due)]
    leaving.append(table_of(rows, {"id": giver, **without_unit}, unit_known))
    new_unit = {
        "id": vehicle,
        "vcu_id": rows.cell("new_vcu_id"),
        "device_id": pc.coalesce(column(known, "new_unit", "device_id"), rows.cell("device_id")),
        **{name: rows.merged(name, column(known, "vehicle", name)) for name in ("model", "communication_type")},
    }
    return (
        Write("products", pa.concat_tables(leaving), ("id",)),
        Write("products", table_of(rows, new_unit, due), ("id",)),
        Write("products", table_of(rows, {"id": giver, **_old_unit(rows, known)}, unit_known), ("id",)),
        Write("products", _free_records(rows, known, pc.and_not(due, unit_known))),
        Write("swaps", table_of(rows, _swaps(rows, vehicle), due)),
    )


def _old_unit(rows: Rows, known: Known) -> dict[str, pa.Array]:
    """The old unit as another record takes it over, with its device id."""
    return {"vcu_id": rows.cell("old_vcu_id"), "device_id": column(known, "vehicle", "device_id")}


def _free_records(rows: Rows, known: Known, mask: pa.BooleanArray) -> pa.Table:
    """Records of their own for old units: bound to no vehicle."""
    free = {"placeholder": pa.repeat(True, len(rows)), "status": constant(rows, "In Stock")}
    return table_of(rows, {**_old_unit(rows, known), **free}, mask)


def _swaps(rows: Rows, vehicle: pa.Int64Array) -> dict[str, pa.Array]:
    return {
        "product_id": vehicle,
        "old_vcu_id": rows.cell("old_vcu_id"),
        "new_vcu_id": rows.cell("new_vcu_id"),
        "return_order_number": _return_number(rows),
        "order_number": rows.cell("order_number"),
    }


TEMPLATE = Template(
    name="vcu_swap",
    version=1,
    schema=SCHEMA,
    purpose="Exchanges the VCU/VTS of vehicles, one row per vehicle: the old unit is returned at its provider, the "
    "new one enrolled there, and the vehicle's record gets the new unit.",
    plan=_plan,
    lookups={
        "vehicle": Lookup(
            "products",
            {"vin": "vin"},
            ("id", "placeholder", "vcu_id", "device_id", "model", "communication_type", "customer_id"),
        ),
        "old_unit": Lookup("products", {"vcu_id": "old_vcu_id"}, ("id",)),
        "new_unit": Lookup(
            "products", {"vcu_id": "new_vcu_id"}, ("id", "vin", "placeholder", "device_id", "customer_id")
        ),
        "unit_of_device_id": Lookup("products", {"device_id": "device_id"}, ("vcu_id",)),
        "old_device": Lookup(
            "devices", {"serial_number": "old_vcu_id"}, ("state", "provider", "customer_account", "customer_id")
        ),
        "new_device": Lookup("devices", {"serial_number": "new_vcu_id"}, ("owner_id",)),
        "swap": Lookup("swaps", {"order_number": "order_number"}, ("vin", "old_vcu_id", "new_vcu_id")),
    },
    hints=(
        "The old unit must be the vehicle's present one, and enrolled; provider and customer are those of its order.",
        "The new unit must be free: not on record yet, or bound to a default frame id or to none.",
        "Each swap has an order number of its own; the return of the old unit gets that number with RE- before it.",
        "A device id belongs to its unit and goes with it: give the new unit's if it is not on record yet.",
        "Leave the model and the communication type blank if they stay as they are.",
    ),
    owners=("vehicle.customer_id", "old_device.customer_id"),
    touched=("new_unit.customer_id", "new_device.owner_id"),
    orders=True,
)
