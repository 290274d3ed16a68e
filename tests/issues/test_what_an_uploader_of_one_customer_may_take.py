"""An uploader limited to one customer could take any vehicle that had no customer.

A row is in scope only if every record it touches is known to be that customer's, and is so afterwards, too.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from formats.template import CLEAR, Rules, Template
from formats.templates.enrolment_order import TEMPLATE as ORDER
from formats.templates.leases import TEMPLATE as LEASES
from formats.templates.product_data_update import TEMPLATE as UPDATE
from formats.templates.product_registration import TEMPLATE as REGISTRATION
from formats.templates.remoteye_registration import TEMPLATE as REMOTEYE
from formats.templates.sales_data_update import TEMPLATE as SALES
from formats.templates.vcu_swap import TEMPLATE as SWAP
from jobs.upload import Uploader
from jobs.uploads.chunks import Desk, scope_faults
from tests.support.template_rows import known_of, rows_of

OWN = {"id": 7, "customer_id": 7, "owner_id": 7}
OTHER = {"id": 8, "customer_id": 8, "owner_id": 8}
NOBODY = {"id": 9, "customer_id": None, "owner_id": None}
HIS = {"customer": OWN}
PLACED = {"order_number": "SO-1", "order_date": "2026-03-01", "ship_date": "2026-03-01"}
NAMED = {"customer_name": "Example"}
Found = Mapping[str, Mapping[str, object] | int]


def in_scope(template: Template, cells: Mapping[str, str], found: Found) -> bool:
    rows = rows_of(template.schema, {"vin": "MVH002654", **cells} if "vin" in template.schema.names else cells)
    known = known_of(template, 1, **{name: [entry] for name, entry in found.items()})
    desk = Desk(template, Uploader("ada@example.com", 7), Rules(), (), 1)
    return bool(scope_faults(desk, rows, known, template.plan(rows, known, Rules())).passed[0].as_py())


@pytest.mark.parametrize(
    ("template", "cells", "found", "allowed"),
    [
        (UPDATE, {}, {"product": OWN}, True),
        (UPDATE, NAMED, {"product": OWN} | HIS, True),
        (UPDATE, NAMED, {"product": NOBODY} | HIS, False),
        (UPDATE, NAMED, {"product": OTHER} | HIS, False),
        (UPDATE, NAMED, {"product": OWN, "customer": OTHER}, False),
        (UPDATE, {"customer_name": CLEAR}, {"product": OWN}, False),
        (UPDATE, {}, {"product": OWN, "battery": NOBODY}, False),
        (UPDATE, {}, {"product": OWN, "shipped_motor": OTHER}, False),
        (UPDATE, {}, {"product": OWN, "shipped_motor": 3}, False),
        (UPDATE, {}, {"product": OWN, "shipped_battery": OWN}, True),
        (SALES, NAMED, {"product": NOBODY} | HIS, False),
        (SALES, NAMED, {"product": OWN} | HIS, True),
        (SALES, {"customer_name": CLEAR}, {"product": OWN}, False),
        (REGISTRATION, NAMED, HIS, True),
        (REGISTRATION, {}, {}, False),
        (REGISTRATION, NAMED, {"unit": NOBODY} | HIS, False),
        (REGISTRATION, NAMED, {"unit": OTHER} | HIS, False),
        (REGISTRATION, NAMED, {"unit": OWN} | HIS, True),
        (REGISTRATION, NAMED, {"shipped_battery": 2} | HIS, False),
        (LEASES, {}, {"product": NOBODY}, False),
        (LEASES, {}, {"product": OWN}, True),
        (SWAP, {}, {"vehicle": OWN, "old_device": OWN}, True),
        (SWAP, {}, {"vehicle": NOBODY, "old_device": OWN}, False),
        (SWAP, {}, {"vehicle": OWN, "old_device": NOBODY}, False),
        (SWAP, {}, {"vehicle": OWN, "old_device": OWN, "new_unit": NOBODY}, False),
        (SWAP, {}, {"vehicle": OWN, "old_device": OWN, "new_device": OTHER}, False),
        (ORDER, PLACED, HIS, True),
        (ORDER, PLACED, {"device_by_imei": OTHER} | HIS, False),
        (ORDER, PLACED, {"device_by_imei": OWN} | HIS, True),
        (ORDER, PLACED, {"device_by_mac": OWN}, False),
        (REMOTEYE, {}, {"company": OWN}, True),
        (REMOTEYE, {}, {"company": OWN, "registration": OTHER}, False),
        (REMOTEYE, {}, {"registration": OWN}, False),
    ],
)
def test_only_what_is_known_to_be_his_before_and_after(
    template: Template, cells: Mapping[str, str], found: Found, allowed: bool
) -> None:
    assert in_scope(template, cells, found) is allowed
