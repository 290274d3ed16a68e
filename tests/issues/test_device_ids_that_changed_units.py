"""A device id is its unit's and never changes (C32), but two templates moved it.

Product Registration overwrote the device id of a shipped unit; VCU Swap left the vehicle the old unit's device id and
gave the old unit's record the new one's, so that two units had each other's.
"""

from __future__ import annotations

import pytest

from formats.template import CLEAR
from formats.templates.product_registration import TEMPLATE as REGISTRATION
from formats.templates.vcu_swap import TEMPLATE as SWAP
from tests.support.template_rows import findings, planned, writes

UNIT = {"id": 9, "vin": "CHH000123", "placeholder": True, "vcu_id": "CEH0000002", "device_id": "DEV-9"}
VEHICLE = {"id": 5, "placeholder": False, "vcu_id": "CEH0000001", "device_id": "DEV-1"}
DEVICE = {"state": "ENROLLED", "provider": "acme", "customer_account": "C-1007", "customer_id": 7}
CAR = {"vin": "MVH002654", "vcu_id": "CEH0000002", "device_id": "DEV-9", "model": "EX-1", "motor_id": "KE1"}
SWAPPED = {"vin": "MVH002654", "old_vcu_id": "CEH0000001", "new_vcu_id": "CEH0000002"}
SWAPPED |= {"order_number": "SW-1", "swap_date": "2026-03-05"}


def swap(device_id: str = "", **found: object) -> list[tuple[int, str, str, str | None]]:
    return findings(_plan(device_id, **found))


def _plan(device_id: str = "", **found: object):  # type: ignore[no-untyped-def]  # a Plan
    known = {"vehicle": VEHICLE, "old_unit": {"id": 5}, "old_device": DEVICE, **found}
    return planned(SWAP, SWAPPED | {"device_id": device_id}, **{name: [entry] for name, entry in known.items()})


def ids(device_id: str = "", **found: object) -> dict[str, str | None]:
    """Device ids by unit after the swap."""
    rows = [row for write in writes(_plan(device_id, **found), "products") for row in write.rows.to_pylist()]
    return {row["vcu_id"]: row["device_id"] for row in rows if row["vcu_id"]}


@pytest.mark.parametrize("given", ["", "DEV-9"])
def test_both_units_keep_their_ids_in_a_swap(given: str) -> None:
    assert ids(given, new_unit=UNIT) == {"CEH0000002": "DEV-9", "CEH0000001": "DEV-1"}


@pytest.mark.parametrize(("given", "kept"), [("", None), ("DEV-7", "DEV-7")])
def test_a_unit_that_is_not_on_record_has_the_id_that_is_given_or_none(given: str, kept: str | None) -> None:
    assert ids(given) == {"CEH0000002": kept, "CEH0000001": "DEV-1"}


def test_no_unit_gets_the_id_of_another() -> None:
    assert swap("DEV-7", new_unit=UNIT) == [(2, "device_id", "DEVICE_ID_IMMUTABLE", "DEV-9")]
    old = {"vcu_id": "CEH0000001"}
    assert swap("DEV-1", unit_of_device_id=old) == [(2, "device_id", "DEVICE_ID_IN_USE", "CEH0000001")]
    assert swap("DEV-8", unit_of_device_id=2) == [(2, "device_id", "DEVICE_ID_IN_USE", None)]
    assert swap(CLEAR, new_unit=UNIT) == [(2, "device_id", "CELL_CLEAR_REFUSED", None)]


@pytest.mark.parametrize(
    ("given", "found"), [("DEV-9", []), ("DEV-1", [(2, "device_id", "DEVICE_ID_IMMUTABLE", "DEV-9")])]
)
def test_registration_does_not_change_the_id_of_a_shipped_unit(
    given: str, found: list[tuple[int, str, str, str | None]]
) -> None:
    assert findings(planned(REGISTRATION, CAR | {"device_id": given}, unit=[UNIT])) == found


def test_registration_gives_a_shipped_unit_without_an_id_its_own() -> None:
    plan = planned(REGISTRATION, CAR, unit=[UNIT | {"device_id": None}])
    assert findings(plan) == []
    rows = [row for write in writes(plan, "products") for row in write.rows.to_pylist()]
    assert [row["device_id"] for row in rows if row.get("vcu_id")] == ["DEV-9"]
