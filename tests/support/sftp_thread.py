"""A test's own SFTP server, in a thread of its own, with whatever still hangs in it gone at the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncssh

from tests.support.sshd import KeyPair

_READY_SECONDS = 10.0

Session = Callable[[], asyncssh.SSHServerSession[bytes]]


@dataclass(frozen=True)
class Served:
    """A server that listens: its port, the loop its calls run in, its connections."""

    port: int
    loop: asyncio.AbstractEventLoop
    connections: list[asyncssh.SSHServerConnection]

    def hang_up(self) -> None:
        """Cut every connection; to be called in the loop."""
        while self.connections:
            self.connections.pop().abort()


class _NoLogin(asyncssh.SSHServer):
    """Anybody may enter: logging in is not what these servers are for."""

    def __init__(self, connections: list[asyncssh.SSHServerConnection], session: Session | None) -> None:
        self._connections = connections
        self._session = session

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        return False

    def session_requested(self) -> Any:
        if self._session is None:
            return False
        return self._connection.create_server_channel(encoding=None), self._session()


async def forever() -> None:
    """What a call awaits to leave its request without an answer."""
    await asyncio.Event().wait()


@contextmanager
def serving(host_key: KeyPair, session: Session | None = None, **options: Any) -> Iterator[Served]:
    """Serve on a free port, by sessions of the test's own or by `options` of `asyncssh.create_server`."""
    loop, ready, stopped = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    connections: list[asyncssh.SSHServerConnection] = []
    ports: list[int] = []

    async def serve() -> None:
        listener = await asyncssh.create_server(
            lambda: _NoLogin(connections, session),
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.import_private_key(host_key.private)],
            **options,
        )
        ports.append(listener.get_port())
        ready.set()
        await stopped.wait()
        listener.close()
        for connection in connections:
            connection.abort()
        await asyncio.sleep(0.05)  # one turn of the loop closes the sockets; wait_closed() waits for stalled calls

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    if not ready.wait(_READY_SECONDS):
        raise RuntimeError("the SFTP server of the test does not start")
    try:
        yield Served(ports[0], loop, connections)
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(_READY_SECONDS)
