"""What a run says about names in a folder that it does not read: those it may not use, those nobody asked for."""

from __future__ import annotations

from collections.abc import Sequence

from formats.findings import Finding
from jobs.context import Exchange
from jobs.ports import Listing
from jobs.runs import Run
from jobs.work import SourceFindings, Work, findings_table

SOURCE_LENGTH = 300  # of what a finding is about, as in the registry
_NAMED = 5


def say_names(exchange: Exchange, run: Run, source: str, listing: Listing, work: Work) -> None:
    """A note with the first names and one finding each; names that may not be used also count as failed."""
    work.failed += len(listing.refused)
    work.count({"names refused": len(listing.refused)} if listing.refused else {})
    for code, what, names in (
        ("FILE_NAME_REFUSED", "refused names", listing.refused),
        ("FILE_NAME_UNEXPECTED", f"not read in {source}", listing.unexpected),
    ):
        if names:
            work.notes.append(f"{what}: {named(names)}")
            say(exchange, run, source, code, len(names), work)


def named(names: Sequence[str]) -> str:
    """The first of them, for a note."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def say(exchange: Exchange, run: Run, source: str, code: str, times: int, work: Work) -> None:
    """So many findings of one code about a place or a file that is not in the ledger."""
    found = findings_table([Finding(code)] * times)
    work.findings.append(SourceFindings(source, found))
    if not run.dry_run:
        with exchange.registry.transaction() as tx:
            tx.runs.add_findings(run.id, None, source, found)
