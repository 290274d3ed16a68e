"""The template Locations."""

from __future__ import annotations

import pytest

from formats.template import CLEAR, Rules
from formats.templates.locations import TEMPLATE
from tests.support.template_rows import codes, inserted, judged, planned, updated, writes

KEY = {"city": "Pune", "district": "Pune", "state": "Maharashtra", "country": "India"}
PLACE = {"latitude": "18.5204", "longitude": "73.8567", "zone": "West"}


def test_city_district_state_and_country_must_be_filled() -> None:
    assert judged(TEMPLATE, KEY) == []
    for column in KEY:
        assert judged(TEMPLATE, KEY | PLACE | {column: ""}) == [(2, column, "CELL_EMPTY")]


def test_a_location_stands_in_a_file_once() -> None:
    assert len(judged(TEMPLATE, KEY, KEY | PLACE)) == 2
    assert judged(TEMPLATE, KEY, KEY | {"district": "Haveli"}) == []


def test_a_new_location_is_added() -> None:
    plan = planned(TEMPLATE, KEY | PLACE)
    assert plan.effects.to_pylist() == ["NEW"]
    assert inserted(plan, "locations") == [{"row": 2, **KEY, **PLACE}]


def test_a_known_one_is_changed_cell_by_cell() -> None:
    rows = (KEY, KEY | PLACE, KEY | {"zone": "South"}, KEY | {"latitude": CLEAR})
    plan = planned(TEMPLATE, *rows, location=[PLACE] * 4)
    assert plan.effects.to_pylist() == ["UNCHANGED", "UNCHANGED", "CHANGED", "CHANGED"]
    assert updated(plan, "locations") == [
        {"row": 4, **KEY, **PLACE, "zone": "South"},
        {"row": 5, **KEY, **PLACE, "latitude": None},
    ]


@pytest.mark.parametrize(
    ("column", "cell", "good"),
    [
        ("latitude", "90", True),
        ("latitude", "-90.0", True),
        ("latitude", "90.0001", False),
        ("longitude", "-180", True),
        ("longitude", "180.5", False),
        ("longitude", "-999", False),
    ],
)
def test_degrees_have_a_range(column: str, cell: str, good: bool) -> None:
    plan = planned(TEMPLATE, KEY | {column: cell})
    assert codes(plan) == ([] if good else [(2, column, "NUMBER_RANGE")])
    assert bool(writes(plan, "locations")) == good


def test_degrees_are_numbers() -> None:
    assert judged(TEMPLATE, KEY | {"latitude": "18° N"}) == [(2, "latitude", "CELL_NUMBER")]


def test_zones_are_those_of_the_installation() -> None:
    rules = Rules(lists={"zones": ("East", "West")})
    assert codes(planned(TEMPLATE, KEY | {"zone": "North"}, rules=rules)) == [(2, "zone", "CELL_CHOICE")]
