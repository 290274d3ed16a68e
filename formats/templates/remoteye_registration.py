"""RemotEye Registration: the sixteen fields of the form, a to p, one row per device."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Column, Kind, RecordSchema, UniqueTogether
from formats.template import Faults, Known, Lookup, Plan, Reference, Rows, Rules, Template, Write
from formats.templates._accounts import generated_accounts
from formats.templates._parts import (
    Record,
    both,
    column,
    differs,
    found_many,
    found_none,
    judge_lists,
    keep,
    table_of,
)

DEFAULT_LEASE_MONTHS = 12
MOST_LEASE_MONTHS = 600
_LAST_YEAR = 9999
_MODES = ("new", "existing")
_TWO_WORDS = r"[^\x00-\x20\x7f-\x9f]+( +[^\x00-\x20\x7f-\x9f]+)+"
_DAYS_OF_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

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


def months_later(starts: pa.StringArray, months: pa.Int64Array) -> pa.StringArray:
    """The same day of a later month, or that month's last day if it has no such day."""
    year, month, day = (
        pc.utf8_slice_codeunits(starts, first, stop).cast(pa.int64()) for first, stop in ((0, 4), (5, 7), (8, 10))
    )
    count = pc.add(pc.add(pc.multiply(year, 12), pc.subtract(month, 1)), months)
    year = pc.divide(count, 12)
    month = pc.subtract(count, pc.multiply(year, 12))
    february = pc.and_(pc.equal(month, 1), _is_leap(year)).cast(pa.int64())
    last = pc.add(pa.array(_DAYS_OF_MONTHS, pa.int64()).take(month), february)
    parts = ((year, 4), (pc.add(month, 1), 2), (pc.min_element_wise(day, last, skip_nulls=False), 2))
    return pc.binary_join_element_wise(*(pc.utf8_lpad(part.cast(pa.string()), size, "0") for part, size in parts), "-")


def _is_leap(years: pa.Int64Array) -> pa.BooleanArray:
    by_4, by_100, by_400 = (pc.equal(pc.multiply(pc.divide(years, number), number), years) for number in (4, 100, 400))
    return pc.or_(pc.and_not(by_4, by_100), by_400)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    faults = Faults(rows)
    _judge_company(rows, known, faults)
    judge_lists(faults, rows, SCHEMA, rules)
    other = column(known, "device_of_mac", "device_serial")
    faults.add("DEVICE_CONFLICT", "device_mac", pc.not_equal(other, rows.cell("device_serial")), other)
    values = _values(rows, known)
    _judge_values(values, faults)
    account = pc.coalesce(column(known, "company", "account"), generated_accounts(rows.cell("company_name")))
    record = Record(
        "remoteye_registrations",
        ("device_serial",),
        values | {"customer_id": account},
        {"customer_id": Reference("customers", "account")},
    )
    moved = differs(account, column(known, "registration", "customer_account"))
    plan = keep(rows, faults, record, known["registration"], always=moved)
    return replace(plan, writes=(_new_customers(rows, known, faults, account), *plan.writes))


def _judge_company(rows: Rows, known: Known, faults: Faults) -> None:
    """A new company is not on record, unless it came with another device of the same contact, or with this one."""
    new = pc.equal(rows.cell("company_mode"), "new")
    on_record = pc.invert(found_none(known, "company"))
    came_so = pc.or_(
        pc.invert(found_none(known, "companion")),
        both(pc.equal(column(known, "registration", "customer_id"), column(known, "company", "id"))),
    )
    faults.add("COMPANY_EXISTS", "company_name", pc.and_not(pc.and_(new, on_record), came_so))
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
    faults.add("NUMBER_RANGE", "lease_months", pc.or_(ill, too_late))
    faults.add("SALES_ORDER_MISSING", "sales_order_no", pc.is_null(values["sales_order_no"]))
    faults.add("SHIPPED_AFTER_START", "ups_ship_date", pc.greater(values["ups_ship_date"], values["start_date"]))


def _new_customers(rows: Rows, known: Known, faults: Faults, account: pa.StringArray) -> Write:
    """One customer for each new company, with the contact of its first row."""
    due = both(faults.passed, found_none(known, "company"))
    values = {
        "account": account,
        "name": rows.cell("company_name"),
        "phone": rows.cell("contact_phone"),
        "email": rows.cell("contact_email"),
    }
    companies = table_of(rows, values, due)
    accounts = companies["account"].combine_chunks()
    first = pc.equal(pc.index_in(accounts, value_set=accounts), pa.array(range(len(accounts)), pa.int32()))
    return Write("customers", companies.filter(first))


TEMPLATE = Template(
    name="remoteye_registration",
    version=1,
    schema=SCHEMA,
    purpose="Registers RemotEye devices with their UPS and contact, one row per device. A new company is added "
    "together with its first device.",
    plan=_plan,
    lookups={
        "company": Lookup("customers", {"name": "company_name"}, ("id", "account"), folded=True),
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
                *("lease_months", "end_date", "customer_id", "customer_account"),
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
