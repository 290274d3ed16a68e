"""Sales Data Update: owner, user, address and days of vehicles on record."""

from __future__ import annotations

from itertools import combinations

import pyarrow.compute as pc

from formats.schema import Column, Kind, NotBefore, RecordSchema, UniqueTogether
from formats.template import Known, Plan, Rows, Rules, Template
from formats.templates import _vehicle_columns as have
from formats.templates._parts import both, judge_lists
from formats.templates._vehicle_updates import OWNED, UNIT_FIELDS, UPDATE_HINTS, merged, present, updates, vehicles_of
from formats.templates._vehicles import PRODUCT_FIELDS, Vehicles, lookups

_IN_ORDER = ("manufacturing_date", "purchase_date", "warranty_end")
"""Days that may not lie before the ones named before them."""

_OWN = ("registration_number", "status")
_SALE = (
    *("user_name", "phone", "address_line_1", "address_line_2", "address_line_3"),
    *("purchase_date", "warranty_end", "service_date", "manufacturing_date"),
)

SCHEMA = RecordSchema(
    "sales_data_update",
    "Sales Data Update",
    (
        have.VIN,
        have.VCU_ID,
        have.REGISTRATION_NUMBER,
        have.STATUS,
        have.LOCATION,
        have.CUSTOMER_NAME,
        have.USER_NAME,
        have.PHONE,
        Column("address_line_1", "Address Line 1", "House and street of the user", "12 Example Road"),
        Column("address_line_2", "Address Line 2", "Quarter", "Sample Nagar"),
        Column("address_line_3", "Address Line 3", "City and pin code", "Pune 411001"),
        Column("purchase_date", "Purchase Date", "The day the vehicle was sold", "2026-01-15", Kind.DATE),
        Column("warranty_end", "Warranty End Date", "The last day of the warranty", "2029-01-14", Kind.DATE),
        Column("service_date", "Service Date", "The day of the next service", "2026-07-15", Kind.DATE),
        Column("manufacturing_date", "Manufacturing Date", "The day the vehicle was made", "2025-12-01", Kind.DATE),
    ),
    (
        *(UniqueTogether((name,)) for name in ("vin", "vcu_id", "phone")),
        *(NotBefore(later, earlier) for earlier, later in combinations(_IN_ORDER, 2)),
    ),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    vehicles = vehicles_of(rows, known, rules)
    identified = vehicles.faults.passed
    vehicles.judge_phone(identified)
    _judge_days(vehicles)
    vehicles.judge_names()
    judge_lists(vehicles.faults, rows, SCHEMA, rules)
    owned = vehicles.owned(present(vehicles, OWNED))
    return updates(vehicles, {**merged(vehicles, _OWN), **owned}, merged(vehicles, _SALE))


def _judge_days(vehicles: Vehicles) -> None:
    """A day that is given keeps its order with those on record, too; days on record alone are nobody's fault."""
    rows = vehicles.rows
    days = merged(vehicles, _IN_ORDER)
    for earlier, later in combinations(_IN_ORDER, 2):
        early = pc.less(days[later], days[earlier])
        given = pc.is_valid(rows.cell(later))
        fact = pc.binary_join_element_wise(days[later], days[earlier], " is before ")
        vehicles.faults.add("DATE_ORDER", later, both(early, given), fact, rests_on=(earlier,))
        only_earlier = pc.and_not(pc.is_valid(rows.cell(earlier)), given)
        vehicles.faults.add("DATE_ORDER", earlier, both(early, only_earlier), fact, rests_on=(later,))


TEMPLATE = Template(
    name="sales_data_update",
    version=1,
    schema=SCHEMA,
    purpose="Changes the sales data of vehicles on record, one row per vehicle: customer, user, address, and the days "
    "of making, sale, warranty and service.",
    plan=_plan,
    lookups=lookups(SCHEMA.columns, (*PRODUCT_FIELDS, *_SALE), UNIT_FIELDS),
    hints=(*UPDATE_HINTS, "Made, then sold, then end of warranty: the days must be in this order."),
    owners=("product.customer_id", "customer.id"),
)
