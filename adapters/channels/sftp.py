"""SFTP to a partner: pinned host keys only, a timeout on every wait, names kept as data.

What the partner's server says is never trusted: names, sizes, counts and texts are checked or cut.
Facts about paramiko are those of version 5.1 (`paramiko/client.py`, `sftp_client.py`, `sftp_file.py`).
"""

from __future__ import annotations

import base64
import io
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, BinaryIO, NoReturn, Protocol

import paramiko
from paramiko.pkey import UnknownKeyType
from paramiko.sftp import (
    CMD_CLOSE,
    CMD_DATA,
    CMD_HANDLE,
    CMD_NAME,
    CMD_OPENDIR,
    CMD_READ,
    CMD_READDIR,
    CMD_STATUS,
    CMD_WRITE,
    SFTPError,
    int64,
)

from adapters.channels.names import is_safe, printable
from adapters.channels.session import Facts, FileSession, reason
from jobs.errors import ChannelUnavailable, ConfigurationFaulty, HostKeyRefused, LoginRefused, RemotePathRefused
from jobs.ports import Session
from jobs.providers import SftpSettings

_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_DISABLED = {
    "ciphers": ["3des-cbc", "aes128-cbc", "aes192-cbc", "aes256-cbc"],
    "macs": ["hmac-md5", "hmac-md5-96", "hmac-sha1", "hmac-sha1-96"],
}
_RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")

_CONNECT_TRIES = 3
_REQUEST = 32_640  # bytes; with its header one SSH packet, which every server takes
_DEPTH = 64  # requests under way at once, as OpenSSH's own client
_ENTRY_LIMIT = 50_000
_ENTRY_BYTES = 12  # the least an entry takes

# A lost or babbling server shows as any of these: SSHException, EOFError, OSError (closed, reset),
# TimeoutError (an OSError), SFTPError (garbage), ValueError (texts that are not UTF-8).
_BROKEN = (paramiko.SSHException, EOFError, OSError, SFTPError, ValueError)


class PrivateKeyText(Protocol):
    """A secret that is shown only when it is used."""

    def reveal(self) -> str:
        """The private key as text: OpenSSH or PEM, without a passphrase."""


class SftpChannel:
    """The SFTP account at one provider. `safe` says which file names may be used there."""

    def __init__(
        self, settings: SftpSettings, private_key: PrivateKeyText, safe: Callable[[str], bool] = is_safe
    ) -> None:
        self._settings = settings
        self._private_key = private_key
        self._safe = safe
        self._timeout = settings.timeout.total_seconds()

    @contextmanager
    def open(self) -> Iterator[Session]:
        """One connection for many operations; closed with the block.

        Raises ChannelUnavailable, HostKeyRefused, LoginRefused, or ConfigurationFaulty for a
        pinned key that cannot be read.
        """
        pinned = tuple(_host_key(line) for line in self._settings.host_keys)
        own_key = _own_key(self._private_key.reveal())
        client, connection = self._connected(pinned, own_key)
        with connection:
            transport = client.get_transport()
            if transport is None:
                raise ChannelUnavailable(f"{self._settings.host} closed the connection")
            calls = _SftpCalls(self._sftp(client, transport), transport.get_remote_server_key().fingerprint)
            yield FileSession(calls, self._safe)

    def _connected(
        self, pinned: tuple[paramiko.PKey, ...], own_key: paramiko.PKey
    ) -> tuple[paramiko.SSHClient, ExitStack]:
        """The client, and what closes its connection.

        One that is refused or reset (sshd's MaxStartups) is tried again at once. All tries share one timeout, so a
        silent host costs it once.
        """
        give_up = time.monotonic() + self._timeout
        for _ in range(_CONNECT_TRIES - 1):
            try:
                return self._connect(pinned, own_key)
            except ChannelUnavailable:
                pause = 0.1 + secrets.randbelow(400) / 1_000
                if time.monotonic() + pause >= give_up:
                    raise
                time.sleep(pause)
        return self._connect(pinned, own_key)

    def _connect(
        self, pinned: tuple[paramiko.PKey, ...], own_key: paramiko.PKey
    ) -> tuple[paramiko.SSHClient, ExitStack]:
        to = self._settings
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(_PinnedOnly(pinned))
        with ExitStack() as undo:
            try:
                # paramiko's close() does nothing once its thread found the connection broken: the socket is ours
                wire = undo.enter_context(socket.create_connection((to.host, to.port), self._timeout))
                undo.callback(client.close)
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.connect(
                    to.host,
                    to.port,
                    to.user,
                    sock=wire,
                    pkey=own_key,
                    look_for_keys=False,
                    allow_agent=False,
                    timeout=self._timeout,
                    banner_timeout=self._timeout,
                    auth_timeout=self._timeout,
                    channel_timeout=self._timeout,
                    disabled_algorithms=_DISABLED,
                    transport_factory=partial(_Transport, pinned),
                )
            except _BROKEN as error:
                self._refuse(client, error)
            return client, undo.pop_all()

    def _refuse(self, client: paramiko.SSHClient, error: Exception) -> NoReturn:
        to = self._settings
        transport = client.get_transport()
        # paramiko reports a wrong key, a silent server and a cut while logging in as the same
        # AuthenticationException; only a server that is still there and did answer has refused us.
        answered = isinstance(error, paramiko.AuthenticationException) and "timeout" not in str(error)
        if answered and transport and transport.is_active():
            raise LoginRefused(f"{to.host} refuses user {to.user}") from error
        raise ChannelUnavailable(f"connect to {to.host}:{to.port}: {reason(error)}") from error

    def _sftp(self, client: paramiko.SSHClient, transport: paramiko.Transport) -> paramiko.SFTPClient:
        # Channel.invoke_subsystem waits for its answer without a timeout; closing the client ends it.
        watchdog = threading.Timer(self._timeout, client.close)
        watchdog.start()
        try:
            channel = transport.open_session(timeout=self._timeout)
            channel.settimeout(self._timeout)
            channel.invoke_subsystem("sftp")
            return paramiko.SFTPClient(channel)
        except _BROKEN as error:
            raise ChannelUnavailable(f"start SFTP at {self._settings.host}: {reason(error)}") from error
        finally:
            watchdog.cancel()
            watchdog.join()


