"""The tables staff keep up to date with bulk uploads: vehicles and what belongs to them, and providers' devices.

Days are ISO text (`YYYY-MM-DD`). A product is a vehicle with the parts it is bound to; a part that was
shipped but not sold is bound to a placeholder frame id, or to none.
"""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, String, Table, UniqueConstraint, text

from adapters.registry.tables import metadata
from adapters.registry.types import Key
from formats.enrolment import ORDER_NUMBER_LENGTH

Day = String(10)
_REAL = text("NOT placeholder")


def _unique_among_real(table: str, column: str) -> Index:
    """Two real bindings may not share the part; placeholder bindings may."""
    return Index(f"uq_{table}_{column}", column, unique=True, sqlite_where=_REAL, postgresql_where=_REAL)


locations = Table(
    "locations",
    metadata,
    Column("id", Key, primary_key=True),
    Column("city", String(100), nullable=False),
    Column("district", String(100), nullable=False),
    Column("state", String(100), nullable=False),
    Column("country", String(100), nullable=False),
    Column("latitude", String(26)),
    Column("longitude", String(26)),
    Column("zone", String(100)),
    UniqueConstraint("city", "district", "state", "country"),
)

products = Table(
    "products",
    metadata,
    Column("id", Key, primary_key=True),
    Column("vin", String(25), unique=True),
    Column("placeholder", Boolean, nullable=False, server_default=text("false")),  # bound by default, so free
    Column("vcu_id", String(40), unique=True),
    Column("device_id", String(40)),
    Column("motor_id", String(40)),
    Column("bms_id", String(40)),
    Column("registration_number", String(40)),
    Column("sim_number", String(20)),
    Column("status", String(20)),
    Column("model", String(100)),
    Column("battery_model", String(100)),
    Column("communication_type", String(100)),
    Column("customer_id", ForeignKey("customers.id")),
    Column("location_id", ForeignKey("locations.id")),
    _unique_among_real("products", "motor_id"),
    _unique_among_real("products", "bms_id"),
    Index(None, "motor_id"),
    Index(None, "bms_id"),
    Index(None, "customer_id"),
    CheckConstraint("placeholder OR vin IS NOT NULL", name="placeholder"),  # without a frame id it is bound to none
)

sales = Table(
    "sales",
    metadata,
    Column("id", Key, primary_key=True),
    Column("product_id", ForeignKey("products.id"), nullable=False, unique=True),
    Column("user_name", String(255)),
    Column("phone", String(16), unique=True),  # of the vehicle's user: one vehicle each
    Column("address_line_1", String(255)),
    Column("address_line_2", String(255)),
    Column("address_line_3", String(255)),
    Column("purchase_date", Day),
    Column("warranty_end", Day),
    Column("service_date", Day),
    Column("manufacturing_date", Day),
)

product_leases = Table(
    "product_leases",
    metadata,
    Column("id", Key, primary_key=True),
    Column("product_id", ForeignKey("products.id"), nullable=False, unique=True),
    Column("expiry", Day, nullable=False),
    Column("last_renewal", Day, nullable=False),
    Column("duration", String(20), nullable=False),
    Column("lease_type", String(20), nullable=False),
    Column("description", String(255), nullable=False),
    Column("order_status", String(20), nullable=False),
    Column("payment_status", String(20), nullable=False),
    Column("payment_reference", String(100)),
)

group_members = Table(
    "group_members",
    metadata,
    Column("id", Key, primary_key=True),
    Column("product_id", ForeignKey("products.id"), nullable=False),
    Column("phone", String(16), nullable=False),
    Column("user_name", String(255), nullable=False),
    UniqueConstraint("product_id", "phone"),
)

swaps = Table(
    "swaps",
    metadata,
    Column("id", Key, primary_key=True),
    Column("product_id", ForeignKey("products.id"), nullable=False),
    Column("old_vcu_id", String(40), nullable=False),
    Column("new_vcu_id", String(40), nullable=False),
    Column("return_order_number", String(ORDER_NUMBER_LENGTH), nullable=False),
    Column("order_number", String(ORDER_NUMBER_LENGTH), nullable=False, unique=True),
)

dmp_devices = Table(
    "dmp_devices",
    metadata,
    Column("id", Key, primary_key=True),
    Column("imei", String(15), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
    Column("sim_owner", String(20), nullable=False),
    Column("sms_number", String(16)),
    Column("hardware_type", String(100), nullable=False),
    Column("firmware", String(20), nullable=False),
)

fleet_freedom_providers = Table(
    "fleet_freedom_providers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("company", Key, nullable=False),
    Column("reporting_id", String(50), nullable=False),
    Column("reporting_id_kind", String(20), nullable=False),
    Column("kind", String(60), nullable=False),
    Column("phone_number", String(16)),
    UniqueConstraint("company", "reporting_id"),
)

remoteye_registrations = Table(
    "remoteye_registrations",
    metadata,
    Column("id", Key, primary_key=True),
    Column("device_serial", String(40), nullable=False, unique=True),
    Column("device_mac", String(17), nullable=False, unique=True),
    Column("user_mode", String(10), nullable=False),
    Column("company_mode", String(10), nullable=False),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
    Column("contact_name", String(255), nullable=False),
    Column("contact_email", String(254), nullable=False),
    Column("contact_phone", String(16), nullable=False),
    Column("sales_order_no", String(60)),
    Column("device_type", String(100), nullable=False),
    Column("lease_months", Key, nullable=False),
    Column("ups_model", String(100), nullable=False),
    Column("ups_model_no", String(60), nullable=False),
    Column("ups_serial", String(60), nullable=False),
    Column("ups_ship_date", Day),
    Column("start_date", Day, nullable=False),
    Column("end_date", Day, nullable=False),
    Column("service_contract_no", String(60)),
)
