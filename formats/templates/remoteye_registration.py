"""RemotEye Registration: the sixteen fields of the form, a to p, one row per device."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Column, Kind, RecordSchema, UniqueTogether
from formats.template import Faults, Known, Lookup, Plan, Reference, Rows, Rules, Template, Write
from formats.templates._calendar import months_later
from formats.templates._parts import (
    Record,
    both,
    column,
    found_many,
    found_none,
    judge_lists,
    keep,
    table_of,
)
from formats.templates.customers import OWN_ACCOUNTS

DEFAULT_LEASE_MONTHS = 12
MOST_LEASE_MONTHS = 600
_LAST_YEAR = 9999
_MODES = ("new", "existing")
_TWO_WORDS = r"[^\x00-\x20\x7f-\x9f]+( +[^\x00-\x20\x7f-\x9f]+)+"

SCHEMA = RecordSchema(
    "remoteye_registration",
    "RemotEye Registration",
    (
        Column("user_mode", "User", "Whether the user is new", "new", Kind.CHOICE, True, choices=_MODES),
        Column(
            "company_mode",
            "Company",
            "new: the company is added with this device; existing: it is on record",
            "new",
            Kind.CHOICE,
            True,
            choices=_MODES,
        ),
        Column("company_name", "Company name", "Name of the customer", "Example Power Ltd", required=True),
        Column(
            "contact_name",
            "Contact information",
            "First and last name of the contact",
            "Alex Example",
            required=True,
            pattern=_TWO_WORDS,
        ),
        Column("contact_email", "Contact email", "The contact's e-mail", "alex@example.com", Kind.EMAIL, True),
        Column("contact_phone", "Contact phone", "The contact's phone number", "+919876543210", Kind.PHONE, True),
        Column("sales_order_no", "TIC Sales Order #", "Sales order of the monitoring", "SO-2001", max_length=60),
        Column(
            "device_type",
            "Device Type",
            "Version of the RemotEye",
            "RemotEye 4",
            required=True,
            max_length=100,
            offers="device_types",
        ),
        Column(
            "lease_months",
            "Lease Time",
            f"Months of monitoring, 1 to {MOST_LEASE_MONTHS}; blank: {DEFAULT_LEASE_MONTHS}",
            "12",
            Kind.INTEGER,
        ),
        Column("device_serial", "Device S/N", "Serial number of the RemotEye", "RE4-000123", Kind.SERIAL, True),
        Column("device_mac", "Device MAC", "MAC address of the RemotEye", "02:1A:2B:3C:4D:5E", Kind.MAC, True),
        Column(
            "ups_model", "UPS Model", "Model of the UPS", "1600XP", required=True, max_length=100, offers="ups_models"
        ),
        Column("ups_model_no", "UPS Model #", "Model number of the UPS", "1600XP-18", required=True, max_length=60),
        Column("ups_serial", "UPS Serial #", "Serial number of the UPS", "160300007", required=True, max_length=60),
        Column("ups_ship_date", "UPS Ship Date", "The day the UPS was shipped", "2026-02-20", Kind.DATE),
        Column("start_date", "Start Date", "The day the monitoring starts", "2026-03-01", Kind.DATE, True),
        Column(
            "service_contract_no",
            "Service Contract Sales Order #",
            "Sales order of the service contract",
            "SO-2002",
            max_length=60,
        ),
    ),
    (UniqueTogether(("device_serial",)), UniqueTogether(("device_mac",))),
)

_REQUIRED = (
    *("user_mode", "company_mode", "contact_name", "contact_email", "contact_phone", "device_type", "device_serial"),
    *("device_mac", "ups_model", "ups_model_no", "ups_serial", "start_date"),
)
_OPTIONAL = ("sales_order_no", "ups_ship_date", "service_contract_no")


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    faults = Faults(rows)
    _judge_company(rows, known, faults)
    judge_lists(faults, rows, SCHEMA, rules)
    other = column(known, "device_of_mac", "device_serial")
    faults.add("DEVICE_CONFLICT", "device_mac", pc.not_equal(other, rows.cell("device_serial")), other)
    values = _values(rows, known)
    _judge_values(values, faults)
    values["customer_id"] = column(known, "company", "id")
    plan = keep(rows, faults, Record("remoteye_registrations", ("device_serial",), values), known["registration"])
    companies = _new_companies(rows, known, faults)
    registrations = (part for write in plan.writes for part in _split(write, companies))
    return replace(plan, writes=(_added(companies), *registrations), owner=values["customer_id"])


_TOLD_APART_BY = ("company_mode", "contact_name", "contact_email", "device_serial")
"""Whether a new company came with another device, or with this one."""


def _judge_company(rows: Rows, known: Known, faults: Faults) -> None:
    """A new company is not on record, unless it came with another device of the same contact, or with this one."""
    new = pc.equal(rows.cell("company_mode"), "new")
    on_record = pc.invert(found_none(known, "company"))
    came_so = pc.or_(
        pc.invert(found_none(known, "companion")),
        both(pc.equal(column(known, "registration", "customer_id"), column(known, "company", "id"))),
    )
    exists = pc.and_not(pc.and_(new, on_record), came_so)
    faults.add("COMPANY_EXISTS", "company_name", exists, rests_on=_TOLD_APART_BY)
    faults.add("COMPANY_UNKNOWN", "company_name", pc.and_not(pc.invert(new), on_record))
    faults.add("COMPANY_AMBIGUOUS", "company_name", pc.and_not(found_many(known, "company"), new))


def _values(rows: Rows, known: Known) -> dict[str, pa.Array]:
    """The columns of the registration after the upload, but its customer."""
    months = pc.coalesce(
        rows.merged("lease_months", column(known, "registration", "lease_months")), DEFAULT_LEASE_MONTHS
    )
    return {
        **{name: rows.cell(name) for name in _REQUIRED},
        **{name: rows.merged(name, column(known, "registration", name)) for name in _OPTIONAL},
        "lease_months": months,
        "end_date": months_later(rows.cell("start_date"), months),
    }


def _judge_values(values: dict[str, pa.Array], faults: Faults) -> None:
    months = values["lease_months"]
    ill = pc.or_(pc.less(months, 1), pc.greater(months, MOST_LEASE_MONTHS))
    too_late = pc.greater(pc.utf8_length(values["end_date"]), len(f"{_LAST_YEAR}-12-31"))
    allowed = pc.binary_join_element_wise(months.cast(pa.string()), f"allowed: 1 to {MOST_LEASE_MONTHS}", "; ")
    faults.add("NUMBER_RANGE", "lease_months", pc.or_(ill, too_late), allowed)
    no_number = pc.is_null(values["sales_order_no"])
    faults.add("SALES_ORDER_MISSING", "sales_order_no", no_number, rests_on=("device_serial",))
    faults.add("SHIPPED_AFTER_START", "ups_ship_date", pc.greater(values["ups_ship_date"], values["start_date"]))


def _new_companies(rows: Rows, known: Known, faults: Faults) -> pa.Table:
    """The rows that bring a company, each with the name as the first of them writes it, and the contact."""
    cells = {
        "name": rows.cell("company_name"),
        "phone": rows.cell("contact_phone"),
        "email": rows.cell("contact_email"),
    }
    found = table_of(rows, cells, both(faults.passed, found_none(known, "company")))
    folded = pc.utf8_lower(found["name"]).combine_chunks()
    first = pc.index_in(folded, value_set=folded)
    names = found["name"].combine_chunks().take(first)
    is_first = pc.equal(first, pa.array(range(len(first)), pa.int32()))
    return found.set_column(1, "name", names).append_column("first", is_first)


def _added(companies: pa.Table) -> Write:
    """One customer for each new company, with the contact of its first row."""
    firsts = companies.filter(companies["first"]).drop_columns(["first"])
    accounts = pa.nulls(firsts.num_rows, pa.string())
    return Write("customers", firsts.append_column("account", accounts), numbered={"account": OWN_ACCOUNTS})


def _split(write: Write, companies: pa.Table) -> tuple[Write, Write]:
    """Registrations of customers on record, and those of new ones, which are known by their names only."""
    numbers = companies["row"].combine_chunks()
    new = pc.is_in(write.rows["row"], value_set=numbers)
    rows = write.rows.filter(new)
    names = companies["name"].combine_chunks().take(pc.index_in(rows["row"].combine_chunks(), value_set=numbers))
    named = rows.set_column(rows.schema.get_field_index("customer_id"), "customer_id", names)
    by_name = {"customer_id": Reference("customers", "name")}
    return replace(write, rows=write.rows.filter(pc.invert(new))), replace(write, rows=named, references=by_name)


TEMPLATE = Template(
    name="remoteye_registration",
    version=1,
    schema=SCHEMA,
    purpose="Registers RemotEye devices with their UPS and contact, one row per device. A new company is added "
    "together with its first device.",
    plan=_plan,
    lookups={
        "company": Lookup("customers", {"name": "company_name"}, ("id",), folded=True),
        "companion": Lookup(
            "remoteye_registrations",
            {
                "customer_name": "company_name",
                "company_mode": "company_mode",
                "contact_name": "contact_name",
                "contact_email": "contact_email",
            },
            ("customer_id",),
            folded=True,
        ),
        "registration": Lookup(
            "remoteye_registrations",
            {"device_serial": "device_serial"},
            (
                *(name for name in _REQUIRED if name != "device_serial"),
                *_OPTIONAL,
                *("lease_months", "end_date", "customer_id"),
            ),
        ),
        "device_of_mac": Lookup("remoteye_registrations", {"device_mac": "device_mac"}, ("device_serial",)),
    },
    hints=(
        "Register the device only when UPS and RemotEye are operational and its network is configured.",
        "All devices of a new company may stand in one file: write 'new' and the same contact in each row.",
        "The monitoring ends the given number of months after the start date.",
    ),
    owners=("company.id", "registration.customer_id"),
)
