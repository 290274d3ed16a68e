"""Twelve unfinished uploads of 45 MB cost the API server 513 MB; a hundred slow ones stayed for ever."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request

from app.loopback import free_port

sys.path.insert(0, str(Path(__file__).parents[2] / "plugins"))  # as Airflow does
import muster_bodies

LIMIT = 50_000_000
FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.xlsx"\r\n\r\n'
END = b"\r\n--b--\r\n"


@pytest.fixture
def port() -> Iterator[int]:
    """A real server with one route that reads a file; its user is in the path."""
    app = FastAPI()

    @app.post("/{user}")
    async def receive(user: str, request: Request) -> int:
        return len((await muster_bodies.read_file(request, LIMIT, "file", user)).data)

    number = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=number, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    _until(lambda: server.started)
    yield number
    server.should_exit = server.force_exit = True
    thread.join(20)


def _until(holds: Any) -> None:
    give_up = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def _begin(port: int, user: str, sent: bytes, announced: int) -> socket.socket:
    wire = socket.create_connection(("127.0.0.1", port), 30)
    head = f"POST /{user} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    wire.sendall(head.encode() + f"Content-Length: {announced}\r\n\r\n".encode() + sent)
    return wire


def _answer(wire: socket.socket) -> bytes:
    with wire:
        return wire.recv(65_536)


def _whole(port: int, user: str) -> bytes:
    body = FORM + b"x" * 100_000 + END
    return _answer(_begin(port, user, body, len(body)))


def test_unfinished_bodies_lie_in_files_and_only_so_many_are_read(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    original = muster_bodies.TemporaryFile
    monkeypatch.setattr(muster_bodies, "TemporaryFile", lambda: made.append(original()) or made[-1])
    part = FORM + b"x" * 5_000_000
    waiting = [_begin(port, "ada", part, 45_000_000) for _ in range(muster_bodies._OF_A_USER)]
    _until(lambda: len(made) == len(waiting) and all(body.tell() == len(part) for body in made))
    refused = _whole(port, "ada")
    assert refused.startswith(b"HTTP/1.1 429")
    assert b"retry-after: 30" in refused
    assert b"wait until one is done" in refused
    assert _whole(port, "bob").startswith(b"HTTP/1.1 200")
    monkeypatch.setattr(muster_bodies, "_IN_ALL", len(waiting))
    assert _whole(port, "bob").startswith(b"HTTP/1.1 503")
    assert {Path(f"/proc/self/fd/{body.fileno()}").stat().st_nlink for body in made if not body.closed} == {0}
    for wire in waiting:
        wire.close()
    _until(lambda: all(body.closed for body in made))
    assert _whole(port, "ada").endswith(b"100000")


def test_a_body_that_stalls_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muster_bodies, "_PATIENCE", 0.2)
    wire = _begin(port, "ada", FORM, 1_000_000)
    answer = _answer(wire)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"too slowly" in answer
    _until(lambda: muster_bodies._GATE._readers.total() == 0)
