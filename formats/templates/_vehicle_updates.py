"""Updates of vehicles on record: the key of a row, and the part of its plan that both update templates share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from formats.template import Faults, Known, Plan, Rows, Rules, Write
from formats.templates._parts import both, column, effects, found_none, found_one, table_of
from formats.templates._vehicles import Freed, Vehicles, any_differs, sale_writes

UPDATE_HINTS = (
    "A row is about the vehicle that has both this VIN and this VCU/VTS id.",
    "A blank cell keeps the present value; CLEAR empties it.",
    "A customer or location that is not on record, or there several times, is left unchanged; the rest applies.",
)
UNIT_FIELDS = ("id", "vin", "sale_id")
OWNED = ("customer_id", "location_id")


def vehicles_of(rows: Rows, known: Known, rules: Rules) -> Vehicles:
    """The vehicles the rows name; rows that name none, or two, are at fault."""
    faults = Faults(rows)
    faults.add("VIN_UNKNOWN", "vin", found_none(known, "product"))
    faults.add("VCU_UNKNOWN", "vcu_id", found_none(known, "unit"))
    ids, unit = column(known, "product", "id"), column(known, "unit", "id")
    other = both(found_one(known, "product"), found_one(known, "unit"), pc.not_equal(ids, unit))
    faults.add("KEY_MISMATCH", "vcu_id", other, column(known, "unit", "vin"))
    real = pc.invert(pc.fill_null(column(known, "product", "placeholder"), False))
    return Vehicles(rows, known, rules, faults, ids, real)


def merged(vehicles: Vehicles, names: tuple[str, ...]) -> dict[str, pa.Array]:
    """Values after the upload of the columns that are called like the registry's."""
    return {name: vehicles.rows.merged(name, column(vehicles.known, "product", name)) for name in names}


def present(vehicles: Vehicles, names: Iterable[str]) -> dict[str, pa.Array]:
    """Values before the upload."""
    return {name: column(vehicles.known, "product", name) for name in names}


def updates(
    vehicles: Vehicles, product: Mapping[str, pa.Array], sale: Mapping[str, pa.Array], freed: Freed = ((), ())
) -> Plan:
    """Write vehicles and sales that differ, between the writes that free their parts."""
    rows, faults = vehicles.rows, vehicles.faults
    changed = any_differs(product, present(vehicles, product))
    sold, sales = sale_writes(vehicles, sale, any_differs(sale, present(vehicles, sale)), by_vin=False)
    whole = table_of(rows, {"id": vehicles.ids, **product}, both(changed, faults.passed))
    never = pa.repeat(False, len(rows))
    before, after = freed
    writes = (*before, Write("products", whole, ("id",)), *sales, *after)
    return Plan(faults.findings, effects(never, pc.or_(changed, sold)), writes, owner=product["customer_id"])
