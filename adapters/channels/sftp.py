"""SFTP to a partner: pinned host keys only, a limit on every wait, names kept as data.

What the partner's server says is never trusted: names, sizes, counts and texts are checked or cut
(`adapters/channels/sftp_wire.py`), and time is bounded (`adapters/channels/watchdog.py`).
Facts about paramiko are those of version 5.1 (`paramiko/client.py`, `transport.py`, `packet.py`).
"""

from __future__ import annotations

import base64
import io
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, NoReturn, Protocol

import paramiko
from paramiko.pkey import UnknownKeyType

from adapters.channels.names import is_safe, printable
from adapters.channels.session import FileSession
from adapters.channels.sftp_calls import Patience, SftpCalls
from adapters.channels.sftp_wire import Requests
from adapters.channels.watchdog import Watchdog, Wire
from adapters.ssh_keys import openssh_form
from jobs.causes import cause
from jobs.errors import ChannelUnavailable, ConfigurationFaulty, HostKeyRefused, LoginRefused
from jobs.ports import Session
from jobs.providers import SftpSettings

_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_DISABLED = {
    "ciphers": ["3des-cbc", "aes128-cbc", "aes192-cbc", "aes256-cbc"],
    "macs": ["hmac-md5", "hmac-md5-96", "hmac-sha1", "hmac-sha1-96"],
}
_RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")

_CONNECT_TRIES = 3

# A lost or babbling server shows as any of these: SSHException, EOFError, OSError (closed, reset),
# TimeoutError (an OSError), ValueError (texts that are not UTF-8).
_BROKEN = (paramiko.SSHException, EOFError, OSError, ValueError)


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
        self._patience = Patience(settings.patience.total_seconds(), settings.minimum_rate)

    @contextmanager
    def open(self) -> Iterator[Session]:
        """One connection for many operations; closed with the block.

        Raises ChannelUnavailable, HostKeyRefused, LoginRefused, or ConfigurationFaulty for a
        pinned key that cannot be read.
        """
        pinned = tuple(_host_key(line) for line in self._settings.host_keys)
        own_key = _own_key(self._private_key.reveal())
        calls, connection = self._connected(pinned, own_key)
        with connection:
            yield FileSession(calls, self._safe)

    def _connected(self, pinned: tuple[paramiko.PKey, ...], own_key: paramiko.PKey) -> tuple[SftpCalls, ExitStack]:
        """The calls, and what closes their connection.

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

    def _connect(self, pinned: tuple[paramiko.PKey, ...], own_key: paramiko.PKey) -> tuple[SftpCalls, ExitStack]:
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(_PinnedOnly(pinned))
        with ExitStack() as undo:
            try:
                # paramiko's close() does nothing once its thread found the connection broken: the socket is ours
                to = (self._settings.host, self._settings.port)
                plain = undo.enter_context(socket.create_connection(to, self._timeout))
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                wire = Wire(plain)
                undo.callback(client.close)
                watchdog = undo.enter_context(Watchdog(wire.shut_down))
                with watchdog.within(self._patience.whole):
                    self._log_in(client, wire, pinned, own_key)
                    calls = self._start(client, wire, watchdog)
            except _BROKEN as error:
                self._refuse(client, error)
            return calls, undo.pop_all()

    def _log_in(
        self, client: paramiko.SSHClient, wire: Wire, pinned: tuple[paramiko.PKey, ...], own_key: paramiko.PKey
    ) -> None:
        client.connect(
            self._settings.host,
            self._settings.port,
            self._settings.user,
            sock=wire,  # type: ignore[arg-type]  # paramiko takes what behaves like a socket
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

    def _start(self, client: paramiko.SSHClient, wire: Wire, watchdog: Watchdog) -> SftpCalls:
        transport = client.get_transport()
        if transport is None:
            raise ConnectionError("closed after the login")
        channel = transport.open_session(timeout=self._timeout)
        with watchdog.within(self._timeout):
            channel.invoke_subsystem("sftp")  # waits for its answer without a timeout
        requests = Requests(_Stream(channel, wire), watchdog, self._timeout)
        requests.start()
        return SftpCalls(requests, watchdog, self._patience, transport.get_remote_server_key().fingerprint)

    def _refuse(self, client: paramiko.SSHClient, error: Exception) -> NoReturn:
        to = self._settings
        transport = client.get_transport()
        # paramiko reports a wrong key, a silent server and a cut while logging in as the same
        # AuthenticationException; only a server that is still there and did answer has refused us.
        answered = isinstance(error, paramiko.AuthenticationException) and "timeout" not in str(error)
        if answered and transport and transport.is_active():
            raise LoginRefused(f"{to.host} refuses user {to.user}") from error
        raise ChannelUnavailable(f"connect to {to.host}:{to.port}: {cause(error)}") from error


class _Stream:
    """See `adapters.channels.sftp_wire.Stream`. Its waits end with the connection, which the watchdog shuts down."""

    def __init__(self, channel: paramiko.Channel, wire: Wire) -> None:
        self._channel = channel
        self.relieve = wire.relieve

    def send(self, data: bytes) -> None:
        with _connection():
            self._channel.sendall(data)

    def receive(self, most: int) -> bytes:
        with _connection():
            if data := self._channel.recv(most):
                return data
        raise ConnectionError("closed by the other side")


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


@contextmanager
def _connection() -> Iterator[None]:
    """Turn the shapes a lost or babbling server shows into ConnectionError."""
    try:
        yield
    except _BROKEN as error:
        raise ConnectionError(cause(error)) from error


def _host_key(line: str) -> paramiko.PKey:
    """A pinned key from `ssh-ed25519 AAAA… [comment]`. Raises ConfigurationFaulty."""
    kind, _, rest = line.strip().partition(" ")
    try:
        key: paramiko.PKey = paramiko.PKey.from_type_string(kind, base64.b64decode(rest.split()[0], validate=True))
    except (paramiko.SSHException, UnknownKeyType, ValueError, IndexError) as error:
        raise ConfigurationFaulty(f"pinned host key {printable(line)} cannot be read") from error
    return key


def _own_key(text: str) -> paramiko.PKey:
    form = openssh_form(text)
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(form))
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise ConfigurationFaulty("our private key is none of Ed25519, ECDSA and RSA; make a new one")


def _signatures(key: paramiko.PKey) -> tuple[str, ...]:
    return _RSA_SIGNATURES if key.get_name() == "ssh-rsa" else (key.get_name(),)
