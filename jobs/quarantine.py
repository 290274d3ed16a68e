"""Answers in quarantine: set aside whole with a reason, and how they leave it again.

Each run judges those again whose cause can heal. One whose number a later, corrected answer bears is superseded.
"""

from __future__ import annotations

from collections.abc import Sequence

from formats.findings import Finding
from jobs.context import Exchange
from jobs.errors import MessageTooLarge, SignatureExpired, SignerNotAllowed, SignerUnknown
from jobs.files import InboundFile
from jobs.registry import Transaction
from jobs.runs import Run
from jobs.states import FileState
from jobs.work import SourceFindings, Work, findings_table

SEQUENCE_GAP = "ANSWER_SEQUENCE_GAP"
MAY_HEAL = (
    SEQUENCE_GAP,  # the missing answer comes
    "ANSWER_BATCH_UNKNOWN",  # the registry was behind, or the batch is settled
    SignerUnknown.code,  # its key is imported and pinned
    SignerNotAllowed.code,
    SignatureExpired.code,  # the key is renewed, the clock put right
    MessageTooLarge.code,  # the limit is raised
)
"""Codes whose cause lies outside the file: the same bytes can be right tomorrow."""


def set_aside(
    exchange: Exchange, run: Run, file: InboundFile, code: str, reason: str, findings: Sequence[Finding], work: Work
) -> None:
    """Quarantine the file. One that was judged again is no news: only a new reason is noted."""
    found = findings_table(findings)
    again = file.state is FileState.QUARANTINED
    with exchange.change(run) as tx:
        if not tx.files.set_aside(file, code, reason, exchange.clock.now()):
            return
        _note(exchange, tx, run, file, "answer quarantined", {"code": code})
        if not again:
            tx.runs.touch_file(run.id, file.id)
            tx.runs.add_findings(run.id, file.id, file.name, found)
    work.notes.append(f"{file.name} {'judged again' if again else 'set aside'}: {code}, {reason}")
    if not again:
        work.done += 1
        work.failed += 1
        work.count({"files set aside": 1})
        work.findings.append(SourceFindings(file.name, found))


def release(exchange: Exchange, tx: Transaction, run: Run, file: InboundFile) -> None:
    """What kept the file in quarantine has healed."""
    tx.files.release(file.id)
    _note(exchange, tx, run, file, "answer released", {})


def supersede(exchange: Exchange, tx: Transaction, run: Run, file: InboundFile, sequence: int) -> None:
    """Answers in quarantine with the number of this one, which was opened and verified, leave it and lose that."""
    if sequence == 0:  # the JSON form has none
        return
    for other in tx.files.supersede(file, sequence):
        _note(exchange, tx, run, other, "answer superseded", {"by": file.sha256, "sequence": sequence})


def _note(
    exchange: Exchange, tx: Transaction, run: Run, file: InboundFile, action: str, facts: dict[str, object]
) -> None:
    tx.audit.append(
        actor=run.actor,
        action=action,
        subject=f"file {file.sha256}",
        now=exchange.clock.now(),
        facts={"run": run.id, **facts},
    )
