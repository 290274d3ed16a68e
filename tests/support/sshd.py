"""A real OpenSSH server for tests: own host keys, own user, own folder.

Import the `sshd` fixture into a test module; `Sshd.fresh()` gives each test its own folder.
"""

from __future__ import annotations

import getpass
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from adapters.channels.sftp import SftpChannel
from app.loopback import free_port
from jobs.providers import SftpSettings
from tests.support.machine import need

_TRIES = 5
_READY_SECONDS = 10.0


@dataclass(frozen=True)
class KeyPair:
    """An SSH key: its private text, and its public line as in `known_hosts` without the host."""

    private: str
    public: str

    @classmethod
    def ed25519(cls) -> KeyPair:
        return cls._of(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def ecdsa(cls) -> KeyPair:
        return cls._of(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def rsa(cls) -> KeyPair:
        return cls._of(rsa.generate_private_key(65_537, 3_072))

    @classmethod
    def _of(cls, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> KeyPair:
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return cls(private.decode(), public.decode())


@dataclass(frozen=True)
class TextKey:
    """A private key as the settings hand it to a channel."""

    text: str

    def reveal(self) -> str:
        return self.text


@dataclass(frozen=True)
class Sshd:
    """A running server. Sessions start in `root`; only SFTP is served."""

    host: str
    port: int
    host_key: str  # the Ed25519 key, "ssh-ed25519 AAAA…"
    ecdsa_host_key: str
    user: str
    private_key: str
    root: Path
    log: Path
    _names: Iterator[int] = field(default_factory=itertools.count)

    def fresh(self) -> str:
        """A new folder; its name is relative to the login folder."""
        name = f"account{next(self._names)}"
        (self.root / name).mkdir()
        return name

    def channel(
        self,
        port: int | None = None,
        host_keys: tuple[str, ...] | None = None,
        private_key: str | None = None,
        timeout: float = 10,
        deadline: timedelta | None = None,
    ) -> SftpChannel:
        """A channel to this server, or to a proxy before it, with what the test wants different."""
        settings = SftpSettings(
            host=self.host,
            user=self.user,
            host_keys=(self.host_key,) if host_keys is None else host_keys,
            credential="env:UNUSED",
            port=port or self.port,
            timeout=timedelta(seconds=timeout),
            deadline=deadline,
        )
        return SftpChannel(settings, TextKey(private_key or self.private_key))


@pytest.fixture(scope="session")
def sshd() -> Iterator[Sshd]:
    program = need("sshd")
    home = Path(tempfile.mkdtemp(prefix="sshd"))
    try:
        with RunningSshd(program, home) as server:
            yield server
    finally:
        shutil.rmtree(home)


def make_privilege_folder() -> None:
    """sshd started by root needs this folder, which a package's start script makes and a bare machine lacks."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)


class RunningSshd:
    """Start on a free port (another process may take it first: then on another one); end with the block."""

    def __init__(self, program: Path, home: Path) -> None:
        self._program, self._home = program, home

    def __enter__(self) -> Sshd:
        user_key, host_keys = KeyPair.ed25519(), {"ed25519": KeyPair.ed25519(), "ecdsa": KeyPair.ecdsa()}
        for name, pair in host_keys.items():
            path = self._home / f"host_{name}"
            path.touch(mode=0o600)
            path.write_text(pair.private)
        (self._home / "authorized_keys").write_text(user_key.public + "\n")
        root = self._home / "root"
        root.mkdir()
        make_privilege_folder()
        log = self._home / "log"
        for _ in range(_TRIES):
            port = free_port()
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    [self._program, "-D", "-e", "-f", self._config(port)], stderr=output, stdin=subprocess.DEVNULL
                )
            if self._answers(port):
                ed, ecdsa = host_keys["ed25519"].public, host_keys["ecdsa"].public
                return Sshd("127.0.0.1", port, ed, ecdsa, getpass.getuser(), user_key.private, root, log)
            self._end()
        raise RuntimeError(f"sshd does not start: {log.read_text()}")

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _config(self, port: int) -> Path:
        lines = [
            "ListenAddress 127.0.0.1",
            f"Port {port}",
            f"HostKey {self._home}/host_ed25519",
            f"HostKey {self._home}/host_ecdsa",
            f"AuthorizedKeysFile {self._home}/authorized_keys",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "MaxStartups 100",
            "LogLevel DEBUG1",
            "Subsystem sftp internal-sftp",
            f"ForceCommand internal-sftp -d {self._home}/root",
        ]
        path = self._home / "sshd_config"
        # OpenSSH 9.8 and later shut out an address after refused logins, which tests make on purpose.
        for extra in (["PerSourcePenalties no"], []):
            path.write_text("\n".join([*lines, *extra, ""]))
            if subprocess.run([self._program, "-t", "-f", path], capture_output=True, check=False).returncode == 0:
                break
        return path

    def _answers(self, port: int) -> bool:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", port), 1) as probe:
                    return probe.recv(4) == b"SSH-" and self._process.poll() is None
            except OSError:
                time.sleep(0.02)
        return False
