"""A registry that was restored works no more until `muster recover` has told it what it has forgotten."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest
from sqlalchemy import select

from adapters.audit_anchor import Anchored, AnchorUnreadable, AuditAnchor, forgotten
from adapters.registry.tables import audit, batches, provider_states
from jobs.errors import DiskFull, ProviderHeld, RegistryBehindAnchor, TransferFailed
from jobs.states import BatchState
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.ledger import NOW, Ledger
from tests.support.muster import CommandLine
from tests.support.restoring import back_up, restore

HASH = "a" * 64


@pytest.fixture
def anchor(tmp_path: Path) -> AuditAnchor:
    return AuditAnchor(tmp_path / "audit-anchor")


def test_intents_and_rows_are_told_apart(anchor: AuditAnchor, tmp_path: Path) -> None:
    anchor.keep(7, HASH, "R-1")
    anchor.intend("acme", 12, (9, HASH), "R-2")
    anchor.intend("acme", 3, None, "R-3")
    found = anchor.anchored()
    assert (found.newest, found.sequence("acme"), found.sequence("beta")) == ((9, HASH), 12, 0)
    assert anchor.read() == [(7, HASH), (9, HASH)]


def test_a_torn_last_line_counts_as_never_written_and_is_mended(anchor: AuditAnchor, tmp_path: Path) -> None:
    anchor.keep(1, HASH, "R-1")
    whole = (tmp_path / "audit-anchor").read_bytes()
    (tmp_path / "audit-anchor").write_bytes(whole + b"2 bbbb")
    assert anchor.read() == [(1, HASH)]
    assert (anchor.mend(), anchor.mend()) == (6, 0)
    assert (tmp_path / "audit-anchor").read_bytes() == whole
    (tmp_path / "audit-anchor").write_bytes(whole + b"2 bbbb")
    anchor.keep(2, HASH, "R-2")
    assert anchor.read() == [(1, HASH), (2, HASH)]


def test_a_disk_that_is_full_in_the_middle_of_a_line_leaves_the_file_as_it_was(
    anchor: AuditAnchor, tmp_path: Path
) -> None:
    """The kernel writes what fits and says so only in the count."""
    anchor.keep(1, HASH, "R-1")
    before = (tmp_path / "audit-anchor").read_bytes()
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, usual[1]))
    try:
        with pytest.raises(DiskFull):
            anchor.keep(2, HASH, "R-2")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (tmp_path / "audit-anchor").read_bytes() == before
    anchor.keep(2, HASH, "R-2")
    assert anchor.read() == [(1, HASH), (2, HASH)]


@pytest.mark.parametrize("line", ["sequence acme x R\n", "sequence acme 1\n", "1 short R-1\n"])
def test_other_lines_are_not_believed(anchor: AuditAnchor, tmp_path: Path, line: str) -> None:
    (tmp_path / "audit-anchor").write_text(line)
    with pytest.raises(AnchorUnreadable):
        anchor.anchored()


def test_what_a_registry_has_forgotten(ledger: Ledger) -> None:
    with ledger.registry.transaction() as tx:
        tx.audit.append(actor="ada", action="x", subject="y", now=NOW)
        tx.batches.next_sequence("acme")
    with ledger.registry.view() as tx:
        newest = tx.audit.head()
        assert newest is not None
        assert forgotten(Anchored(), tx) == []
        assert forgotten(Anchored((newest,), {"acme": 1}), tx) == []
        assert "row 2 was noted" in forgotten(Anchored((newest, (2, HASH))), tx)[0]
        assert "is not the one" in forgotten(Anchored(((1, HASH),)), tx)[0]
        assert "2 was used" in forgotten(Anchored((newest,), {"acme": 2}), tx)[0]
        assert "5 was used" in forgotten(Anchored((), {"beta": 5}), tx)[0]


def test_yesterdays_registry_stops_until_it_has_recovered(desk: Desk) -> None:
    muster = CommandLine(desk.installation.workspace)
    desk.silence()
    desk.dispatch(order_row(next(desk.numbers)))
    first = desk.request().batches[0].number
    backup = back_up(desk)
    row = order_row(next(desk.numbers))
    desk.dispatch(row)
    lost = desk.request().batches[0]
    restore(desk, backup)
    for run in (desk.request, desk.response, desk.dispatch):
        with pytest.raises(RegistryBehindAnchor, match="was noted"):
            run()
    shown = muster("recover", "--json").json["plan"]
    used = shown["numbers"]["acme"]["used"]
    assert used == shown["numbers"]["acme"]["here"] + 1
    assert lost.file_name in shown["held"]["acme"]
    assert len(shown["orders"]) == 1
    assert muster("recover", "--reason", "restored").code == 2  # nobody has typed the word
    with pytest.raises(RegistryBehindAnchor):
        desk.request()
    assert muster("recover", "--reason", "restored", "--confirm", "recover").code == 0
    assert muster("recover").code == 3
    assert muster("audit", "verify").code == 0
    desk.dispatch()
    with pytest.raises(ProviderHeld):
        desk.request()
    assert muster("recover", "release", "acme", "--none-sent", "--reason", "asked", "--confirm", "acme").code == 0
    (batch,) = desk.request().batches
    assert batch.number not in (first, lost.number)
    assert desk.rows(select(batches.c.sequence).order_by(batches.c.sequence.desc()).limit(1)) == [(used + 1,)]
    reasons = select(audit.c.actor, audit.c.reason).where(audit.c.action == "registry recovered")
    assert desk.rows(reasons) == [("ada@example.com", "restored")]
    assert desk.states(row["serial_number"]) == ["SENT"]
    desk.speak()


def test_the_number_is_noted_before_the_first_byte_leaves(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """And if it cannot be noted nothing leaves."""
    from adapters.channels.session import FileSession

    desk.silence()
    desk.dispatch(order_row(next(desk.numbers)))
    noted: list[int] = []

    def deliver(*_: object, **__: object) -> None:
        noted.append(AuditAnchor(desk.installation.workspace.audit_anchor).anchored().sequence("acme"))
        raise TransferFailed("the line is down")

    with monkeypatch.context() as patch:
        patch.setattr(FileSession, "deliver", deliver)
        with pytest.raises(TransferFailed):
            desk.request()
    taken = select(provider_states.c.out_sequence)
    assert desk.rows(taken) == [(noted[0],)]
    with monkeypatch.context() as patch:
        patch.setattr(AuditAnchor, "intend", _full)
        with pytest.raises(DiskFull):
            desk.request()
    newest = select(batches.c.state).order_by(batches.c.id.desc()).limit(1)
    assert desk.rows(newest) == [(BatchState.SEALED.value,)]
    assert desk.request().totals["batches sent"] == 1
    desk.speak()


def _full(*_: object) -> None:
    raise DiskFull("no space is left")


def test_a_torn_line_is_mended_with_an_entry(desk: Desk) -> None:
    with desk.installation.workspace.audit_anchor.open("ab") as file:
        file.write(b"999 aa")
        os.fsync(file.fileno())
    desk.dispatch()
    assert desk.rows(select(audit.c.actor).where(audit.c.action == "anchor mended")) == [("muster",)]
    AuditAnchor(desk.installation.workspace.audit_anchor).anchored()


def test_an_anchor_that_cannot_be_read_is_set_aside_by_recovering(desk: Desk) -> None:
    muster = CommandLine(desk.installation.workspace)
    anchor = desk.installation.workspace.audit_anchor
    desk.dispatch()
    anchor.write_text("999 half of it, and another line behind it\n")
    with pytest.raises(AnchorUnreadable):
        desk.dispatch()
    assert muster("recover", "--reason", "a full disk", "--confirm", "recover").code == 0
    desk.dispatch()
    assert list(anchor.parent.glob("audit-anchor.*"))
