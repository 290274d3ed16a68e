"""The SFTP server of the simulated provider: one user, one key, nothing outside `files`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import asyncssh

from simulator.home import TO_PROVIDER, SimulatorHome
from simulator.plan import Fault, LivePlan

_HOSTILE = b"../../x"
_NOT_UTF8 = b"r\xe9ponse.pgp"
_PAYLOAD = b"a hostile name was followed\n"


@asynccontextmanager
async def serving(home: SimulatorHome, host: str, port: int, plan: LivePlan) -> AsyncIterator[int]:
    """Serve while the block lasts; yields the port. Port 0 is the last run's if free, else any.

    Raises OSError if the port asked for is taken. Open connections are cut at the end.
    """
    connections: set[asyncssh.SSHServerConnection] = set()
    acceptor = await _listen(home, host, port, plan, connections)
    try:
        yield acceptor.get_port()
    finally:
        acceptor.close()
        for connection in tuple(connections):
            connection.abort()
        await acceptor.wait_closed()


async def _listen(
    home: SimulatorHome, host: str, port: int, plan: LivePlan, connections: set[asyncssh.SSHServerConnection]
) -> asyncssh.SSHAcceptor:
    listen = partial(
        asyncssh.listen,
        host,
        server_factory=partial(_Login, home, connections),
        server_host_keys=[str(home.host_key_file)],
        sftp_factory=partial(_Files, home, plan),
        public_key_auth=True,
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        gss_host=None,
    )
    if port == 0 and home.last_port:
        with suppress(OSError):
            return await listen(port=home.last_port)
    return await listen(port=port)


class _Login(asyncssh.SSHServer):
    """Lets the trusted user in with the trusted key, as the home knows them at that moment."""

    def __init__(self, home: SimulatorHome, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._home = home
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        partner = self._home.partner()
        if partner is None or username != partner.user:
            return False
        return asyncssh.import_public_key(partner.ssh_public).public_data == key.public_data


class _Files(asyncssh.SFTPServer):
    """The folder tree `files`, and the faults of transport the plan asks for."""

    def __init__(self, home: SimulatorHome, plan: LivePlan, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(channel, chroot=os.fsencode(home.files))
        self._home = home
        self._plan = plan

    def map_path(self, path: bytes) -> bytes:
        if self._plan.has(Fault.HOSTILE_NAME) and path.endswith(_HOSTILE):
            return os.fsencode(self._hostile_file())
        return super().map_path(path)

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags & asyncssh.FXF_WRITE and self._plan.has(Fault.FAIL_UPLOAD):
            raise asyncssh.SFTPPermissionDenied("uploads are refused")
        return super().open(path, pflags, attrs)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        while self._plan.has(Fault.HANG_ON_UPLOAD):
            await asyncio.sleep(0.2)
        written = super().write(file_obj, offset, data)
        return written if isinstance(written, int) else await written

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().rename(oldpath, newpath)
        self._landed(newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().posix_rename(oldpath, newpath)
        self._landed(newpath)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        async for name in super().scandir(path):
            yield name
        if self.map_path(path) == os.fsencode(self._home.from_provider.resolve()):
            for fault, extra in ((Fault.HOSTILE_NAME, _HOSTILE), (Fault.NON_UTF8_NAME, _NOT_UTF8)):
                if self._plan.has(fault):
                    yield asyncssh.SFTPName(extra, attrs=asyncssh.SFTPAttrs.from_local(self._hostile_file().stat()))

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("no links here")

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("no links here")

    def _landed(self, path: bytes) -> None:
        """A file has its final name; the client does not know yet."""
        local = Path(os.fsdecode(self.map_path(path)))
        if local.parent.name != TO_PROVIDER or local.suffix != ".pgp":
            return
        if self._plan.has(Fault.EAT_ON_ARRIVAL):
            local.replace(self._home.arrived / local.name)
        if self._plan.spend(Fault.DROP_AFTER_RENAME):
            self.connection.abort()

    def _hostile_file(self) -> Path:
        file = self._home.hostile / "x"
        file.write_bytes(_PAYLOAD)
        return file
