"""DMP Devices: what must be known of a device before it is added to the device management platform."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Column, Kind, RecordSchema, RequiredWhen, UniqueTogether
from formats.template import Faults, Known, Lookup, Plan, Rows, Rules, Template
from formats.templates._parts import Record, column, found_many, found_none, judge_lists, keep

SIM_OWNERS = ("VENDOR", "CUSTOMER")
_FIRMWARE_GROUPS = 4

SCHEMA = RecordSchema(
    "dmp_devices",
    "DMP Devices",
    (
        Column("imei", "IMEI", "15 digits with check digit", "490154203237518", Kind.IMEI, True),
        Column(
            "name", "Device Name", "The name the device gets on the platform", "Truck 17", required=True, max_length=100
        ),
        Column(
            "client_account",
            "Client Account",
            "The client's name exactly as it is known here, capitals and blanks included",
            "Example Logistics Ltd",
            required=True,
        ),
        Column(
            "sim_owner",
            "SIM Owner",
            "Whose SIM card is in the device",
            "VENDOR",
            Kind.CHOICE,
            True,
            choices=SIM_OWNERS,
        ),
        Column(
            "sms_number",
            "SMS Number",
            "Number of the SIM card; needed when the SIM is the customer's",
            "+919876543210",
            Kind.PHONE,
        ),
        Column(
            "hardware_type",
            "Hardware Type",
            "Type of the device, one the platform supports",
            "FM-Pro4",
            required=True,
            max_length=100,
            offers="hardware_types",
        ),
        Column(
            "firmware",
            "Firmware",
            "Firmware version of the device: four numbers with points between them",
            "00.06.18.32",
            required=True,
            pattern=r"[0-9]{1,2}(\.[0-9]{1,2}){3}",
            max_length=11,
        ),
    ),
    (UniqueTogether(("imei",)), RequiredWhen("sms_number", "sim_owner", ("CUSTOMER",))),
)


def firmware(versions: pa.StringArray) -> pa.StringArray:
    """The one spelling: four groups of two digits."""
    groups = _groups(versions)
    padded = [pc.utf8_lpad(pc.list_element(groups, index), 2, "0") for index in range(_FIRMWARE_GROUPS)]
    return pc.binary_join_element_wise(*padded, ".")


def firmware_number(versions: pa.StringArray) -> pa.Int64Array:
    """A number that is higher for the later of two versions."""
    groups = _groups(versions)
    number = pc.multiply(pc.list_element(groups, 0).cast(pa.int64()), 1)
    for index in range(1, _FIRMWARE_GROUPS):
        number = pc.add(pc.multiply(number, 100), pc.list_element(groups, index).cast(pa.int64()))
    return number


def _groups(versions: pa.StringArray) -> pa.ListArray:
    return pc.split_pattern(versions, ".")


def _judge_firmware(rows: Rows, faults: Faults, rules: Rules) -> None:
    present = firmware_number(rows.cell("firmware"))
    minimum = firmware_number(pa.array([rules.minimum_firmware]))[0]
    needed = pa.repeat(rules.minimum_firmware, len(rows))
    too_old = pc.less(present, minimum)
    faults.add("FIRMWARE_TOO_OLD", "firmware", too_old, needed)
    if rules.latest_firmware:
        latest = firmware_number(pa.array([rules.latest_firmware]))[0]
        behind = pc.and_not(pc.less(present, latest), too_old)
        faults.add("FIRMWARE_NOT_LATEST", "firmware", behind, pa.repeat(rules.latest_firmware, len(rows)))


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    faults = Faults(rows)
    faults.add("CLIENT_UNKNOWN", "client_account", found_none(known, "client"))
    faults.add("CLIENT_AMBIGUOUS", "client_account", found_many(known, "client"))
    judge_lists(faults, rows, SCHEMA, rules)
    _judge_firmware(rows, faults, rules)
    values = {
        "imei": rows.cell("imei"),
        "name": rows.cell("name"),
        "customer_id": column(known, "client", "id"),
        "sim_owner": rows.cell("sim_owner"),
        "sms_number": rows.merged("sms_number", column(known, "device", "sms_number")),
        "hardware_type": rows.cell("hardware_type"),
        "firmware": firmware(rows.cell("firmware")),
    }
    return keep(rows, faults, Record("dmp_devices", ("imei",), values), known["device"])


TEMPLATE = Template(
    name="dmp_devices",
    version=1,
    schema=SCHEMA,
    purpose="Registers telematics devices that were sold already for the device management platform, one row per "
    "device. The client must be known here; check hardware type and firmware of each device first.",
    plan=_plan,
    lookups={
        "client": Lookup("customers", {"name": "client_account"}, ("id",)),
        "device": Lookup(
            "dmp_devices",
            {"imei": "imei"},
            ("name", "customer_id", "sim_owner", "sms_number", "hardware_type", "firmware"),
        ),
    },
    hints=(
        "The client is matched exactly: 'Example Logistics' is not 'example logistics'.",
        "Devices below the minimum firmware cannot be added; update them first.",
        "0.6.18.32 and 00.06.18.32 are the same firmware.",
    ),
    owners=("client.id", "device.customer_id"),
)
