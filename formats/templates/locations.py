"""Locations: the places vehicles and customers are found at."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Column, Kind, RecordSchema, UniqueTogether
from formats.template import Faults, Known, Lookup, Plan, Rows, Rules, Template
from formats.templates._parts import Record, column, judge_lists, keep

_KEY = ("city", "district", "state", "country")
_OWN = ("latitude", "longitude", "zone")
_LIMITS = {"latitude": 90, "longitude": 180}

SCHEMA = RecordSchema(
    "locations",
    "Locations",
    (
        Column("city", "City", "City or town", "Pune", required=True, max_length=100),
        Column("district", "District", "District the city lies in", "Pune", required=True, max_length=100),
        Column("state", "State", "State or province", "Maharashtra", required=True, max_length=100),
        Column("country", "Country", "Country", "India", required=True, max_length=100),
        Column("latitude", "Latitude", "Degrees from -90 to 90, north is positive", "18.5204", Kind.DECIMAL),
        Column("longitude", "Longitude", "Degrees from -180 to 180, east is positive", "73.8567", Kind.DECIMAL),
        Column("zone", "Zone", "Sales zone", "West", max_length=100, offers="zones"),
    ),
    (UniqueTogether(_KEY),),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    faults = Faults(rows)
    for name, limit in _LIMITS.items():
        degrees = pc.abs(rows.cell(name).cast(pa.float64()))
        allowed = pc.binary_join_element_wise(rows.cell(name), f"allowed: -{limit} to {limit}", "; ")
        faults.add("NUMBER_RANGE", name, pc.greater(degrees, limit), allowed)
    judge_lists(faults, rows, SCHEMA, rules)
    values = {
        **{name: rows.cell(name) for name in _KEY},
        **{name: rows.merged(name, column(known, "location", name)) for name in _OWN},
    }
    return keep(rows, faults, Record("locations", _KEY, values), known["location"])


TEMPLATE = Template(
    name="locations",
    version=1,
    schema=SCHEMA,
    purpose="Keeps the locations up to date, one row per location: a new one is added, the others' position and zone "
    "are changed.",
    plan=_plan,
    lookups={"location": Lookup("locations", {name: name for name in _KEY}, _OWN)},
    hints=(
        "A location is known by city, district, state and country together, to the letter.",
        "A city name that two locations have is ambiguous: uploads of vehicles then leave the location unchanged.",
    ),
)
