"""Bodies that do not end, sent to the plugin's own routes in Airflow's own server over real sockets."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.settings import BodySettings
from tests.support.slow_bodies import FORM, answer, begin, served, until, whole

UPLOADS = "/muster/uploads"
ANSWERS = "/muster/inboundDeviceEnrolment/acme"
USUAL = BodySettings(in_all=4)
Set = Callable[..., None]


@pytest.fixture(scope="module")
def port(server: Any) -> Iterator[int]:
    with served(server) as number:
        yield number


@pytest.fixture
def bounds(server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Set:
    """Sets what may be sent. Nothing here is stored: every form lacks its template."""
    monkeypatch.setattr(importlib.import_module("muster_uploads"), "_largest_file", lambda: 50_000_000)
    monkeypatch.setattr(
        importlib.import_module("muster_uploads"), "_store", lambda user, sent: {"bytes": len(sent.data)}
    )
    bodies = importlib.import_module("muster_bodies")

    def put(**values: Any) -> None:
        monkeypatch.setattr(bodies, "_settings", lambda: (replace(USUAL, **values), tmp_path))

    put()
    return put


def bearer(client: Callable[..., Any], name: str, role: str = "user") -> dict[str, str]:
    return {"Authorization": client(role, name=name).headers["Authorization"]}


def readers() -> int:
    total: int = importlib.import_module("muster_bodies")._GATE._readers.total()
    return total


def test_only_so_many_workbooks_are_received_at_once(client: Callable[..., Any], port: int, bounds: Set) -> None:
    ada, bob, eve = (bearer(client, name) for name in ("ada", "bob", "eve"))
    waiting = [begin(port, UPLOADS, FORM, 1_000_000, **ada) for _ in range(USUAL.of_a_user)]
    until(lambda: readers() == len(waiting))
    assert whole(port, UPLOADS, **ada).startswith(b"HTTP/1.1 429")
    assert whole(port, UPLOADS, **bob).startswith(b"HTTP/1.1 200")
    waiting.append(begin(port, UPLOADS, FORM, 1_000_000, **bob))
    until(lambda: readers() == len(waiting))
    assert whole(port, UPLOADS, **eve).startswith(b"HTTP/1.1 503")
    for wire in waiting:
        wire.close()
    until(lambda: readers() == 0)
    assert whole(port, UPLOADS, **ada).startswith(b"HTTP/1.1 200")


def test_who_may_not_send_is_told_before_a_byte_is_read(client: Callable[..., Any], port: int, bounds: Set) -> None:
    """However long their bodies are, they take no room."""
    assert answer(begin(port, UPLOADS, FORM, 1_000_000)).startswith(b"HTTP/1.1 401")
    viewer = bearer(client, "viewer", "viewer")
    assert answer(begin(port, UPLOADS, FORM, 1_000_000, **viewer)).startswith(b"HTTP/1.1 403")
    assert readers() == 0


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (UPLOADS, "multipart/form-data; boundary=b"),
        (f"{UPLOADS}/1/commit", "application/x-www-form-urlencoded"),
        (f"{UPLOADS}/1/discard", "application/x-www-form-urlencoded"),
        (ANSWERS, "application/pgp-encrypted"),
    ],
)
def test_a_body_that_stalls_is_given_up_by_every_route(
    client: Callable[..., Any], port: int, bounds: Set, monkeypatch: pytest.MonkeyPatch, path: str, kind: str
) -> None:
    bounds(deadline=timedelta(seconds=0.2))
    app = importlib.import_module("muster_web").app
    monkeypatch.setitem(app.dependency_overrides, importlib.import_module("muster_web").may_answer, lambda: None)
    slow = answer(begin(port, path, b"--b", 10_000, kind, **bearer(client, "ada")))
    assert slow.startswith(b"HTTP/1.1 408")
    assert b"too slowly" in slow
    assert readers() == 0