class _SftpCalls:
    """See `adapters.channels.session.FileCalls`."""

    def __init__(self, sftp: paramiko.SFTPClient, server_key: str) -> None:
        self._sftp = sftp
        self.server_key = server_key

    def facts(self, path: str) -> Facts | None:
        try:
            with _connection():
                return _facts(self._sftp.lstat(path))
        except FileNotFoundError:
            return None

    def entries(self, folder: str) -> Iterator[tuple[bytes, Facts]]:
        with _connection():
            for name, attributes in _entries(self._sftp, folder):
                yield name, _facts(attributes)

    def write(self, path: str, stream: BinaryIO) -> int:
        with _connection(), self._sftp.open(path, "w") as remote:
            _write(self._sftp, remote.handle, stream)
            return remote.stat().st_size or 0

    def read(self, path: str, size: int) -> Generator[bytes]:
        with _connection(), self._sftp.open(path, "r") as remote:
            yield from _read(self._sftp, remote.handle, size)

    def rename(self, path: str, target: str) -> None:
        """Plain rename: `posix_rename` would overwrite."""
        with _connection():
            self._sftp.rename(path, target)

    def remove(self, path: str) -> None:
        with _connection():
            self._sftp.remove(path)


class _PinnedOnly(paramiko.MissingHostKeyPolicy):
    """Rejects every host key that is not pinned.

    It is asked each time, since paramiko's own table of host keys stays empty: that table holds one
    key per host and type (`HostKeys.add` replaces), and the overlap of a rotation needs two.
    """

    def __init__(self, pinned: tuple[paramiko.PKey, ...]) -> None:
        self._pinned = pinned

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        if key in self._pinned:
            return
        known = ", ".join(f"{pin.get_name()} {pin.fingerprint}" for pin in self._pinned) or "none"
        seen = f"{key.get_name()} {key.fingerprint}"
        raise HostKeyRefused(f"{hostname} shows host key {seen}; pinned: {known}", seen=seen, pinned=known)


