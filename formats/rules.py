"""What an installation may set about the rules of its templates; apart, because settings are read often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LISTS = ("models", "battery_models", "communication_types", "hardware_types", "device_types", "ups_models")
"""The lists an installation may fix; customers, locations and providers are those it has."""


@dataclass(frozen=True)
class Rules:
    """What an installation may set about the rules of templates (`[uploads.rules]` in muster.toml).

    Order files are held to `identifier_placeholders`, too.
    """

    placeholder_pattern: str = "(?:CHH|EVH)000[0-9A-Z]*"  # default bindings of shipped parts: they count as free
    identifier_placeholders: tuple[str, ...] = ()  # serial numbers, IMEIs … besides `formats.placeholders`
    vin_pattern: str = ""  # whole frame id, beyond the general form; empty: any
    country_code: str = "+91"  # of phone numbers written without one
    minimum_firmware: str = "00.06.18.32"  # DMP works from this one on
    latest_firmware: str = ""  # below it: a warning; empty: none
    subscription: bool = True  # leases are in use
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values a column with `offers` may have, by the name of the list; a list that is not here allows any."""
