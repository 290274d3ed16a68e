"""The audit trail shows every change; leases let one run at a time work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from adapters.registry import audit as audit_module
from adapters.registry.registry import Registry
from adapters.registry.tables import audit
from jobs.errors import MusterError, ProviderBusy
from tests.support.ledger import NOW, Ledger
from tests.support.tampering import tampering

TERM = timedelta(minutes=30)
CHANGES = ("UPDATE audit SET reason = 'x' WHERE number = 2", "UPDATE audit SET number = 9", "DELETE FROM audit")
OTHER_CHANGE = {
    "sqlite": "INSERT OR REPLACE INTO audit SELECT number, at, actor, action, object, 'x', facts, previous_hash, hash "
    "FROM audit WHERE number = 2",
    "postgresql": "TRUNCATE audit",
}


def append(ledger: Ledger, count: int, action: str = "batch sealed") -> None:
    for number in range(count):
        with ledger.registry.transaction() as tx:
            tx.audit.append(
                actor="ada@example.com", action=action, subject=f"batch B-{number}", now=NOW, facts={"n": number}
            )


def breaks(ledger: Ledger) -> list[int]:
    with ledger.registry.view() as tx:
        return tx.audit.breaks()


def test_an_untouched_trail_holds(ledger: Ledger) -> None:
    append(ledger, 5)
    assert breaks(ledger) == []
    with ledger.engine.connect() as connection:
        assert list(connection.execute(select(audit.c.number).order_by(audit.c.number)).scalars()) == [1, 2, 3, 4, 5]


def test_the_database_itself_refuses_to_change_the_trail(ledger: Ledger) -> None:
    """Also to the owner of the table."""
    append(ledger, 3)
    for change in (*CHANGES, OTHER_CHANGE[ledger.engine.dialect.name]):
        with pytest.raises(DBAPIError, match="append-only"), ledger.engine.begin() as connection:
            connection.execute(text(change))
    with ledger.engine.connect() as connection:
        assert [row.reason for row in connection.execute(select(audit))] == ["", "", ""]
    append(ledger, 1)
    assert breaks(ledger) == []


@pytest.mark.parametrize("column", ["at", "actor", "action", "object", "reason", "facts", "hash"])
def test_a_changed_row_is_found(ledger: Ledger, column: str) -> None:
    append(ledger, 5)
    changed = NOW + timedelta(seconds=1) if column == "at" else "f" * 40
    with tampering(ledger.engine) as connection:
        connection.execute(update(audit).where(audit.c.number == 3).values({column: changed}))
    assert breaks(ledger)[0] == 3


def test_a_removed_row_is_found(ledger: Ledger) -> None:
    append(ledger, 5)
    with tampering(ledger.engine) as connection:
        connection.execute(delete(audit).where(audit.c.number == 3))
    assert breaks(ledger) == [4]


def test_a_row_that_was_hashed_again_is_found_by_the_next(ledger: Ledger) -> None:
    append(ledger, 4)
    with tampering(ledger.engine) as connection:
        changed = dict(connection.execute(select(audit).where(audit.c.number == 2)).one()._mapping)
        changed |= {"actor": "mallory@example.com"}
        changed["hash"] = audit_module._hash({name: value for name, value in changed.items() if name != "hash"})
        connection.execute(update(audit).where(audit.c.number == 2).values(changed))
    assert breaks(ledger) == [3]


def test_an_entry_of_a_rolled_back_transaction_is_not_there(ledger: Ledger) -> None:
    append(ledger, 1)
    with ledger.registry.rehearsal() as tx:
        tx.audit.append(actor="x", action="y", subject="z", now=NOW)
    append(ledger, 1)
    assert breaks(ledger) == []


def test_writers_at_the_same_time_do_not_break_the_chain(ledger: Ledger) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: append(ledger, 8), range(4)))
    assert breaks(ledger) == []
    with ledger.engine.connect() as connection:
        assert len(connection.execute(select(audit)).all()) == 32


def take(registry: Registry, owner: str, now: timedelta = timedelta(0), *, dead: bool = False) -> None:
    with registry.transaction() as tx:
        tx.leases.take("acme:out", owner, NOW + now, TERM, dead)


def test_a_lease_is_held_by_one_owner(ledger: Ledger) -> None:
    take(ledger.registry, "a")
    with pytest.raises(ProviderBusy):
        take(ledger.registry, "b")
    take(ledger.registry, "a", timedelta(minutes=1))
    with ledger.registry.transaction() as tx:
        tx.leases.take("acme:in", "b", NOW, TERM, dead=False)
        tx.leases.release("acme:out", "b")
        assert tx.leases.owner_of("acme:out") == "a"
        tx.leases.release("acme:out", "a")
        assert tx.leases.owner_of("acme:out") is None
    take(ledger.registry, "b")


def test_a_lease_of_the_dead_is_taken_over(ledger: Ledger) -> None:
    take(ledger.registry, "a")
    take(ledger.registry, "b", dead=True)
    with pytest.raises(ProviderBusy):
        take(ledger.registry, "a")


def test_a_lease_ends_by_its_term(ledger: Ledger) -> None:
    take(ledger.registry, "a")
    with pytest.raises(ProviderBusy):
        take(ledger.registry, "b", TERM)
    take(ledger.registry, "b", TERM + timedelta(seconds=1))


def test_owners_that_ask_at_the_same_time(ledger: Ledger) -> None:
    """One gets the lease, the others are told that somebody works."""
    together = Barrier(4)

    def ask(owner: str) -> str | None:
        together.wait(20)
        return outcome(lambda: take(ledger.registry, owner))

    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(ask, "abcd"))
    assert sorted(asked, key=lambda code: code or "") == [None, *["PROVIDER_BUSY"] * 3]


def outcome(work: Callable[[], None]) -> str | None:
    try:
        work()
    except MusterError as error:
        return error.code
    return None
