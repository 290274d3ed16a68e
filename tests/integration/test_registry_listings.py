"""The lists people ask for, on both databases."""

from __future__ import annotations

from sqlalchemy import insert

from adapters.registry.listings import all_customers, answers_to
from adapters.registry.tables import customers
from jobs.files import Arrival, FileKind
from tests.support.ledger import NOW, PROVIDER, Ledger


def test_customers_by_account_and_provider(ledger: Ledger) -> None:
    with ledger.registry.transaction() as tx:
        tx.queries.set_customers([("A-1", "Example Air", "bolt", "B-1"), ("A-1", "Example Air", "acme", "ORG-A")])
    with ledger.engine.begin() as connection:
        connection.execute(insert(customers).values(account="A-0", name="Example Zero"))
    with ledger.registry.view() as tx:
        listed = [tuple(item.values()) for item in all_customers(tx)]
    assert listed[:3] == [
        ("A-0", "Example Zero", None, None),
        ("A-1", "Example Air", "acme", "ORG-A"),
        ("A-1", "Example Air", "bolt", "B-1"),
    ]


def test_answers_to_a_batch_oldest_first(ledger: Ledger) -> None:
    with ledger.registry.transaction() as tx:
        for number, batch in ((1, 7), (2, 8), (3, 7)):
            file = tx.files.claim(
                Arrival(
                    kind=FileKind.RESPONSE,
                    provider=PROVIDER,
                    name=f"answer-{number}.pgp",
                    media="pgp",
                    sha256=f"{number:064}",
                    size=1,
                ),
                ledger.run.id,
                NOW,
            )
            tx.files.describe(file.id, batch_id=batch, sequence=number)
    with ledger.registry.view() as tx:
        found = answers_to(tx, 7)
    assert [(item["name"], item["sequence"], item["received_at"]) for item in found] == [
        ("answer-1.pgp", 1, NOW),
        ("answer-3.pgp", 3, NOW),
    ]
