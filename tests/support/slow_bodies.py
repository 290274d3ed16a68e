"""Request bodies that do not end, sent to a real server over real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from app.loopback import free_port

FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.xlsx"\r\n\r\n'
END = b"\r\n--b--\r\n"
MULTIPART = "multipart/form-data; boundary=b"


@contextmanager
def served(app: Any) -> Iterator[int]:
    """The application on a port of its own."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        yield port
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


def until(holds: Callable[[], object]) -> None:
    """Returns as soon as it holds; a minute is for loaded machines."""
    give_up = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def begin(port: int, path: str, sent: bytes, announced: int, kind: str = MULTIPART, **headers: str) -> socket.socket:
    """A request with the first bytes of a body of `announced` bytes."""
    wire = socket.create_connection(("127.0.0.1", port), 60)
    told = {"Host": "x", "Content-Type": kind, "Content-Length": str(announced), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    wire.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + sent)
    return wire


def answer(wire: socket.socket) -> bytes:
    with wire:
        return wire.recv(65_536)


def whole(port: int, path: str, **headers: str) -> bytes:
    """The answer to a form with a file of 100,000 bytes."""
    body = FORM + b"x" * 100_000 + END
    return answer(begin(port, path, body, len(body), **headers))
