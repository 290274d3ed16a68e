"""Vehicles, sales, leases and providers' devices; customers with their particulars"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.registry.types import Key

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "fleet_freedom_providers",
        sa.Column("id", Key, nullable=False),
        sa.Column("company", Key, nullable=False),
        sa.Column("reporting_id", sa.String(length=50), nullable=False),
        sa.Column("reporting_id_kind", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("phone_number", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fleet_freedom_providers")),
        sa.UniqueConstraint("company", "reporting_id", name=op.f("uq_fleet_freedom_providers_company_reporting_id")),
    )
    op.create_table(
        "locations",
        sa.Column("id", Key, nullable=False),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("district", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=100), nullable=False),
        sa.Column("country", sa.String(length=100), nullable=False),
        sa.Column("latitude", sa.String(length=26), nullable=True),
        sa.Column("longitude", sa.String(length=26), nullable=True),
        sa.Column("zone", sa.String(length=100), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locations")),
        sa.UniqueConstraint(
            "city", "district", "state", "country", name=op.f("uq_locations_city_district_state_country")
        ),
    )
    op.create_table(
        "dmp_devices",
        sa.Column("id", Key, nullable=False),
        sa.Column("imei", sa.String(length=15), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("customer_id", Key, nullable=False),
        sa.Column("sim_owner", sa.String(length=20), nullable=False),
        sa.Column("sms_number", sa.String(length=16), nullable=True),
        sa.Column("hardware_type", sa.String(length=100), nullable=False),
        sa.Column("firmware", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_dmp_devices_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dmp_devices")),
        sa.UniqueConstraint("imei", name=op.f("uq_dmp_devices_imei")),
    )
    op.create_table(
        "products",
        sa.Column("id", Key, nullable=False),
        sa.Column("vin", sa.String(length=25), nullable=True),
        sa.Column("placeholder", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("vcu_id", sa.String(length=40), nullable=True),
        sa.Column("device_id", sa.String(length=40), nullable=True),
        sa.Column("motor_id", sa.String(length=40), nullable=True),
        sa.Column("bms_id", sa.String(length=40), nullable=True),
        sa.Column("registration_number", sa.String(length=40), nullable=True),
        sa.Column("sim_number", sa.String(length=20), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=True),
        sa.Column("model", sa.String(length=100), nullable=True),
        sa.Column("battery_model", sa.String(length=100), nullable=True),
        sa.Column("communication_type", sa.String(length=100), nullable=True),
        sa.Column("customer_id", Key, nullable=True),
        sa.Column("location_id", Key, nullable=True),
        sa.CheckConstraint("placeholder OR vin IS NOT NULL", name=op.f("ck_products_placeholder")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_products_customer_id")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_products_location_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("vcu_id", name=op.f("uq_products_vcu_id")),
        sa.UniqueConstraint("vin", name=op.f("uq_products_vin")),
    )
    op.create_index(op.f("ix_products_bms_id"), "products", ["bms_id"], unique=False)
    op.create_index(op.f("ix_products_customer_id"), "products", ["customer_id"], unique=False)
    op.create_index(op.f("ix_products_motor_id"), "products", ["motor_id"], unique=False)
    op.create_index(
        "uq_products_bms_id",
        "products",
        ["bms_id"],
        unique=True,
        sqlite_where=sa.text("NOT placeholder"),
        postgresql_where=sa.text("NOT placeholder"),
    )
    op.create_index(
        "uq_products_motor_id",
        "products",
        ["motor_id"],
        unique=True,
        sqlite_where=sa.text("NOT placeholder"),
        postgresql_where=sa.text("NOT placeholder"),
    )
    op.create_table(
        "remoteye_registrations",
        sa.Column("id", Key, nullable=False),
        sa.Column("device_serial", sa.String(length=40), nullable=False),
        sa.Column("device_mac", sa.String(length=17), nullable=False),
        sa.Column("user_mode", sa.String(length=10), nullable=False),
        sa.Column("company_mode", sa.String(length=10), nullable=False),
        sa.Column("customer_id", Key, nullable=False),
        sa.Column("contact_name", sa.String(length=255), nullable=False),
        sa.Column("contact_email", sa.String(length=254), nullable=False),
        sa.Column("contact_phone", sa.String(length=16), nullable=False),
        sa.Column("sales_order_no", sa.String(length=60), nullable=True),
        sa.Column("device_type", sa.String(length=100), nullable=False),
        sa.Column("lease_months", Key, nullable=False),
        sa.Column("ups_model", sa.String(length=100), nullable=False),
        sa.Column("ups_model_no", sa.String(length=60), nullable=False),
        sa.Column("ups_serial", sa.String(length=60), nullable=False),
        sa.Column("ups_ship_date", sa.String(length=10), nullable=True),
        sa.Column("start_date", sa.String(length=10), nullable=False),
        sa.Column("end_date", sa.String(length=10), nullable=False),
        sa.Column("service_contract_no", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_remoteye_registrations_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remoteye_registrations")),
        sa.UniqueConstraint("device_mac", name=op.f("uq_remoteye_registrations_device_mac")),
        sa.UniqueConstraint("device_serial", name=op.f("uq_remoteye_registrations_device_serial")),
    )
    op.create_table(
        "group_members",
        sa.Column("id", Key, nullable=False),
        sa.Column("product_id", Key, nullable=False),
        sa.Column("phone", sa.String(length=16), nullable=False),
        sa.Column("user_name", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_group_members_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_members")),
        sa.UniqueConstraint("product_id", "phone", name=op.f("uq_group_members_product_id_phone")),
    )
    op.create_table(
        "product_leases",
        sa.Column("id", Key, nullable=False),
        sa.Column("product_id", Key, nullable=False),
        sa.Column("expiry", sa.String(length=10), nullable=False),
        sa.Column("last_renewal", sa.String(length=10), nullable=False),
        sa.Column("duration", sa.String(length=20), nullable=False),
        sa.Column("lease_type", sa.String(length=20), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("order_status", sa.String(length=20), nullable=False),
        sa.Column("payment_status", sa.String(length=20), nullable=False),
        sa.Column("payment_reference", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_leases_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_leases")),
        sa.UniqueConstraint("product_id", name=op.f("uq_product_leases_product_id")),
    )
    op.create_table(
        "sales",
        sa.Column("id", Key, nullable=False),
        sa.Column("product_id", Key, nullable=False),
        sa.Column("user_name", sa.String(length=255), nullable=True),
        sa.Column("phone", sa.String(length=16), nullable=True),
        sa.Column("address_line_1", sa.String(length=255), nullable=True),
        sa.Column("address_line_2", sa.String(length=255), nullable=True),
        sa.Column("address_line_3", sa.String(length=255), nullable=True),
        sa.Column("purchase_date", sa.String(length=10), nullable=True),
        sa.Column("warranty_end", sa.String(length=10), nullable=True),
        sa.Column("service_date", sa.String(length=10), nullable=True),
        sa.Column("manufacturing_date", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_sales_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales")),
        sa.UniqueConstraint("phone", name=op.f("uq_sales_phone")),
        sa.UniqueConstraint("product_id", name=op.f("uq_sales_product_id")),
    )
    op.create_table(
        "swaps",
        sa.Column("id", Key, nullable=False),
        sa.Column("product_id", Key, nullable=False),
        sa.Column("old_vcu_id", sa.String(length=40), nullable=False),
        sa.Column("new_vcu_id", sa.String(length=40), nullable=False),
        sa.Column("return_order_number", sa.String(length=32), nullable=False),
        sa.Column("order_number", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_swaps_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_swaps")),
        sa.UniqueConstraint("order_number", name=op.f("uq_swaps_order_number")),
    )
    op.add_column("customers", sa.Column("address", sa.String(length=255), nullable=True))
    op.add_column("customers", sa.Column("city", sa.String(length=100), nullable=True))
    op.add_column("customers", sa.Column("pin_code", sa.String(length=12), nullable=True))
    op.add_column("customers", sa.Column("phone", sa.String(length=16), nullable=True))
    op.add_column("customers", sa.Column("email", sa.String(length=254), nullable=True))
    op.add_column("customers", sa.Column("parent_account", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_customers_name"), "customers", ["name"], unique=False)
