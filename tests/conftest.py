"""Fixtures that several test modules share: a fixture imported here exists once, not once per module."""

from __future__ import annotations

from tests.support.desk import desk
from tests.support.ledger import ledger
from tests.support.postgres import postgres, registry_url

__all__ = ["desk", "ledger", "postgres", "registry_url"]
