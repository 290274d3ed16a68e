"""The audit trail's outside anchor: a tail that was cut off, and a chain that was computed anew, are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select

from adapters.audit_anchor import AnchorUnreadable, AuditAnchor
from adapters.registry.tables import audit
from jobs.errors import PathUnusable
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.ledger import NOW, Ledger
from tests.support.muster import CommandLine
from tests.support.tampering import tampering

HASH = "0" * 64


def append(ledger: Ledger, *actors: str) -> None:
    for actor in actors:
        with ledger.registry.transaction() as tx:
            tx.audit.append(actor=actor, action="batch sealed", subject="batch B-1", now=NOW)


def head(ledger: Ledger) -> tuple[int, str]:
    with ledger.registry.view() as tx:
        newest = tx.audit.head()
    assert newest is not None
    return newest


def breaks(ledger: Ledger, *anchored: tuple[int, str]) -> list[int]:
    with ledger.registry.view() as tx:
        return tx.audit.breaks(anchored)


def test_a_tail_that_was_cut_off_is_found(ledger: Ledger) -> None:
    append(ledger, "ada", "ben")
    first = head(ledger)
    append(ledger, "ada", "ben", "ada")
    anchored = (first, head(ledger))
    append(ledger, "ben")
    assert breaks(ledger, *anchored) == []
    with tampering(ledger.engine) as connection:
        connection.execute(delete(audit).where(audit.c.number > 3))
    assert breaks(ledger) == []
    assert breaks(ledger, *anchored) == [5]
    append(ledger, "ada", "ben")
    assert breaks(ledger, *anchored) == [5]
    with tampering(ledger.engine) as connection:
        connection.execute(delete(audit))
    assert breaks(ledger, *anchored) == [2, 5]


def test_a_chain_that_was_computed_anew_is_found(ledger: Ledger) -> None:
    append(ledger, "ada", "mallory", "ada")
    anchored = head(ledger)
    with tampering(ledger.engine) as connection:
        connection.execute(delete(audit))
    append(ledger, "ada", "nobody", "ada", "ada")
    assert breaks(ledger) == []
    assert breaks(ledger, anchored) == [3]
    assert breaks(ledger, anchored, (3, head(ledger)[1])) == [3]


def test_the_file_only_grows(tmp_path: Path) -> None:
    path = tmp_path / "audit-anchor"
    anchor = AuditAnchor(path)
    assert anchor.read() == []
    anchor.keep(1, HASH, "R-1")
    anchor.keep(1, HASH, "R-2")  # nothing new
    anchor.keep(11, "f" * 64, "R-3")
    anchor.keep(1, HASH, "R-4")  # a run that ended at the same time, and was overtaken
    assert path.read_text() == f"1 {HASH} R-1\n11 {'f' * 64} R-3\n1 {HASH} R-4\n"
    assert anchor.read() == [(1, HASH), (11, "f" * 64), (1, HASH)]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["1\n", "x y z\n", "\n", "1 2 3 4\n", "\xff\n"])
def test_a_file_that_holds_something_else_is_not_believed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "audit-anchor"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(AnchorUnreadable):
        AuditAnchor(path).read()


def test_the_file_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "audit-anchor").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PathUnusable, match="audit-anchor"):
        AuditAnchor(tmp_path / "audit-anchor").keep(1, HASH, "R-1")
    assert not (tmp_path / "elsewhere").exists()


def test_each_run_anchors_the_trail_and_verify_and_doctor_look(desk: Desk) -> None:
    muster = CommandLine(desk.installation.workspace)
    rows = select(func.max(audit.c.number))
    desk.dispatch(order_row(next(desk.numbers)))
    ((first,),) = desk.rows(rows)
    desk.dispatch(order_row(next(desk.numbers)))
    ((newest,),) = desk.rows(rows)
    anchored = AuditAnchor(desk.installation.workspace.audit_anchor).read()
    assert [number for number, _ in anchored] == [first, newest]
    assert muster("audit", "verify", "--json").json == {"holds": True, "broken": [], "altered": [], "anchored": newest}
    assert f"Anchored up to row {newest}." in muster("audit", "verify").out
    with tampering(desk.engine) as connection:
        cut = connection.execute(select(audit).where(audit.c.number > first)).all()
        connection.execute(delete(audit).where(audit.c.number > first))
    ran = muster("audit", "verify")
    assert (ran.code, f"number {newest}" in ran.err) == (1, True)
    checks = {check["name"]: check["status"] for check in muster("doctor", "--offline", "--json").json["checks"]}
    assert checks["audit trail"] == "FAIL"
    with desk.engine.begin() as connection:
        connection.execute(insert(audit), [dict(row._mapping) for row in cut])
    assert muster("audit", "verify").code == 0
