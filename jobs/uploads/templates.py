"""The template a person downloads: its workbook with drop-downs from the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from formats.template import Template
from formats.templates import NAMES, template
from formats.workbook.write.instructions import UploadLimits
from formats.workbook.write.template_file import write_template
from jobs.context import Exchange
from jobs.names import unknown
from jobs.registry import Transaction


def named(name: str) -> Template:
    """The template of that name. Raises NotFound."""
    if name not in NAMES:
        raise unknown("template", name, NAMES)
    return template(name)


def download(exchange: Exchange, name: str, email: str | None) -> bytes:
    """The blank workbook for an uploader, or for somebody who only reads (None). Raises NotFound."""
    chosen = named(name)
    with exchange.registry.view() as tx:
        lists = template_lists(exchange, tx, chosen, email)
    uploads = exchange.uploads.rules
    return write_template(chosen, lists, uploads.rules, UploadLimits(uploads.max_rows, uploads.max_bytes))


def template_lists(
    exchange: Exchange, tx: Transaction, chosen: Template, email: str | None
) -> Mapping[str, Sequence[str]]:
    """What the columns with drop-downs offer: a list of the settings, else what the registry holds.

    An uploader of one customer is shown no other; who only reads (None) is shown nothing of the registry.
    """
    wanted = {column.offers for column in chosen.schema.columns if column.offers}
    given: dict[str, Sequence[str]] = dict(exchange.uploads.rules.rules.lists)
    given["providers"] = sorted(exchange.providers)
    if email is None:
        return {name: given[name] for name in sorted(wanted) if given.get(name)}
    uploader = tx.uploads.uploader(email)
    if uploader is not None and uploader.customer_id is not None:
        given["customers"] = [uploader.customer_name]
    return {name: given[name] if given.get(name) else tx.records.offers(name) for name in sorted(wanted)}
