"""What the templates of vehicles share: what their parts, owners and sales come to.

A vehicle is known by its frame id and its VCU/VTS together. A part is free unless a vehicle with a real
frame id has it: parts of placeholder frame ids are taken from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from formats.facts import also_in
from formats.schema import Column
from formats.template import Faults, Known, Lookup, Reference, Rows, Rules, Write
from formats.templates._parts import both, column, differs, found_one, table_of

PRODUCT_FIELDS = (
    *("id", "vin", "placeholder", "vcu_id", "device_id", "motor_id", "bms_id", "registration_number", "sim_number"),
    *("status", "model", "battery_model", "communication_type", "customer_id", "location_id", "sale_id"),
)
_BY_NAME = {
    "customer": Lookup("customers", {"name": "customer_name"}, ("id",)),
    "location": Lookup("locations", {"city": "location"}, ("id",)),
    "phone": Lookup("products", {"phone": "phone"}, ("id", "vin")),
}
_PARTS = {
    "battery": Lookup("bound_products", {"bms_id": "bms_id"}, ("id", "vin", "customer_id")),
    "motor": Lookup("bound_products", {"motor_id": "motor_id"}, ("id", "vin", "customer_id")),
}
_SHIPPED = {
    "shipped_battery": Lookup("shipped_products", {"bms_id": "bms_id"}, ("customer_id",)),
    "shipped_motor": Lookup("shipped_products", {"motor_id": "motor_id"}, ("customer_id",)),
}
PART_OWNERS = tuple(f"{name}.customer_id" for name in (*_PARTS, *_SHIPPED))
"""Whose the records are that a row takes parts from."""

_NAMED = {
    "customer_id": ("customer_name", "customer", "CUSTOMER_NOT_FOUND"),
    "location_id": ("location", "location", "LOCATION_NOT_FOUND"),
}
_IN_USE = {"battery": "BATTERY_IN_USE", "motor": "MOTOR_IN_USE"}


def lookups(columns: Sequence[Column], fields: Sequence[str], unit_fields: Sequence[str]) -> dict[str, Lookup]:
    """`product` by frame id, `unit` by VCU/VTS, and what the other columns refer to."""
    names = {item.name for item in columns}
    every = {**_PARTS, **_SHIPPED, **_BY_NAME}
    others = {key: lookup for key, lookup in every.items() if set(lookup.on.values()) <= names}
    return {
        "product": Lookup("products", {"vin": "vin"}, tuple(fields)),
        "unit": Lookup("products", {"vcu_id": "vcu_id"}, tuple(unit_fields)),
        **others,
    }


Freed = tuple[Sequence[Write], Sequence[Write]]
"""Writes that take parts from where they are, before and after the vehicles get them."""


@dataclass(frozen=True)
class Vehicles:
    """The rows, what is known of them, and the records they are about: ids, null for new ones."""

    rows: Rows
    known: Known
    rules: Rules
    faults: Faults
    ids: pa.Int64Array
    real: pa.BooleanArray  # bound to a frame id that is no placeholder

    def elsewhere(self, lookup: str) -> pa.BooleanArray:
        """Another vehicle has it."""
        same = pc.fill_null(pc.equal(column(self.known, lookup, "id"), self.ids), False)
        return pc.and_not(found_one(self.known, lookup), same)

    def judge_parts(self, wanted: pa.BooleanArray) -> None:
        """Battery, then motor: free, or the answer names the frame id that has it."""
        for lookup, code in _IN_USE.items():
            (name,) = _PARTS[lookup].on
            taken = both(wanted, self.elsewhere(lookup), pc.invert(self._by_default(lookup)))
            self.faults.add(code, name, taken, column(self.known, lookup, "vin"), rests_on=("vin",))
            shared, cells = self._shared(name, wanted), self.rows.cell(name)
            others = also_in(self.rows.numbers.filter(shared), cells.filter(shared), cells.filter(shared))
            self.faults.add("ROW_DUPLICATE", name, shared, pc.replace_with_mask(cells, shared, others))

    def _shared(self, name: str, wanted: pa.BooleanArray) -> pa.BooleanArray:
        """Several rows have the part, and one of them is a real vehicle's; placeholders may share dummies."""
        cells = self.rows.cell(name)
        binding = cells.filter(both(wanted, self.real)).drop_null()
        return both(repeated(cells, wanted), pc.is_in(cells, value_set=binding))

    def judge_phone(self, wanted: pa.BooleanArray) -> None:
        taken = both(wanted, self.elsewhere("phone"))
        self.faults.add("PHONE_IN_USE", "phone", taken, column(self.known, "phone", "vin"), rests_on=("vin", "vcu_id"))

    def judge_device_id(self, wanted: pa.BooleanArray, present: pa.StringArray) -> None:
        """A device id belongs to its unit and never changes."""
        other = both(wanted, pc.is_valid(present), pc.not_equal(self.rows.cell("device_id"), present))
        self.faults.add("DEVICE_ID_IMMUTABLE", "device_id", other, present)

    def judge_names(self) -> None:
        """A customer or location that is not found, or found several times, is a warning."""
        for cell, lookup, code in _NAMED.values():
            missed = pc.and_not(pc.is_valid(self.rows.cell(cell)), found_one(self.known, lookup))
            self.faults.add(code, cell, missed)

    def owned(self, present: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """Customer and location after the upload; one that is not found leaves the present one."""
        return {name: self._named(name, value) for name, value in present.items()}

    def _named(self, name: str, present: pa.Int64Array) -> pa.Int64Array:
        cell, lookup, _ = _NAMED[name]
        kept = pc.if_else(self.rows.is_cleared(cell), pa.scalar(None, pa.int64()), present)
        return pc.if_else(found_one(self.known, lookup), column(self.known, lookup, "id"), kept)

    def freed(self, wanted: pa.BooleanArray) -> Freed:
        """Parts that rows take from records bound by default: before the vehicles are written, and after that.

        Afterwards, because a row about the record itself writes it whole.
        """
        before: list[Write] = []
        after: list[Write] = []
        for lookup in _IN_USE:
            (name,) = _PARTS[lookup].on
            taking = both(wanted, self.real, pc.is_valid(self.rows.cell(name)), self.faults.passed)
            stale = both(taking, self.elsewhere(lookup), self._by_default(lookup))
            ids = table_of(self.rows, {"id": column(self.known, lookup, "id")}, stale)
            before.append(Write("products", ids, ("id",), emptied=(name,)))
            placeholder = pa.repeat(True, len(self.rows))
            parts = table_of(self.rows, {name: self.rows.cell(name), "placeholder": placeholder}, taking)
            after.append(Write("products", parts, (name, "placeholder"), emptied=(name,)))
        return before, after

    def _by_default(self, lookup: str) -> pa.BooleanArray:
        """The frame id that has it is a placeholder by now, though it was none when it was recorded."""
        return is_placeholder(column(self.known, lookup, "vin"), self.rules)


def is_placeholder(vins: pa.StringArray, rules: Rules) -> pa.BooleanArray:
    """Frame ids that stand for no vehicle; an empty one is none."""
    return pc.fill_null(pc.match_substring_regex(vins, f"^(?:{rules.placeholder_pattern})$"), False)


def judge_real_vehicle(rows: Rows, known: Known, rules: Rules, faults: Faults, lookup: str) -> None:
    """The frame id of the row, and the record that `lookup` finds by it, stand for a vehicle."""
    by_default = pc.fill_null(column(known, lookup, "placeholder"), False)
    faults.add("VIN_PLACEHOLDER", "vin", pc.or_(by_default, is_placeholder(rows.cell("vin"), rules)))


def repeated(cells: pa.Array, among: pa.BooleanArray) -> pa.BooleanArray:
    """Cells that several of the rows `among` have."""
    counted = pc.value_counts(cells.filter(pc.and_(pc.fill_null(among, False), pc.is_valid(cells))))
    twice = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    return both(among, pc.is_in(cells, value_set=twice), pc.is_valid(cells))


def any_differs(values: Mapping[str, pa.Array], present: Mapping[str, pa.Array]) -> pa.BooleanArray:
    """Rows of which one value is not the present one."""
    found = pa.repeat(False, len(next(iter(values.values()))))
    for name, value in values.items():
        found = pc.or_(found, differs(value, present[name]))
    return found


def sale_writes(
    vehicles: Vehicles, values: Mapping[str, pa.Array], changed: pa.BooleanArray, by_vin: bool
) -> tuple[pa.BooleanArray, list[Write]]:
    """Which rows change their sale or begin one, and how. `changed`: values that are not the present ones.

    `by_vin`: the vehicle may be new, and is found by its frame id.
    """
    rows, passed = vehicles.rows, vehicles.faults.passed
    sold = pc.is_valid(pc.coalesce(*(column(vehicles.known, name, "sale_id") for name in ("product", "unit"))))
    begun = pc.and_not(pc.is_valid(pc.coalesce(*values.values())), sold)
    changed = pc.and_(changed, sold)
    product = rows.cell("vin") if by_vin else vehicles.ids
    references = {"product_id": Reference("products", "vin")} if by_vin else {}
    whole = {"product_id": product, **values}
    writes = [
        Write("sales", table_of(rows, whole, both(begun, passed)), (), references),
        Write("sales", table_of(rows, whole, both(changed, passed)), ("product_id",), references),
    ]
    return pc.or_(begun, changed), writes
