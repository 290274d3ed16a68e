"""Fleet Freedom Providers: devices that are added to Fleet Freedom directly, without a registration code."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from formats import identifiers
from formats.placeholders import holds_placeholder
from formats.schema import Column, Kind, RecordSchema, UniqueTogether
from formats.template import Faults, Known, Lookup, Plan, Rows, Rules, Template
from formats.templates._parts import Record, column, keep

KINDS = ("genx", "mobile", "datatrans", "lbs", "smartwitness", "calamp", "bewhere", "atrack", "teltonika")
"""What the service supports. Kinds it has given up (lmu, xirgo …) and `unknown` are not among them."""

REPORTING_ID_KINDS = ("ESN", "IMEI", "SERIAL", "OTHER")

SCHEMA = RecordSchema(
    "fleet_freedom_providers",
    "Fleet Freedom Providers",
    (
        Column("kind", "Kind", "Kind of device, as the service calls it", "calamp", Kind.CHOICE, True, choices=KINDS),
        Column("company", "Company", "Number of the company that owns the device", "42", Kind.INTEGER, True),
        Column(
            "reporting_id",
            "Reporting ID",
            "What the device calls itself when it reports; not always what is printed on it",
            "490154203237518",
            required=True,
            pattern="[!-~]+",
            min_length=10,
            max_length=50,
        ),
        Column(
            "reporting_id_kind",
            "Reporting ID Kind",
            "What the reporting id is; an IMEI is checked by its check digit",
            "IMEI",
            Kind.CHOICE,
            True,
            choices=REPORTING_ID_KINDS,
        ),
        Column(
            "reporting_id_verified",
            "Reporting ID Verified",
            "Yes: somebody has made sure that the device reports under this id",
            "Yes",
            Kind.CHOICE,
            True,
            choices=("Yes",),
        ),
        Column("password", "Password", "The device's password, if it has one", "", max_length=50, secret=True),
        Column("phone_number", "Phone Number", "Number of the device's SIM card", "+919876543210", Kind.PHONE),
    ),
    (UniqueTogether(("company", "reporting_id")),),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    faults = Faults(rows)
    reporting_id = rows.cell("reporting_id")
    imei = pc.equal(rows.cell("reporting_id_kind"), "IMEI")
    sound = identifiers.valid(Kind.IMEI, reporting_id)
    dummy = holds_placeholder(reporting_id, rules.identifier_placeholders)
    faults.add("IDENTIFIER_PLACEHOLDER", "reporting_id", dummy, reporting_id)
    faults.add("IMEI_INVALID", "reporting_id", pc.and_not(pc.and_not(imei, sound), dummy))
    values = {
        "company": rows.cell("company").cast(pa.int64()),
        "reporting_id": reporting_id,
        "reporting_id_kind": rows.cell("reporting_id_kind"),
        "kind": rows.cell("kind"),
        "phone_number": rows.merged("phone_number", column(known, "provider", "phone_number")),
    }
    record = Record("fleet_freedom_providers", ("company", "reporting_id"), values)
    # nothing made from a password is kept, so one that is given may always be another than before
    return keep(rows, faults, record, known["provider"], always=rows.given("password"))


TEMPLATE = Template(
    name="fleet_freedom_providers",
    version=1,
    schema=SCHEMA,
    purpose="Registers devices that are added to Fleet Freedom directly, one row per device. Adding a device costs "
    "money from the first moment, so make sure of company and reporting id before you send the row.",
    plan=_plan,
    lookups={
        "provider": Lookup(
            "fleet_freedom_providers",
            {"company": "company", "reporting_id": "reporting_id"},
            ("reporting_id_kind", "kind", "phone_number"),
        )
    },
    hints=(
        "The reporting id is what the device sends, which may be another number than the one on its label.",
        "Passwords are never kept and are masked in the answered workbook: enter a password again in each row you "
        "correct, and leave it blank otherwise; a row with a password always counts as changed.",
    ),
)
