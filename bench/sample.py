"""A registry of vehicles and a workbook about them: the same every time, by number."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
from xlsxwriter import Workbook

from adapters.registry.bulk import load
from adapters.registry.business_tables import locations, products, sales
from adapters.registry.engine import make_engine
from adapters.registry.tables import customers
from formats.templates import template
from formats.workbook.layout import heading, sheet_name

TEMPLATE = template("sales_data_update")
PRODUCTS, CUSTOMERS, LOCATIONS = 100_000, 1_000, 200

Values = dict[str, str | None]

_DAYS = ("purchase_date", "warranty_end", "service_date", "manufacturing_date")
_SALE = ("user_name", "phone", "address_line_1", "address_line_2", "address_line_3", *_DAYS)
_MADE = date(2024, 1, 1)


def fill_registry(url: str, vehicles: int) -> None:
    """Customers, locations, vehicles, and the sales of nineteen out of twenty."""
    engine = make_engine(url)
    numbers = range(vehicles)
    sold = [{"product_id": n + 1, **{key: on_record(n)[key] for key in _SALE}} for n in numbers if n % 20 != 5]
    with engine.begin() as connection:
        load(connection, customers, pa.Table.from_pylist([_customer(n) for n in range(CUSTOMERS)]))
        load(connection, locations, pa.Table.from_pylist([_location(n) for n in range(LOCATIONS)]))
        load(connection, products, pa.Table.from_pylist([_product(n) for n in numbers]))
        load(connection, sales, pa.Table.from_pylist(sold))
    engine.dispose()


def write_workbook(path: Path, rows: int) -> None:
    """As a spreadsheet program saves it: shared texts, real days."""
    book = Workbook(path)
    sheet = book.add_worksheet(sheet_name(TEMPLATE.schema))
    day_style = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, [heading(column) for column in TEMPLATE.schema.columns])
    for number in range(rows):
        values = upload_row(number)
        for at, name in enumerate(TEMPLATE.schema.names):
            value = values[name]
            if value is not None and name in _DAYS:
                day = datetime.combine(date.fromisoformat(value), time())
                sheet.write_datetime(number + 1, at, day, day_style)
            elif value is not None:
                sheet.write_string(number + 1, at, value)
    book.close()


def on_record(number: int) -> Values:
    """A vehicle as the registry has it, by the template's columns; one out of twenty is not sold."""
    made = _MADE + timedelta(days=number % 300)
    values: Values = {
        "vin": f"MVH{number:07d}",
        "vcu_id": f"CEH{number:07d}",
        "registration_number": f"MH12X{number:06d}",
        "status": "In Stock",
        "location": f"City {number % LOCATIONS}",
        "customer_name": f"Customer {number % CUSTOMERS} Ltd",
        "user_name": f"User {number}",
        "phone": f"+9198{number:08d}",
        "address_line_1": f"{number % 977} Example Road",
        "address_line_2": f"Sample Nagar {number % 53}",
        "address_line_3": f"Pune {411000 + number % 100}",
    }
    for name, later in zip(_DAYS, (30, 1_100, 200, 0), strict=True):
        values[name] = (made + timedelta(days=later)).isoformat()
    return values if number % 20 != 5 else values | dict.fromkeys(_SALE)


def upload_row(number: int) -> Values:
    """What the workbook says: nine out of ten are changed, and every hundredth row is at fault."""
    present = on_record(number)
    if number % 100 == 3:
        return present | {"phone": None}  # blank: it keeps the number, which a row at fault asks for
    if number % 10 == 3:
        return present
    changed = on_record(number - 1 if number % 20 == 5 else number) | {
        **{key: present[key] for key in ("vin", "vcu_id", "registration_number")},
        "phone": f"+9198{number:08d}",
        "status": "Sold",
        "location": f"City {(number + 7) % LOCATIONS}",
        "customer_name": f"Customer {(number + 11) % CUSTOMERS} Ltd" if number % 500 != 9 else "Nobody Ltd",
        "address_line_1": f"{number % 991} Other Road",
    }
    return changed | _fault(number, changed) if number % 100 == 7 else changed


def _fault(number: int, row: Values) -> Values:
    """Eight kinds, by turns."""
    other = on_record(number + 1)
    faults: tuple[Values, ...] = (
        {"vin": f"MVX{number:07d}"},
        {"vcu_id": f"CEX{number:07d}"},
        {"warranty_end": "2020-01-01"},
        {"status": "Lost"},
        {"phone": "12"},
        {"vin": other["vin"], "vcu_id": other["vcu_id"]},  # the next row names it, too: both fail
        {"phone": f"+9198{number - 4:08d}"},
        {"vcu_id": None},
    )
    return faults[number // 100 % len(faults)]


def _product(number: int) -> dict[str, str | int | None]:
    record = on_record(number)
    return {
        **{key: record[key] for key in ("vin", "vcu_id", "registration_number", "status")},
        "device_id": f"DEV{number:07d}",
        "motor_id": f"MOT{number:07d}",
        "bms_id": f"BMS{number:07d}",
        "model": "EV-1",
        "customer_id": number % CUSTOMERS + 1,
        "location_id": number % LOCATIONS + 1,
    }


def _customer(number: int) -> Values:
    return {"account": f"C-{number:04d}", "name": f"Customer {number} Ltd"}


def _location(number: int) -> Values:
    return {"city": f"City {number}", "district": "Example District", "state": "Maharashtra", "country": "India"}
