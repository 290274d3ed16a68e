"""Load / From Generic Format: verifies, decrypts and checks answer files; bad ones go to quarantine.

Nothing is applied here. The plaintext lives in the private spool while it is read and is
gone when the step ends; the next step opens the archived file again.
"""

from __future__ import annotations

from dataclasses import dataclass

from formats.findings import Finding, Severity
from formats.generic import response_json
from formats.generic.layout import RESPONSE_DETAIL, Interface
from formats.generic.model import GenericFormatError, Read
from formats.generic.reader import read
from jobs.batches import Batch
from jobs.causes import on_disk
from jobs.context import Exchange
from jobs.errors import AnswerRefused, MessageRefused
from jobs.files import POSTED, Arrival, FileKind, InboundFile
from jobs.providers import Provider, SequencePolicy
from jobs.quarantine import MAY_HEAL, SEQUENCE_GAP, release, set_aside, supersede
from jobs.registry import Transaction
from jobs.runs import Run
from jobs.states import AWAITING_ANSWER, BatchState, FileState
from jobs.work import Subject, Work, findings_table

_ANSWERABLE = (*AWAITING_ANSWER, BatchState.CLOSED, BatchState.SENDING)


@dataclass(frozen=True)
class OpenedAnswer:
    """An answer whose signature held: what it says and who signed it."""

    content: Read
    signer: str


def load_from_generic_format(exchange: Exchange, run: Run) -> Work:
    """Check every collected answer file of the provider, oldest first, then what is held for a cause that can heal."""
    provider = exchange.provider(run)
    work = Work("load_from_generic_format")
    with exchange.lease(f"{provider.name}:in") as exchange:
        with exchange.registry.view() as tx:
            collected = tx.files.in_states(FileKind.RESPONSE, provider.name, (FileState.COLLECTED,))
        for file in collected:
            _load(exchange, run, provider, file, work)
        # after the new files: one of them may be what a held answer waits for
        with exchange.registry.view() as tx:
            held = tx.files.held_for(provider.name, MAY_HEAL)
        for file in held:
            _load(exchange, run, provider, file, work)
    return work


def open_answer(exchange: Exchange, provider: Provider, file: InboundFile) -> OpenedAnswer:
    """Decrypt, verify and parse. Raises MessageRefused or GenericFormatError."""
    with exchange.spool.file(".txt") as plain:
        opened = exchange.cipher.open(
            exchange.archive.path(file.sha256),
            plain,
            provider.keys,
            exchange.clock.now().date(),
            provider.limits.answer_bytes,
        )
        with on_disk("the spool"):
            said = plain.read_bytes()
    content = response_json.read(said) if file.is_posted else read(said, Interface.RESPONSE)
    return OpenedAnswer(content, opened.signer)


def concerns(tx: Transaction, run: Run, batch: Batch) -> bool:
    """Whether a run narrowed to one batch or one order is to touch this batch."""
    if run.batch is not None and run.batch != batch.number:
        return False
    return run.order is None or run.order in tx.batches.order_numbers(batch.id)


def open_or_set_aside(
    exchange: Exchange, run: Run, provider: Provider, file: InboundFile, work: Work
) -> OpenedAnswer | None:
    """The answer; None if it may not be applied (any more) and went to quarantine."""
    try:
        return open_answer(exchange, provider, file)
    except MessageRefused as error:
        set_aside(exchange, run, file, error.code, error.what, (), work)
    except GenericFormatError as error:
        set_aside(exchange, run, file, error.findings[0].code, error.findings[0].kind.title, error.findings, work)
    return None


def _load(exchange: Exchange, run: Run, provider: Provider, file: InboundFile, work: Work) -> None:
    answer = open_or_set_aside(exchange, run, provider, file, work)
    if answer is None:
        return
    with exchange.change(run) as tx:
        batch, findings = _correlate(tx, provider, file, answer.content)
        fatal = [finding for finding in findings if finding.kind.severity is Severity.ERROR]
        gap = provider.on_sequence_gap is SequencePolicy.QUARANTINE
        fatal += [finding for finding in findings if gap and finding.code == SEQUENCE_GAP]
        if batch is not None and not concerns(tx, run, batch):
            return
        if batch is not None and batch.state is BatchState.SENDING:
            work.notes.append(f"{file.name}: its batch is being sent, it is loaded by the next run")
            return
        if not fatal and batch is not None:
            _loaded(exchange, tx, run, file, answer, batch, findings)
    if fatal or batch is None:
        if not any(finding.code in _NOT_ITS_SEQUENCE for finding in fatal):
            _keep_sequence(exchange, run, file, answer.content.header.sequence, fatal[0].code)
        set_aside(exchange, run, file, fatal[0].code, fatal[0].kind.title, findings, work)
        return
    work.done += 1
    if file.state is FileState.QUARANTINED:
        work.notes.append(f"{file.name} left quarantine")
    work.count({"files loaded": 1, "records read": answer.content.details.num_rows})
    work.subjects.append(Subject(file.name, RESPONSE_DETAIL, answer.content.details))


