"""A lease was taken for a default frame id, which stands for no vehicle; the swap refused it. One rule."""

from __future__ import annotations

import pytest

from formats.template import Rules, Template
from formats.templates.group_members import TEMPLATE as MEMBERS
from formats.templates.leases import TEMPLATE as LEASES
from tests.support.template_rows import codes, planned

TERM = {"expiry_date": "2026-04-30", "last_renewal_date": "2026-03-31", "duration": "Monthly(30Days)"}
ROWS = {"leases": TERM, "group_members": {"phone": "+919876543210", "user_name": "A. Example"}}
VIN = "MVH002654"


@pytest.mark.parametrize("template", [LEASES, MEMBERS], ids=lambda template: template.name)
@pytest.mark.parametrize(
    ("vin", "record", "rules", "found"),
    [
        (VIN, {"id": 1, "placeholder": False}, Rules(), []),
        ("CHH000001", {"id": 1, "placeholder": False}, Rules(), ["VIN_PLACEHOLDER"]),
        (VIN, {"id": 1, "placeholder": True}, Rules(), ["VIN_PLACEHOLDER"]),
        (VIN, {"id": 1, "placeholder": False}, Rules(placeholder_pattern="MVH.*"), ["VIN_PLACEHOLDER"]),
    ],
)
def test_what_belongs_to_a_vehicle_wants_a_real_one(
    template: Template, vin: str, record: dict[str, object], rules: Rules, found: list[str]
) -> None:
    plan = planned(template, ROWS[template.name] | {"vin": vin}, rules=rules, product=[record])
    assert [code for _, _, code in codes(plan)] == found
