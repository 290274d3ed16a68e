"""Customers: who vehicles and devices belong to."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Column, Kind, RecordSchema, UniqueTogether
from formats.template import Faults, Known, Lookup, Plan, Rows, Rules, Template, Write
from formats.templates._parts import both, column, effects, found_many, found_none, found_one, table_of
from formats.templates._vehicles import any_differs, repeated

OWN_ACCOUNTS = "CU-"
"""Account numbers we give begin with this; a number follows."""

_ACCOUNT = r"[A-Za-z0-9][A-Za-z0-9 ._/#-]*"
_FILLED = ("name", "address", "city", "pin_code", "phone", "email")

SCHEMA = RecordSchema(
    "customers",
    "Customers",
    (
        Column(
            "account",
            "Customer Account",
            "The customer's account number with us; a new customer without one gets one",
            "C-1007",
            pattern=_ACCOUNT,
            max_length=64,
        ),
        Column("name", "Customer Name", "Name of the customer", "Example Motors Ltd", required=True),
        Column("address", "Address", "House, street and quarter", "12 Example Road", required=True),
        Column("city", "City", "City of the address", "Pune", required=True, max_length=100),
        Column(
            "pin_code",
            "Pin Code",
            "Postal code",
            "411001",
            required=True,
            pattern="[A-Za-z0-9][A-Za-z0-9 -]*",
            max_length=12,
        ),
        Column("phone", "Mobile Number", "Of the customer's contact", "+919876543210", Kind.PHONE, True),
        Column("email", "Email", "Of the customer's contact", "fleet@example.com", Kind.EMAIL, True),
        Column(
            "parent_account",
            "Parent Account",
            "Account number of the customer this one belongs to",
            "C-1000",
            pattern=_ACCOUNT,
            max_length=64,
        ),
    ),
    (UniqueTogether(("account",)),),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    faults = Faults(rows)
    numbered = pc.is_valid(rows.cell("account"))
    _judge(rows, known, faults, numbered)
    there = pc.if_else(numbered, found_one(known, "by_account"), found_one(known, "by_name"))
    values = {
        **{name: rows.cell(name) for name in _FILLED},
        "parent_account": rows.merged("parent_account", _present(rows, known, "parent_account")),
    }
    new = pc.invert(there)
    differing = any_differs(values, {name: _present(rows, known, name) for name in values})
    changed = both(there, differing)
    added = {"account": rows.cell("account"), **values}
    writes = (
        Write(
            "customers",
            table_of(rows, {"id": _present(rows, known, "id"), **values}, both(changed, faults.passed)),
            ("id",),
        ),
        Write("customers", table_of(rows, added, both(new, faults.passed)), numbered={"account": OWN_ACCOUNTS}),
    )
    return Plan(faults.findings, effects(new, changed), writes)


def _judge(rows: Rows, known: Known, faults: Faults, numbered: pa.BooleanArray) -> None:
    ours = pc.starts_with(rows.cell("account"), OWN_ACCOUNTS)
    faults.add("ACCOUNT_RESERVED", "account", both(ours, found_none(known, "by_account")))
    faults.add("CUSTOMER_AMBIGUOUS", "name", pc.and_not(found_many(known, "by_name"), numbered), rests_on=("account",))
    everywhere = pa.repeat(True, len(rows))
    twice = pc.or_(repeated(rows.cell("name"), everywhere), repeated(_present(rows, known, "id"), everywhere))
    faults.add("ROW_DUPLICATE", "name", pc.and_not(twice, numbered), rests_on=("account",))
    parent = rows.cell("parent_account")
    faults.add("PARENT_UNKNOWN", "parent_account", both(pc.is_valid(parent), found_none(known, "parent")))
    itself = pc.equal(parent, _own_account(rows, known))
    faults.add("PARENT_ITSELF", "parent_account", itself, rests_on=("account", "name"))


def _own_account(rows: Rows, known: Known) -> pa.StringArray:
    return pc.coalesce(rows.cell("account"), column(known, "by_name", "account"))


def _present(rows: Rows, known: Known, name: str) -> pa.Array:
    """Of the customer of this account if one is given, else of the one of this name."""
    by_account, by_name = column(known, "by_account", name), column(known, "by_name", name)
    return pc.if_else(pc.is_valid(rows.cell("account")), by_account, by_name)


_FIELDS = ("id", "account", *_FILLED, "parent_account")

TEMPLATE = Template(
    name="customers",
    version=1,
    schema=SCHEMA,
    purpose="Keeps the customers up to date, one row per customer: a new one is added, the others are changed.",
    plan=_plan,
    lookups={
        "by_account": Lookup("customers", {"account": "account"}, _FIELDS),
        "by_name": Lookup("customers", {"name": "name"}, _FIELDS),
        "parent": Lookup("customers", {"account": "parent_account"}, ("id",)),
    },
    hints=(
        "With an account number the row is about that customer, and may change the name; without one it is about the "
        "customer of exactly this name.",
        "A parent account must be on record before: send parents in a file of their own first.",
        "Names are best kept unique: uploads of vehicles find customers by their name.",
    ),
)