_NOT_ITS_SEQUENCE = ("ANSWER_SEQUENCE_REUSED", "ANSWER_PROVIDER")


def _keep_sequence(exchange: Exchange, run: Run, file: InboundFile, sequence: int, code: str) -> None:
    """A file set aside has used its number all the same: its successor leaves no gap, unless it is held for one."""
    with exchange.change(run) as tx:
        if code == SEQUENCE_GAP:
            supersede(exchange, tx, run, file, sequence)
        tx.files.keep_sequence(file, sequence)


def _correlate(
    tx: Transaction, provider: Provider, file: InboundFile, content: Read
) -> tuple[Batch | None, list[Finding]]:
    """The batch the answer is for, and what is wrong with the answer as a whole."""
    findings = list(content.findings)
    header = content.header
    if header.provider_id != provider.name:
        findings.append(Finding("ANSWER_PROVIDER"))
    batch = tx.batches.find(header.batch_number)
    if batch is not None and (batch.provider != provider.name or batch.state not in _ANSWERABLE):
        batch = None
    if batch is None:
        findings.append(Finding("ANSWER_BATCH_UNKNOWN"))
    if header.sequence == 0:  # the JSON form has none
        findings += [] if file.is_posted else [Finding("ANSWER_SEQUENCE_MISSING")]
    elif tx.files.sequence_taken(provider.name, header.sequence, file.id):
        findings.append(Finding("ANSWER_SEQUENCE_REUSED"))
    elif header.sequence > tx.files.highest_sequence(provider.name, SEQUENCE_GAP) + 1:
        findings.append(Finding(SEQUENCE_GAP))
    return batch, findings


def _loaded(
    exchange: Exchange,
    tx: Transaction,
    run: Run,
    file: InboundFile,
    answer: OpenedAnswer,
    batch: Batch,
    findings: list[Finding],
) -> None:
    supersede(exchange, tx, run, file, answer.content.header.sequence)
    tx.files.describe(
        file.id,
        batch_id=batch.id,
        sequence=answer.content.header.sequence or None,
        signer=answer.signer,
        rows_read=answer.content.details.num_rows,
    )
    tx.files.move(file.id, file.state, FileState.LOADED, reason="")
    if file.state is FileState.QUARANTINED:
        release(exchange, tx, run, file)
    tx.runs.touch_file(run.id, file.id)
    tx.batches.touch(run.id, batch.id)
    tx.runs.add_findings(run.id, file.id, file.name, findings_table(findings))
    tx.audit.append(
        actor=run.actor,
        action="answer loaded",
        subject=f"file {file.sha256}",
        now=exchange.clock.now(),
        facts={"run": run.id, "batch": batch.number, "signer": answer.signer},
    )


def receive_answer(exchange: Exchange, provider: Provider, message: bytes, run: Run) -> str:
    """`inboundDeviceEnrolment`: CMP-style JSON in an OpenPGP message, signed and encrypted as files are.

    Returns the digest of the message, which is kept as it came. Raises MessageRefused or AnswerRefused.
    """
    today = exchange.clock.now().date()
    with exchange.spool.file(".pgp") as sealed, exchange.spool.file(".json") as plain:
        with on_disk("the spool"):
            sealed.touch(0o600)
            sealed.write_bytes(message)
        exchange.cipher.open(sealed, plain, provider.keys, today, provider.limits.answer_bytes)
        try:
            with on_disk("the spool"):
                response_json.read(plain.read_bytes())
        except GenericFormatError as error:
            codes = [item.code for item in error.findings]
            raise AnswerRefused(error.findings[0].kind.title, findings=codes) from error
        digest = exchange.archive.keep(sealed)
    with exchange.registry.transaction() as tx:
        claimed = tx.files.claim(
            Arrival(
                kind=FileKind.RESPONSE,
                provider=provider.name,
                name=f"inboundDeviceEnrolment-{digest[:12]}.pgp",
                media=POSTED,
                sha256=digest,
                size=len(message),
            ),
            run.id,
            exchange.clock.now(),
        )
        if claimed.new:
            tx.audit.append(
                actor=run.actor,
                action="answer received",
                subject=f"file {digest}",
                now=exchange.clock.now(),
                facts={"provider": provider.name},
            )
    return digest
