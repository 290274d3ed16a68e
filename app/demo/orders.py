"""The demo's Order Dispatch file: the same number of devices gives the same bytes.

Every row is made for one end (a bucket of the conservation count), so what must become of the file
is known before anything reads it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from formats.enrolment import RequestType
from formats.order_dispatch.layout import ORDER_DISPATCH
from jobs.errors import Setup
from jobs.states import REFUSED_BUCKET, LineState

PROVIDER = "acme"
CUSTOMERS = (
    ("C-2001", "Example Schools", PROVIDER, "ORG-2001"),
    ("C-2002", "Example Clinics", PROVIDER, "ORG-2002"),
    ("C-2003", "Example Logistics", PROVIDER, "ORG-2003"),
    ("C-2004", "Example Retail", PROVIDER, "ORG-2004"),
    ("C-2005", "Example Airlines", PROVIDER, "ORG-2005"),
    ("C-2006", "Example Council", PROVIDER, "ORG-2006"),
    ("C-2007", "Example Energy", PROVIDER, "ORG-2007"),
    ("C-2008", "Example Bank", PROVIDER, "ORG-2008"),
)
"""Account, name, provider, organisation id there."""

REFUSED_ORDER = r"SO-\d+-00003"
"""Order numbers the provider refuses as a whole."""
FOREIGN = "EX"
"""Serial numbers that begin so belong to another customer, says the provider."""
PUZZLING = "EU"
"""Serial numbers that begin so get a code nobody knows."""

MINIMUM = 50
MAXIMUM = 200_000
_UNKNOWN_CUSTOMER = "C-9999"
_FIRST_DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
_RETURN_DAY = datetime(2026, 6, 1, 9, tzinfo=UTC)
_MODELS = ("ED-10", "ED-10 Pro", "ED-20")


class DevicesRefused(Setup):
    code = "DEVICES_REFUSED"
    remedy = f"Choose a number from {MINIMUM} to {MAXIMUM:,}"


@dataclass(frozen=True)
class Dispatch:
    """The file, and what must become of its rows: how many end in each bucket, and the findings at intake.

    `example` is the serial number of a device that is returned, and so has the longest life.
    """

    name: str
    data: bytes
    rows: int
    buckets: Mapping[str, int]
    findings: Mapping[str, int]
    example: str


@dataclass(frozen=True, slots=True)
class _Row:
    cells: Mapping[str, str]
    bucket: str
    finding: str | None = None


def make_dispatch(devices: int) -> Dispatch:
    """A file of exactly `devices` rows. Raises DevicesRefused."""
    if not MINIMUM <= devices <= MAXIMUM:
        raise DevicesRefused(f"the demo cannot make {devices:,} devices")
    returns = devices * 3 // 100
    unknown = max(1, devices // 200)
    never = max(1, devices // 500)
    ordered = [_ordered(devices, number) for number in range(1, devices - returns - unknown - never + 1)]
    rows = [
        *ordered,
        *(_unknown_customer(devices, number) for number in range(1, unknown + 1)),
        *_returns(devices, [row for row in ordered if row.bucket == LineState.ENROLLED], returns),
        *(_never_enrolled(devices, number) for number in range(1, never + 1)),
    ]
    return Dispatch(
        name=f"orders-demo-{devices}.csv",
        data=_text(rows),
        rows=len(rows),
        buckets=Counter(row.bucket for row in rows),
        findings=Counter(row.finding for row in rows if row.finding),
        example=next(row.cells["serial_number"] for row in rows if row.bucket == LineState.UNENROLLED),
    )


def _ordered(devices: int, number: int) -> _Row:
    """One device of an order; every fault is about one row, its neighbours are good."""
    row = _device(devices, number)
    if number % 250 == 17:
        wrong = _imei(devices, number, error=1)
        return replace(row, cells={**row.cells, "imei": wrong}, bucket=REFUSED_BUCKET, finding="IMEI_INVALID")
    if number % 500 in (23, 24):
        cells = {**row.cells, "serial_number": f"ED{devices}-{number - number % 500 + 23:07d}", "imei": "", "mac": ""}
        return replace(row, cells=cells, bucket=REFUSED_BUCKET, finding="ROW_DUPLICATE")
    if number % 50 == 31:
        return replace(row, cells={**row.cells, "enrolment_requested": "N"}, bucket=LineState.NOT_REQUESTED)
    return row


def _device(devices: int, number: int) -> _Row:
    size = min(50, devices // 8)
    order, position = divmod(number - 1, size)
    order += 1
    family, bucket = _family(number)
    day = _FIRST_DAY + timedelta(days=order % 28)
    cells = {
        "order_number": f"SO-{devices}-{order:05d}",
        "line_number": str(position + 1),
        "request_type": RequestType.ORDER.value,
        "order_date": _moment(day),
        "customer_account": CUSTOMERS[order % len(CUSTOMERS)][0],
        "provider": PROVIDER,
        "enrolment_requested": "Y",
        "po_number": f"PO-{devices}-{order:05d}",
        "delivery_number": f"DL-{devices}-{order:05d}-{position // 25 + 1}",
        "ship_date": _moment(day + timedelta(days=1)),
        "serial_number": f"{family}{devices}-{number:07d}",
        "imei": _imei(devices, number) if number % 3 == 0 else "",
        "mac": _mac(devices, number) if number % 5 == 0 else "",
        "manufacturer": "Example Devices",
        "model": _MODELS[order % len(_MODELS)],
        "asset_tag": f"AT-{number:07d}",
    }
    return _Row(cells, LineState.REJECTED if order == 3 else bucket)


def _family(number: int) -> tuple[str, str]:
    """How the serial number begins, and how the device ends unless its row or order is at fault."""
    if number % 50 == 7:
        return FOREIGN, LineState.REJECTED
    if number % 400 == 11:
        return PUZZLING, LineState.REVIEW
    return "ED", LineState.ENROLLED


def _unknown_customer(devices: int, number: int) -> _Row:
    device = _device(devices, number)
    cells = {
        "order_number": f"SO-{devices}-X{number:05d}",
        "line_number": "1",
        "customer_account": _UNKNOWN_CUSTOMER,
        "serial_number": f"EC{devices}-{number:07d}",
        "imei": "",
        "mac": "",
    }
    return _Row({**device.cells, **cells}, REFUSED_BUCKET, "CUSTOMER_UNKNOWN")


def _returns(devices: int, enrolled: Sequence[_Row], count: int) -> Iterator[_Row]:
    """Returns of devices ordered above, spread evenly, one return order for each customer."""
    lines: Counter[str] = Counter()
    for position in range(count):
        returned = enrolled[position * len(enrolled) // count].cells
        account = returned["customer_account"]
        lines[account] += 1
        cells = _return_cells(devices, account.removeprefix("C-"), lines[account], returned["serial_number"])
        yield _Row({**cells, "customer_account": account}, LineState.UNENROLLED)


def _never_enrolled(devices: int, number: int) -> _Row:
    cells = _return_cells(devices, f"X{number:05d}", 1, f"EN{devices}-{number:07d}")
    return _Row({**cells, "customer_account": CUSTOMERS[0][0]}, REFUSED_BUCKET, "RETURN_NOT_ENROLLED")


def _return_cells(devices: int, order: str, line: int, serial_number: str) -> dict[str, str]:
    return {
        "order_number": f"RE-{devices}-{order}",
        "line_number": str(line),
        "request_type": RequestType.RETURN.value,
        "order_date": _moment(_RETURN_DAY),
        "provider": PROVIDER,
        "enrolment_requested": "Y",
        "delivery_number": f"DL-{devices}-R{order}",
        "ship_date": _moment(_RETURN_DAY + timedelta(days=1)),
        "serial_number": serial_number,
    }


def _text(rows: Sequence[_Row]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ORDER_DISPATCH.names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.cells for row in rows)
    return out.getvalue().encode()


def _imei(devices: int, number: int, error: int = 0) -> str:
    """IMEI of the device, its check digit wrong by `error`."""
    body = f"35{_unique(devices, number):012d}"
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(body))
    check = -sum(value // 10 + value % 10 for value in doubled) % 10
    return f"{body}{(check + error) % 10}"


def _mac(devices: int, number: int) -> str:
    return "02:" + _unique(devices, number).to_bytes(5, "big").hex(":").upper()


def _unique(devices: int, number: int) -> int:
    """A number below 10^12 that no device of another file has: files stand one behind the other."""
    return devices * (devices - 1) // 2 + number


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
