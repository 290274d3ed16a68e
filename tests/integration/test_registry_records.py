"""Uploads against the registry: lookups beside a plain reading of their meaning, writes, drop-down values."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import select

from adapters.registry.business_tables import products, sales
from adapters.registry.records import MOST_OFFERS
from adapters.registry.registry import Registry
from adapters.registry.sources import SOURCES, WRITABLE
from adapters.registry.tables import customers
from formats.template import Lookup, Reference, Write
from jobs.errors import StateMoved
from jobs.states import LineState
from tests.support.installation import order_row
from tests.support.ledger import Ledger
from tests.support.orders import instruction

NAMES = ["Example Motors", "Sample Fleet", "Test Riders", "example motors"]
CITIES = ["Pune", "Nagpur", "Pune", "Mumbai"]  # one of them in two districts
BY_VIN = {"product_id": Reference("products", "vin")}


@pytest.fixture
def registry(registry_url: str) -> Iterator[Registry]:
    with closing(Registry(registry_url)) as opened:
        opened.migrate()
        with opened.transaction() as tx:
            for write in fleet(random.Random(7)):
                tx.records.write(write)
        yield opened


def fleet(chance: random.Random) -> list[Write]:
    """Customers of like names, a city in two districts, 40 vehicles, every fourth bound by default."""
    vehicles = [vehicle(number, chance) for number in range(40)]
    sold = [item["vin"] for item in vehicles[::2]]
    return [
        Write("customers", pa.table({"account": ["C-1", "C-2", "C-3", "C-4", "C-5"], "name": [*NAMES, NAMES[1]]})),
        Write(
            "locations",
            pa.table({"city": CITIES, "district": list("abcd"), "state": ["M"] * 4, "country": ["India"] * 4}),
        ),
        Write(
            "products", pa.Table.from_pylist(vehicles), references={"customer_id": Reference("customers", "account")}
        ),
        Write(
            "sales",
            pa.table({"product_id": sold, "phone": [f"+9170000000{n:02}" for n in range(len(sold))]}),
            references=BY_VIN,
        ),
    ]


def vehicle(number: int, chance: random.Random) -> dict[str, Any]:
    placeholder = number % 4 == 0
    return {
        "vin": f"CHH000{number:03}" if placeholder else f"MVH{number:06}",
        "placeholder": placeholder,
        "vcu_id": f"CEH{number}" if number % 5 else None,
        "motor_id": "KE-DUMMY" if placeholder else f"KE{number}",
        "customer_id": chance.choice(["C-1", "C-2", None]),
    }


def look_up(registry: Registry, rows: Mapping[str, list[Any]], lookups: Mapping[str, Lookup]) -> dict[str, pa.Table]:
    cells = {name: pa.array(values, pa.string()) for name, values in rows.items()}
    numbers = pa.array(range(2, len(next(iter(rows.values()))) + 2), pa.int64())
    with registry.transaction() as tx:
        return dict(tx.records.known(pa.table({**cells, "row": numbers}), lookups))


def plain(records: list[dict[str, Any]], rows: Mapping[str, list[Any]], lookup: Lookup) -> list[dict[str, Any]]:
    """What `Lookup` promises, read word by word."""

    def same(left: str | None, right: str | None) -> bool:
        if left is None or right is None:
            return False
        return left.lower() == right.lower() if lookup.folded else left == right

    answer = []
    for index in range(len(next(iter(rows.values())))):
        met = [item for item in records if all(same(item[key], rows[cell][index]) for key, cell in lookup.on.items())]
        fields = {name: met[0][name] if len(met) == 1 else None for name in lookup.fields}
        answer.append({"matches": len(met), **fields})
    return answer


@pytest.mark.parametrize(
    ("lookup", "pool"),
    [
        (Lookup("customers", {"name": "cell"}, ("id", "account")), [*NAMES, "EXAMPLE MOTORS", "nobody", None]),
        (Lookup("customers", {"name": "cell"}, ("account", "name"), folded=True), [*NAMES, "SAMPLE fleet", None]),
        (Lookup("customers", {"account": "cell"}, ("name",), folded=True), ["c-1", "C-3", "c-9", None]),
        (Lookup("locations", {"city": "cell"}, ("id", "district")), [*CITIES, "pune", "Delhi", None]),
        (Lookup("locations", {"city": "cell", "district": "other"}, ("id",)), [*CITIES, "a", "b", "c", None]),
        (Lookup("products", {"vin": "cell"}, ("id", "placeholder", "customer_account")), ["MVH000001", "CHH000004"]),
        (Lookup("products", {"motor_id": "cell"}, ("vin",)), ["KE-DUMMY", "KE1", "KE2", None]),
        (Lookup("products", {"phone": "cell"}, ("vin", "sale_id")), ["+917000000001", "+917000000000", None]),
        (Lookup("products", {"vin": "cell", "vcu_id": "other"}, ("id",)), ["MVH000001", "CEH1", "CEH2", None]),
    ],
)
def test_a_lookup_means_what_it_says(registry: Registry, lookup: Lookup, pool: list[str | None]) -> None:
    chance = random.Random(11)
    rows = {"cell": [chance.choice(pool) for _ in range(60)], "other": [chance.choice(pool) for _ in range(60)]}
    wanted = {*lookup.on, *lookup.fields}
    with registry.transaction() as tx:
        source = SOURCES[lookup.source]
        listed = select(*(source.columns[name].label(name) for name in wanted)).select_from(source.start)
        records = [dict(row._mapping) for row in tx._db.execute(listed)]
    (found,) = look_up(registry, rows, {"only": lookup}).values()
    assert found.to_pylist() == plain(records, rows, lookup)


def test_every_source_can_be_asked_for_every_column(registry: Registry) -> None:
    rows = {"cell": ["17", None, "42"]}
    for name, source in SOURCES.items():
        texts = [
            column for column in source.columns if column not in ("placeholder", "owner_id")
        ]  # told, never asked by
        lookups = {key: Lookup(name, {key: "cell"}, tuple(source.columns)) for key in texts}
        for key, found in look_up(registry, rows, lookups).items():
            assert found.column_names == ["matches", *source.columns], (name, key)
            assert found.num_rows == 3
            assert found["matches"].type == pa.int64()


def test_fields_have_types_of_their_own(registry: Registry) -> None:
    lookup = Lookup("products", {"vin": "vin"}, ("id", "placeholder", "model", "customer_name"))
    for vins in (["MVH000001"], ["nothing"], [None]):
        (found,) = look_up(registry, {"vin": vins}, {"product": lookup}).values()
        assert [field.type for field in found.schema] == [
            pa.int64(),
            pa.int64(),
            pa.bool_(),
            pa.string(),
            pa.string(),
        ]


def test_only_real_frame_ids_bind_a_part(registry: Registry) -> None:
    rows = {"motor": ["KE-DUMMY", "KE1"]}
    (found,) = look_up(registry, rows, {"motor": Lookup("bound_products", {"motor_id": "motor"}, ("vin",))}).values()
    assert found.to_pylist() == [{"matches": 0, "vin": None}, {"matches": 1, "vin": "MVH000001"}]


def test_a_device_is_shown_with_the_order_that_holds_it(ledger: Ledger) -> None:
    fields = ("state", "provider", "order_number", "customer_account")
    lookup = Lookup("devices", {"serial_number": "serial"}, fields)
    rows = {"serial": ["SN00000001", "SN00000002", "SN-NEW"]}

    def known() -> list[tuple[Any, ...]]:
        (found,) = look_up(ledger.registry, rows, {"device": lookup}).values()
        return [tuple(row.values()) for row in found.to_pylist()]

    first, second = ledger.order(order_row(1), order_row(2))
    waiting = (1, "NEW", "acme", "SO-0000", "C-1")
    assert known() == [waiting, waiting, (0, None, None, None, None)]
    ledger.settle([first], LineState.ENROLLED)
    ledger.settle([second], LineState.REJECTED)
    assert known()[:2] == [(1, "ENROLLED", "acme", "SO-0000", "C-1"), (1, "NEW", None, None, None)]
    ledger.settle(ledger.order(instruction("RE", 1, order_number="RE-1")), LineState.UNENROLLED)
    assert known()[0][1] == "UNENROLLED"
    assert known()[0][3:] == (None, None)


def test_an_insert_takes_texts_numbers_and_truth_values(registry: Registry) -> None:
    values = {"vin": "TST-0001", "placeholder": False, "model": None, "customer_id": "C-3"}
    with registry.transaction() as tx:
        by_account = {"customer_id": Reference("customers", "account")}
        assert tx.records.write(Write("products", pa.table({k: [v] for k, v in values.items()}), (), by_account)) == 1
        number = pa.table(
            {"company": pa.array(["77"]), "reporting_id": ["r"], "reporting_id_kind": ["k"], "kind": ["m"]}
        )
        assert tx.records.write(Write("fleet_freedom_providers", number)) == 1
        found = tx._db.execute(
            select(products.c.placeholder, products.c.model, customers.c.account)
            .join(customers, customers.c.id == products.c.customer_id)
            .where(products.c.vin == "TST-0001")
        ).one()
    assert tuple(found) == (False, None, "C-3")
    on = {"company": "company", "reporting_id": "id"}
    (known,) = look_up(
        registry, {"company": ["77"], "id": ["r"]}, {"it": Lookup("fleet_freedom_providers", on, ("company",))}
    ).values()
    assert known.to_pylist() == [{"matches": 1, "company": 77}]


def test_records_are_inserted_in_the_order_of_the_rows(registry: Registry) -> None:
    names = [f"T{number}" for number in random.Random(3).sample(range(1000), 200)]
    with registry.transaction() as tx:
        tx.records.write(Write("customers", pa.table({"account": names, "name": names})))
        stored = tx._db.execute(select(customers.c.account).where(customers.c.id > 5).order_by(customers.c.id))
        assert stored.scalars().all() == names


def test_an_update_changes_the_records_it_names_and_nothing_else(registry: Registry) -> None:
    vins = ["MVH000001", "MVH000003"]
    everything = select(products.c.id, products.c.vin, products.c.model, products.c.customer_id).order_by(products.c.id)
    with registry.transaction() as tx:
        before = tx._db.execute(everything).all()
        write = Write(
            "products",
            pa.table({"vin": vins, "model": ["EV-9", None], "customer_id": pa.array(["C-4", None], pa.string())}),
            ("vin",),
            {"customer_id": Reference("customers", "account")},
        )
        assert tx.records.write(write) == 2
        after = tx._db.execute(everything).all()
    fourth = 4
    assert [row for row in before if row.vin not in vins] == [row for row in after if row.vin not in vins]
    assert [tuple(row)[1:] for row in after if row.vin in vins] == [
        ("MVH000001", "EV-9", fourth),
        ("MVH000003", None, None),
    ]


def test_an_update_may_find_its_record_by_reference(registry: Registry) -> None:
    with registry.transaction() as tx:
        rows = pa.table({"product_id": ["MVH000002"], "user_name": ["Asha"]})
        assert tx.records.write(Write("sales", rows, ("product_id",), BY_VIN)) == 1
        named = tx._db.execute(select(sales.c.user_name, sales.c.phone).where(sales.c.user_name.is_not(None))).all()
    assert [tuple(row) for row in named] == [("Asha", "+917000000001")]


def test_columns_are_emptied_in_whatever_records_the_key_names(registry: Registry) -> None:
    with registry.transaction() as tx:
        rows = pa.table({"motor_id": ["KE-DUMMY", "KE1"], "placeholder": [True, True]})
        write = Write("products", rows, ("motor_id", "placeholder"), emptied=("motor_id",))
        assert tx.records.write(write) == 10
        left = tx._db.execute(select(products.c.vin).where(products.c.motor_id.is_(None)).order_by(products.c.id))
        assert left.scalars().all() == [f"CHH000{number:03}" for number in range(0, 40, 4)]
        assert tx.records.write(write) == 0


REFUSED = {
    "a reference that is not there": Write(
        "products", pa.table({"vin": ["N-1", "N-2"], "customer_id": ["C-1", "C-9"]}), (),
        {"customer_id": Reference("customers", "account")},
    ),
    "a reference that is there twice": Write(
        "products", pa.table({"vin": ["N-1"], "customer_id": [NAMES[1]]}), (),
        {"customer_id": Reference("customers", "name")},
    ),
    "a record that is not there": Write(
        "products", pa.table({"vin": ["MVH000001", "N-1"], "model": ["a", "b"]}), ("vin",)
    ),
    "two rows for one record": Write("products", pa.table({"vin": ["MVH000001"] * 2, "model": ["a", "b"]}), ("vin",)),
    "a key without a value": Write(
        "products", pa.table({"vin": pa.array([None], pa.string()), "model": ["a"]}), ("vin",)
    ),
    "a part of another vehicle": Write("products", pa.table({"vin": ["MVH000001"], "motor_id": ["KE2"]}), ("vin",)),
    "a vehicle that is there": Write("products", pa.table({"vin": ["MVH000001"]})),
    "neither frame id nor placeholder": Write("products", pa.table({"vcu_id": ["V-1"], "placeholder": [False]})),
}  # fmt: skip


@pytest.mark.parametrize("write", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_written_whole_is_not_written(registry: Registry, write: Write) -> None:
    with pytest.raises(StateMoved) as refused, registry.transaction() as tx:
        tx.records.write(write)
    assert "KE2" not in str(refused.value.facts)
    with registry.view() as tx:
        assert tx._db.execute(select(products.c.id).where(products.c.model.is_not(None))).all() == []
        assert len(tx._db.execute(select(products.c.id)).all()) == 40


def test_nothing_is_written_for_no_rows(registry: Registry) -> None:
    with registry.transaction() as tx:
        assert tx.records.write(Write("products", pa.table({"vin": pa.array([], pa.string())}))) == 0


def test_the_row_a_write_comes_from_is_not_a_column_of_the_table(registry: Registry) -> None:
    with registry.transaction() as tx:
        rows = pa.table({"row": [17], "account": ["C-17"], "name": ["Seventeen"]})
        chunked = pa.concat_tables([rows, rows.set_column(1, "account", [["C-18"]])])
        assert tx.records.write(Write("customers", chunked)) == 2


@pytest.mark.parametrize("name", ["audit", "devices", "orders", "runs"])
def test_uploads_reach_no_table_of_the_exchange(registry: Registry, name: str) -> None:
    assert name not in WRITABLE
    with pytest.raises(KeyError), registry.transaction() as tx:
        tx.records.write(Write(name, pa.table({"id": [1]})))


def test_offers_are_the_values_in_use(registry: Registry) -> None:
    with registry.transaction() as tx:
        assert tx.records.offers("locations") == ["Mumbai", "Nagpur", "Pune"]
        assert tx.records.offers("customers") == sorted(set(NAMES))
        assert tx.records.offers("models") == []
        assert tx.records.offers("anything") == []
        many = [f"X{number:05}" for number in range(MOST_OFFERS + 1)]
        tx.records.write(Write("customers", pa.table({"account": many, "name": many})))
        assert len(tx.records.offers("customers")) == MOST_OFFERS
