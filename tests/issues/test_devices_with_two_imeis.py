"""A device with two modems was two devices, or none: there was one column for its IMEIs."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from adapters.registry.tables import devices
from formats.order_dispatch.loading import load
from jobs.intake import content_digests, judge_rows
from jobs.states import LineState
from tests.support.installation import COLUMNS, order_row
from tests.support.ledger import Ledger
from tests.support.orders import instruction

FIRST, SECOND, THIRD, FOURTH = "358240052222213", "358240052222221", "490154203237518", "356938035643809"
Row = dict[str, str]


def text(*rows: Row) -> bytes:
    names = (*COLUMNS, "imei2")
    lines = [",".join(names), *(",".join(row.get(name, "") for name in names) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def judged(ledger: Ledger, *rows: Row) -> list[tuple[int, str]]:
    loaded = load(text(*rows))
    assert all(loaded.passed.to_pylist()), loaded.findings.to_pylist()
    with ledger.registry.rehearsal() as tx:
        known = tx.intake.enrich(loaded.rows)
        found = judge_rows(loaded.rows, known, content_digests(loaded.rows), ("acme", "beta")).findings
    return [(item["row"], item["code"]) for item in found.to_pylist()]


def take(ledger: Ledger, *rows: Row) -> list[int]:
    loaded = load(text(*rows))
    assert all(loaded.passed.to_pylist()), loaded.findings.to_pylist()
    with ledger.registry.transaction() as tx:
        file = ledger.file(tx)
        accepted = loaded.rows.append_column("content_sha256", content_digests(loaded.rows))
        tx.intake.insert_rows(accepted, file.id)
    return ledger.eligible()


def kept(ledger: Ledger) -> list[tuple[str | None, str | None, str | None]]:
    with ledger.engine.connect() as connection:
        chosen = select(devices.c.serial_number, devices.c.imei, devices.c.imei2).order_by(devices.c.id)
        return [(row[0], row[1], row[2]) for row in connection.execute(chosen)]


def back(**values: str) -> Row:
    return instruction("RE", 1, order_number="RE-1", **{"serial_number": "", **values})


@pytest.mark.parametrize("given", [{"imei": FIRST}, {"imei": SECOND}, {"imei2": FIRST}, {"imei2": SECOND}])
def test_either_imei_finds_the_device_whichever_column_it_stands_in(ledger: Ledger, given: Row) -> None:
    (line,) = take(ledger, order_row(1, imei=FIRST, imei2=SECOND))
    serial = order_row(1)["serial_number"]
    assert kept(ledger) == [(serial, FIRST, SECOND)]
    ledger.settle([line], LineState.ENROLLED)
    assert judged(ledger, back(**given)) == []
    assert len(take(ledger, back(**given))) == 1
    assert kept(ledger) == [(serial, FIRST, SECOND)]
    with ledger.registry.view() as tx:
        assert [item["serial_number"] for item in tx.queries.find_devices([next(iter(given.values()))])] == [serial]


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ({"imei": FIRST, "imei2": SECOND}, (FIRST, SECOND)),
        ({"imei": SECOND, "imei2": FIRST}, (FIRST, SECOND)),
        ({"imei": FIRST}, (FIRST, None)),
        ({"imei2": FIRST}, (FIRST, None)),
    ],
)
def test_a_known_device_gets_the_one_it_lacked(ledger: Ledger, given: Row, after: tuple[str, str | None]) -> None:
    (line,) = take(ledger, order_row(1, imei=FIRST))
    ledger.settle([line], LineState.ENROLLED)
    assert judged(ledger, back(**given)) == []
    take(ledger, back(**given))
    assert [found[1:] for found in kept(ledger)] == [after]


@pytest.mark.parametrize(
    "given",
    [
        {"serial_number": "SN9", "imei": FIRST, "imei2": FIRST},
        {"serial_number": "SN9", "imei2": SECOND, "imei": THIRD},
        {"serial_number": "SN9", "imei2": FIRST, "imei": THIRD},
        {"serial_number": order_row(1)["serial_number"], "imei": FIRST, "imei2": THIRD},
        {"serial_number": order_row(1)["serial_number"], "imei": THIRD, "imei2": FOURTH},
        {"serial_number": order_row(1)["serial_number"], "imei2": THIRD},
        {"serial_number": order_row(2)["serial_number"], "imei": SECOND},
    ],
)
def test_an_imei_of_another_device_in_either_column_is_a_conflict(ledger: Ledger, given: Row) -> None:
    take(ledger, order_row(1, imei=FIRST, imei2=SECOND), order_row(2))
    row = order_row(1, order_number="SO-0001", line_number="1") | given
    assert (2, "DEVICE_CONFLICT") in judged(ledger, row)


def test_rows_of_one_file_share_none_and_none_has_one_twice(ledger: Ledger) -> None:
    crossed = [order_row(1, imei=FIRST, imei2=SECOND), order_row(2, imei=SECOND), order_row(3, imei=THIRD)]
    assert judged(ledger, *crossed) == [(2, "DEVICE_CONFLICT"), (3, "DEVICE_CONFLICT")]
    assert judged(ledger, order_row(1, imei=FIRST, imei2=FIRST)) == [(2, "DEVICE_CONFLICT")]
    twice = load(text(order_row(1, imei=FIRST, imei2=SECOND), order_row(2, imei=THIRD, imei2=SECOND)))
    assert twice.findings["code"].to_pylist() == ["ROW_DUPLICATE"] * 2


def test_partners_get_it_in_the_extension_map(ledger: Ledger) -> None:
    lines = take(ledger, order_row(1, imei=FIRST, imei2=SECOND), order_row(2, imei=THIRD))
    with ledger.registry.transaction() as tx:
        details = tx.claims.request_details(lines)
    first, second = details["extensions"].to_pylist()
    assert (json.loads(first), second) == ({"imei2": SECOND}, None)


def test_rows_without_one_have_the_digest_they_always_had() -> None:
    digest = content_digests(load(text(order_row(1))).rows)[0].as_py()
    assert digest == DIGEST_BEFORE
    assert content_digests(load(text(order_row(1, imei=FIRST, imei2=SECOND))).rows)[0].as_py() != digest


DIGEST_BEFORE = "d6a63807a2107ab12cdad702b0c6118745ce66e8cfffa0198edfd90862d92ded"
