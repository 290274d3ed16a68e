"""What holds for every template, whoever adds it."""

from __future__ import annotations

import pytest

from formats.rules import LISTS
from formats.schema import Kind
from formats.template import Template
from formats.templates import NAMES, all_templates, template

OF_THE_REGISTRY = {"customers", "locations", "providers", "zones"}


@pytest.mark.parametrize("name", NAMES)
def test_a_template_says_what_it_is(name: str) -> None:
    found = template(name)
    assert found.name == found.schema.name == name
    assert found.version >= 1
    assert found.title.isprintable()
    assert len(found.title) <= 31  # of the sheet's name
    assert found.purpose.endswith(".")
    assert all(hint.endswith(".") for hint in found.hints)


@pytest.mark.parametrize("found", all_templates(), ids=lambda found: found.name)
def test_headings_and_aliases_are_told_apart(found: Template) -> None:
    for column in found.schema.columns:
        assert len({column.heading, *column.aliases}) == 1 + len(column.aliases)
    words = [
        word for column in found.schema.columns for word in {name.lower() for name in (column.heading, *column.aliases)}
    ]
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize("found", all_templates(), ids=lambda found: found.name)
def test_lookups_and_owners_fit_together(found: Template) -> None:
    for lookup in found.lookups.values():
        assert set(lookup.on.values()) <= {*found.schema.names}
    for owner in found.owners:
        name, _, field = owner.partition(".")
        assert field in found.lookups[name].fields


def test_the_lists_of_the_settings_are_those_of_the_templates() -> None:
    offered = {column.offers for found in all_templates() for column in found.schema.columns if column.offers}
    assert offered - OF_THE_REGISTRY == set(LISTS)


def test_there_are_thirteen_templates() -> None:
    assert len(NAMES) == 13


def test_choices_stand_only_where_there_is_a_choice() -> None:
    for found in all_templates():
        for column in found.schema.columns:
            assert bool(column.choices) == (column.kind is Kind.CHOICE), (found.name, column.name)