class _Transport(paramiko.Transport):
    """Asks for a host key of a pinned type first, and for the fast authenticated ciphers first."""

    def __init__(self, pinned: tuple[paramiko.PKey, ...], sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        wanted = list(dict.fromkeys(kind for key in pinned for kind in _signatures(key)))
        offers = self.get_security_options()
        # The other types stay on offer, so that the refusal can name the key that was shown.
        offers.key_types = (*wanted, *(kind for kind in offers.key_types if kind not in wanted))
        offers.ciphers = _CIPHERS


class _Pipeline:
    """Requests sent ahead of their answers, which may come in any order; read oldest first.

    Uses paramiko's request layer (`_async_request`, `_read_response`, `_convert_status`: private).
    Its public ways do not serve: pipelined writes drop the server's refusals, and `prefetch` builds
    its whole request list in advance in a thread that waits for ever when the connection is lost.
    """

    def __init__(self, sftp: paramiko.SFTPClient) -> None:
        self._sftp: Any = sftp
        self._asked: deque[int] = deque()
        self._answers: dict[int, tuple[int, paramiko.Message]] = {}

    def __len__(self) -> int:
        return len(self._asked)

    def send(self, command: int, *arguments: object) -> None:
        self._asked.append(self._sftp._async_request(self, command, *arguments))

    def answer(self, expected: int) -> paramiko.Message:
        """The answer to the oldest request. Raises EOFError or OSError when it is a refusal."""
        number = self._asked.popleft()
        while number not in self._answers:
            self._sftp._read_response()
        kind, message = self._answers.pop(number)
        if kind == CMD_STATUS:
            self._sftp._convert_status(message)
        return _expect(expected, (kind, message))

    def _async_response(self, kind: int, message: paramiko.Message, number: int) -> None:
        """paramiko hands an answer over here."""
        self._answers[number] = (kind, message)


def _write(sftp: paramiko.SFTPClient, handle: object, stream: BinaryIO) -> None:
    pipeline = _Pipeline(sftp)
    offset = 0
    while block := stream.read(_REQUEST):
        pipeline.send(CMD_WRITE, handle, int64(offset), block)
        offset += len(block)
        if len(pipeline) >= _DEPTH:
            pipeline.answer(CMD_STATUS)
    while pipeline:
        pipeline.answer(CMD_STATUS)


def _read(sftp: paramiko.SFTPClient, handle: object, size: int) -> Iterator[bytes]:
    """The first `size` bytes of an open file, or fewer when the server ends it earlier."""
    pipeline = _Pipeline(sftp)
    asked = 0
    for offset in range(0, size, _REQUEST):
        while asked < min(size, offset + _DEPTH * _REQUEST):
            pipeline.send(CMD_READ, handle, int64(asked), min(_REQUEST, size - asked))
            asked += _REQUEST
        length = min(_REQUEST, size - offset)
        try:
            block = pipeline.answer(CMD_DATA).get_string()
            while 0 < len(block) < length:  # a server may send less than it was asked for
                rest = _Pipeline(sftp)
                rest.send(CMD_READ, handle, int64(offset + len(block)), length - len(block))
                block += rest.answer(CMD_DATA).get_string() or _end_of_file()
        except EOFError:
            return
        if len(block) > length:
            raise SFTPError("more bytes than were asked for")
        yield block


def _end_of_file() -> NoReturn:
    raise EOFError


def _entries(sftp: paramiko.SFTPClient, folder: str) -> Iterator[tuple[bytes, paramiko.SFTPAttributes]]:
    """Every entry of a folder, its name as the bytes the server sent.

    Does what `listdir_attr` does (`_request` and `_from_msg` are private): that one stops the
    whole folder at one name that is not UTF-8, and believes any count of entries.
    """
    wire: Any = sftp
    attributes: Any = paramiko.SFTPAttributes
    handle = _expect(CMD_HANDLE, wire._request(CMD_OPENDIR, folder)).get_binary()
    seen = 0
    while seen < _ENTRY_LIMIT:
        try:
            answer = _expect(CMD_NAME, wire._request(CMD_READDIR, handle))
        except EOFError:
            wire._request(CMD_CLOSE, handle)
            return
        count = answer.get_int()
        if count * _ENTRY_BYTES > len(answer.asbytes()):
            raise SFTPError("a count of entries that cannot be")
        for _ in range(count):
            name = answer.get_binary()
            answer.get_binary()  # the line `ls -l` would show
            yield name, attributes._from_msg(answer)
        seen += max(count, 1)
    raise RemotePathRefused(f"the listing of {folder} does not end")


def _expect(expected: int, answer: tuple[int, paramiko.Message]) -> paramiko.Message:
    kind, message = answer
    if kind != expected:
        raise SFTPError(f"answer of kind {kind} instead of {expected}")
    return message


@contextmanager
def _connection() -> Iterator[None]:
    """Turn the other shapes a lost or babbling server shows into ConnectionError."""
    try:
        yield
    except OSError:
        raise
    except _BROKEN as error:
        raise ConnectionError(f"{type(error).__name__} {error}") from error


def _host_key(line: str) -> paramiko.PKey:
    """A pinned key from `ssh-ed25519 AAAA… [comment]`. Raises ConfigurationFaulty."""
    kind, _, rest = line.strip().partition(" ")
    try:
        key: paramiko.PKey = paramiko.PKey.from_type_string(kind, base64.b64decode(rest.split()[0], validate=True))
    except (paramiko.SSHException, UnknownKeyType, ValueError, IndexError) as error:
        raise ConfigurationFaulty(f"pinned host key {printable(line)} cannot be read") from error
    return key


def _own_key(text: str) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text))
        except paramiko.PasswordRequiredException:
            raise LoginRefused("our private key is protected by a passphrase") from None
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise LoginRefused("our private key cannot be read as Ed25519, ECDSA or RSA")


def _signatures(key: paramiko.PKey) -> tuple[str, ...]:
    return _RSA_SIGNATURES if key.get_name() == "ssh-rsa" else (key.get_name(),)


def _facts(attributes: paramiko.SFTPAttributes) -> Facts:
    """A server that tells no size tells of no usable file."""
    mode = attributes.st_mode if attributes.st_size is not None else None
    return Facts(mode or 0, attributes.st_size or 0, attributes.st_mtime or 0)
