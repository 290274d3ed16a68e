"""Provider kinds: one file each, found by its name. Adding a kind is adding a file here."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from jobs.names import unknown

if TYPE_CHECKING:
    from jobs.codes import ProviderKind

KINDS: tuple[str, ...] = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
"""Names only: listing the kinds imports none of them, so DAG files stay fast."""


def load_kind(name: str) -> ProviderKind:
    """The kind declared as `KIND` in `adapters/providers/<name>.py`."""
    if name not in KINDS:
        raise unknown("provider kind", name, KINDS)
    kind: ProviderKind = importlib.import_module(f"{__name__}.{name}").KIND
    return kind
