"""The columns of vehicles, as every template shows them. Other names of a thing are aliases."""

from __future__ import annotations

from dataclasses import replace

from formats.schema import Column, Kind

STATUSES = ("Sold", "Demo", "Factory", "Testing", "In Transit", "In Stock")
"""Product statuses. `All` is a filter of lists, no status."""

VIN = Column(
    "vin",
    "VIN No",
    "Frame id of the vehicle",
    "MVH002654",
    Kind.VIN,
    True,
    aliases=("VIN", "VIN Number", "Frame ID", "Frame Id", "Frame id", "Frame ID / VIN"),
)
VCU_ID = Column(
    "vcu_id",
    "VCU/VTS ID",
    "Id of the telematics unit in the vehicle; it is also called telematics id or VCU number",
    "CEH0000001",
    Kind.SERIAL,
    True,
    aliases=(
        *("Telematics ID", "Telematics Id", "Telematic ID", "Telematic Id", "VCU/VTS Id"),
        *("VCU Number", "VCU number", "VCU ID", "VCU Id", "VTS ID", "VTS Id"),
    ),
)
DEVICE_ID = Column(
    "device_id", "Device ID", "Device id of the unit; it never changes", "DEV-0001", Kind.SERIAL, aliases=("Device Id",)
)
MOTOR_ID = Column(
    "motor_id",
    "Motor ID",
    "Number of the motor",
    "KE00001",
    Kind.SERIAL,
    aliases=("Motor Id", "Motor Number"),
    dummies=True,
)
BMS_ID = Column(
    "bms_id",
    "BMS ID",
    "Number of the battery and its management system",
    "BMS00001",
    Kind.SERIAL,
    aliases=("BMS Id", "Battery Number", "Battery number", "Battery ID", "Battery Id", "Battery/BMS ID"),
    dummies=True,
)
MODEL = Column(
    "model", "Vehicle Model", "Model of the vehicle", "EX-1", max_length=100, aliases=("Model",), offers="models"
)
COMMUNICATION_TYPE = Column(
    "communication_type",
    "Communication Type",
    "How the unit communicates",
    "4G",
    max_length=100,
    offers="communication_types",
)
BATTERY_MODEL = Column(
    "battery_model", "Battery Model", "Model of the battery", "BX-48", max_length=100, offers="battery_models"
)
REGISTRATION_NUMBER = Column(
    "registration_number", "Registration Number", "Number plate of the vehicle", "MH12AB1234", max_length=40
)
SIM_NUMBER = Column(
    "sim_number",
    "VCU SIM Number",
    "Number printed on the SIM card of the unit",
    "8991000012345678901",
    pattern="[0-9]{6,20}",
    max_length=20,
)
STATUS = Column("status", "Product Status", "Where the vehicle stands", "Sold", Kind.CHOICE, choices=STATUSES)
LOCATION = Column(
    "location",
    "Vehicle Location",
    "City of the vehicle, as it is on record",
    "Pune",
    max_length=100,
    offers="locations",
)
CUSTOMER_NAME = Column(
    "customer_name",
    "Customer Name",
    "Name of the customer, exactly as it is on record",
    "Example Motors Ltd",
    offers="customers",
)
USER_NAME = Column("user_name", "User Name", "Who uses the vehicle", "Asha Example")
PHONE = Column(
    "phone",
    "User Mobile Number",
    "Mobile number of the vehicle's user; one vehicle each",
    "+919876543210",
    Kind.PHONE,
    aliases=("Phone Number", "Mobile Number"),
)


def required(item: Column) -> Column:
    return replace(item, required=True)
