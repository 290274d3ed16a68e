"""A view sees one moment of the registry, however many statements it makes and whoever works meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from sqlalchemy import Connection, event

from adapters.registry.registry import Registry
from jobs.states import LineState
from tests.support.installation import order_row
from tests.support.ledger import Ledger

ROUNDS = 8
STATEMENTS = "before_cursor_execute"


def exchanges(ledger: Ledger) -> Iterator[None]:
    """One transaction at a time, for ever: orders, a batch, its delivery, its answer."""
    number = 0
    while True:
        ids = ledger.order(order_row(number), order_row(number + 1))
        yield
        batch_id = ledger.seal(ids)
        yield
        ledger.send(batch_id)
        yield
        ledger.answer(dict(zip(ids, (LineState.ENROLLED, LineState.REJECTED), strict=True)))
        yield
        number += 2


def interrupted_count(registry: Registry, work: Iterator[None]) -> list[str]:
    """Identities that did not hold in a count before each of whose statements others commit something."""

    def meanwhile(connection: Connection, *_: object) -> None:
        next(work)

    with registry.view() as tx:
        event.listen(tx._db, STATEMENTS, meanwhile)
        counted = tx.conservation.count()
        event.remove(tx._db, STATEMENTS, meanwhile)
    return [check.name for check in counted.checks if not check.holds]


def test_commits_between_the_statements_of_a_count_do_not_show(ledger: Ledger) -> None:
    work = exchanges(ledger)
    assert [interrupted_count(ledger.registry, work) for _ in range(ROUNDS)] == [[]] * ROUNDS
    ledger.conservation()


def test_counts_agree_while_a_writer_works(ledger: Ledger) -> None:
    begun, enough = Event(), Event()

    def write() -> None:
        work = exchanges(ledger)
        for _ in range(200):
            next(work)
            begun.set()
            if enough.is_set():
                break

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            assert begun.wait(60)
            for _ in range(ROUNDS):
                with ledger.registry.view() as tx:
                    assert tx.conservation.count().holds
        finally:
            enough.set()
        writer.result(60)
