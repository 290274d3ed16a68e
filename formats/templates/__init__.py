"""The templates: one file each, found by its name. Adding a template is adding a file here."""

from __future__ import annotations

import importlib
import pkgutil

from formats.template import Template

NAMES: tuple[str, ...] = tuple(
    sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
)


def template(name: str) -> Template:
    """The template declared as `TEMPLATE` in `formats/templates/<name>.py`. Raises KeyError."""
    if name not in NAMES:
        raise KeyError(name)
    found: Template = importlib.import_module(f"{__name__}.{name}").TEMPLATE
    return found


def all_templates() -> tuple[Template, ...]:
    """Every template, by name."""
    return tuple(template(name) for name in NAMES)
