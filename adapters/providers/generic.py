"""A provider that speaks the generic format itself, with the code vocabulary of the enrolment programs.

Codes: providers.md 1.4 and 1.7, shortened to their level and number (`DE-4301`).
"""

from __future__ import annotations

from jobs.codes import CodeMeaning, ProviderKind
from jobs.providers import BatchLimits
from jobs.states import LineState


def _rejected(text: str) -> CodeMeaning:
    return CodeMeaning(LineState.REJECTED, text)


def _review(text: str) -> CodeMeaning:
    return CodeMeaning(LineState.REVIEW, text)


KIND = ProviderKind(
    name="generic",
    title="Generic format over SFTP or a folder",
    limits=BatchLimits(devices_per_batch=100_000, orders_per_batch=10_000),
    success=frozenset({"COMPLETE", "SUCCESS"}),
    codes={
        "4003": CodeMeaning(None, "Still in progress"),
        "4005": _review("The provider could not process it; ask, then send again"),
        "OR-4101": _rejected("Customer organisation id missing"),
        "OR-4102": _rejected("Customer organisation id invalid"),
        "OR-4103": _rejected("Customer organisation id too long"),
        "OR-4104": _rejected("Order date missing"),
        "OR-4105": _rejected("Order date invalid"),
        "OR-4108": _rejected("Purchase order number too long"),
        "OR-4109": _rejected("Order to void or override not found"),
        "OR-4110": _rejected("Order header differs from the order as held; use an override or a void first"),
        "OR-4111": _rejected("Delivery number missing"),
        "OR-4112": _rejected("Delivery number too long"),
        "OR-4113": _review("A void carried deliveries; this is our fault"),
        "OR-4114": _rejected("Information invalid or missing"),
        "DL-4201": _rejected("Ship date missing"),
        "DL-4202": _rejected("Ship date invalid"),
        "DL-4203": _rejected("Ship date before order date"),
        "DL-4207": _rejected("Delivery invalid"),
        "DE-4301": _rejected("Device id invalid"),
        "DE-4302": _rejected("Asset tag too long"),
        "DE-4303": _rejected("Device is on another order already"),
        "DE-4304": _rejected("Device belongs to another customer"),
        "DE-4305": _review("Device belongs to another reseller; people must talk"),
        "DE-4306": _rejected("Device cannot be located"),
        "GEN-002": _review("The provider found other totals than ours; nothing was processed"),
        "GEN-003": _review("The provider knows this batch number with other content"),
        "GEN-004": _review("The provider could not read the file"),
    },
)
