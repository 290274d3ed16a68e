"""Control totals of the D records, computed the same way by writer and reader."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc

from formats import identifiers
from formats.generic.layout import Interface
from formats.generic.model import Totals


def totals_of(interface: Interface, details: pa.Table, detail_bytes: bytes) -> Totals:
    """Totals over `details`, whose records stand in `detail_bytes` (with line ends)."""
    devices = device_ids(interface, details)
    return Totals(
        record_count=details.num_rows,
        order_count=pc.count_distinct(details.column("order_id"), mode="only_valid").as_py(),
        hash_total=hash_total(devices.to_pylist()),
        detail_sha256=hashlib.sha256(detail_bytes).hexdigest(),
    )


def device_ids(interface: Interface, details: pa.Table) -> pa.ChunkedArray:
    """The device id of each D record; null where a response record is about more than a device."""
    if interface is Interface.REQUEST:
        return identifiers.device_id(details)
    return details.column("device_id")


def hash_total(devices: Iterable[str | None]) -> int:
    """Sum of CRC-32 (ISO-HDLC) over the UTF-8 bytes of every device id that is given."""
    return sum(crc32(value.encode()) for value in devices if value is not None)
