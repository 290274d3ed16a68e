"""The same upload as it is usually written: openpyxl, one row after the other, an ORM.

`python -m bench.naive_upload URL WORKBOOK ANSWER`. Its rules are those of the template Sales Data Update.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from bench.timing import Stopwatch

_COLUMNS = (
    *("vin", "vcu_id", "registration_number", "status", "location", "customer_name", "user_name", "phone"),
    *("address_line_1", "address_line_2", "address_line_3"),
    *("purchase_date", "warranty_end", "service_date", "manufacturing_date"),
)
_OWN = ("registration_number", "status")
_SALE = _COLUMNS[6:]
_DAYS = ("purchase_date", "warranty_end", "service_date", "manufacturing_date")
_ORDERED = ("manufacturing_date", "purchase_date", "warranty_end")
_STATUSES = ("Sold", "Demo", "Factory", "Testing", "In Transit", "In Stock")
_FORMS = {
    "vin": r"[A-Za-z0-9-]{4,25}",
    "vcu_id": r"[A-Za-z0-9._/-]{1,40}",
    "phone": r"\+[1-9][0-9]{6,14}",
}
_COMMIT_EVERY = 1_000


class _Base(DeclarativeBase):
    pass


class _Customer(_Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class _Location(_Base):
    __tablename__ = "locations"
    id: Mapped[int] = mapped_column(primary_key=True)
    city: Mapped[str]


class _Product(_Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    vin: Mapped[str | None]
    vcu_id: Mapped[str | None]
    registration_number: Mapped[str | None]
    status: Mapped[str | None]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    location_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"))
    sale: Mapped[_Sale | None] = relationship(back_populates="product")


class _Sale(_Base):
    __tablename__ = "sales"
    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    user_name: Mapped[str | None]
    phone: Mapped[str | None]
    address_line_1: Mapped[str | None]
    address_line_2: Mapped[str | None]
    address_line_3: Mapped[str | None]
    purchase_date: Mapped[str | None]
    warranty_end: Mapped[str | None]
    service_date: Mapped[str | None]
    manufacturing_date: Mapped[str | None]
    product: Mapped[_Product] = relationship(back_populates="sale")


@dataclass
class _Row:
    cells: dict[str, Any]
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    result: str = "Failed"


def main() -> None:
    url, source, target = sys.argv[1:]
    watch = Stopwatch()
    with watch.stage("read"):
        book = load_workbook(source)
        sheet: Worksheet = book.worksheets[0]
        rows = [_Row(dict(zip(_COLUMNS, cells, strict=True))) for cells in sheet.iter_rows(min_row=2, values_only=True)]
    with watch.stage("check"):
        for row in rows:
            _check(row)
        _check_duplicates(rows)
    with watch.stage("apply"), Session(create_engine(url)) as session:
        _apply(session, rows)
    with watch.stage("answer"):
        sheet.cell(1, len(_COLUMNS) + 1, "Result")
        sheet.cell(1, len(_COLUMNS) + 2, "What is wrong")
        for number, row in enumerate(rows, 2):
            sheet.cell(number, len(_COLUMNS) + 1, row.result)
            sheet.cell(number, len(_COLUMNS) + 2, "; ".join(row.errors + row.warnings))
        book.save(target)
    watch.report(**Counter(row.result.lower() for row in rows))


def _check(row: _Row) -> None:
    row.cells = {name: _text(value) for name, value in row.cells.items()}
    for name in ("vin", "vcu_id"):
        if not row.cells[name]:
            row.errors.append(f"{name} is missing")
    for name, form in _FORMS.items():
        if row.cells[name] and not re.fullmatch(form, row.cells[name]):
            row.errors.append(f"{name} is not valid")
    if row.cells["status"] and row.cells["status"] not in _STATUSES:
        row.errors.append("status is not valid")
    _check_days(row)


def _text(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d")
    return str(value).strip() if value is not None else None


def _check_days(row: _Row) -> None:
    days = {name: _day(row, name) for name in _DAYS}
    for at, earlier in enumerate(_ORDERED):
        for later in _ORDERED[at + 1 :]:
            first, second = days[earlier], days[later]
            if first and second and second < first:
                row.errors.append(f"{later} is before {earlier}")


def _day(row: _Row, name: str) -> date | None:
    if not row.cells[name]:
        return None
    try:
        return datetime.strptime(row.cells[name], "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        row.errors.append(f"{name} is not a date")
        return None


def _check_duplicates(rows: list[_Row]) -> None:
    for name in ("vin", "vcu_id", "phone"):
        times = Counter(row.cells[name] for row in rows if row.cells[name])
        for row in rows:
            if times[row.cells[name]] > 1:
                row.errors.append(f"{name} stands twice")


def _apply(session: Session, rows: list[_Row]) -> None:
    customers = {customer.name: customer.id for customer in session.scalars(select(_Customer))}
    locations = {location.city: location.id for location in session.scalars(select(_Location))}
    for number, row in enumerate(rows, 1):
        if not row.errors:
            _apply_row(session, row, customers, locations)
        if number % _COMMIT_EVERY == 0:
            session.commit()
    session.commit()


def _apply_row(session: Session, row: _Row, customers: dict[str, int], locations: dict[str, int]) -> None:
    product = _product(session, row)
    if product is None:
        return
    if row.cells["phone"]:
        owner = session.scalars(select(_Sale).where(_Sale.phone == row.cells["phone"])).one_or_none()
        if owner is not None and owner.product is not product:
            row.errors.append(f"the phone belongs to {owner.product.vin}")
            return
    named = {"customer_id": _named(row, "customer_name", customers), "location_id": _named(row, "location", locations)}
    changed = _set(product, {name: row.cells[name] for name in _OWN} | named)
    values = {name: row.cells[name] for name in _SALE}
    if product.sale is None and any(values.values()):
        product.sale = _Sale()
    if product.sale is not None:
        changed |= _set(product.sale, values)
    row.result = "Changed" if changed else "Unchanged"


def _product(session: Session, row: _Row) -> _Product | None:
    product = session.scalars(select(_Product).where(_Product.vin == row.cells["vin"])).one_or_none()
    unit = session.scalars(select(_Product).where(_Product.vcu_id == row.cells["vcu_id"])).one_or_none()
    if product is None:
        row.errors.append("no vehicle has this VIN")
    if unit is None:
        row.errors.append("no unit has this VCU id")
    elif product is not None and product is not unit:
        row.errors.append(f"the VCU belongs to {unit.vin}")
    return product if product is unit else None


def _named(row: _Row, column: str, known: dict[str, int]) -> int | None:
    name = row.cells[column]
    if name and name not in known:
        row.warnings.append(f"{column} {name} is not known")
    return known.get(name)


def _set(record: _Product | _Sale, values: dict[str, Any]) -> bool:
    """Set what is given and differs; says whether something did."""
    changed = False
    for name, value in values.items():
        if value is not None and getattr(record, name) != value:
            setattr(record, name, value)
            changed = True
    return changed


if __name__ == "__main__":
    main()
