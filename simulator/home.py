"""The simulator's home folder: its keys, whom it trusts, and the folders it serves."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from simulator import openpgp
from simulator.errors import SimulatorError

TO_PROVIDER = "to_provider"
FROM_PROVIDER = "from_provider"
_FOLDERS = (
    *("gnupg", "arrived", "processed", "sent", "hostile", "files"),
    *(f"files/{TO_PROVIDER}", f"files/{FROM_PROVIDER}", f"files/{FROM_PROVIDER}/done"),
)


@dataclass(frozen=True)
class Partner:
    """Who may log in, and whose signature is good."""

    user: str
    ssh_public: str
    fingerprint: str


@dataclass(frozen=True)
class SimulatorHome:
    """One simulated provider. Everything it owns lies under `path` (0700)."""

    path: Path
    name: str
    fingerprint: str

    @classmethod
    def create(cls, path: Path, name: str) -> SimulatorHome:
        """The home at `path`, made if it does not exist. `name` is a provider id such as `acme`."""
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", name):
            raise SimulatorError(f"{name!r} is no provider id: lower-case letters, digits, - and _, a letter first")
        identity = path / "identity.json"
        if not identity.exists():
            _make(path, name)
        home = cls.open(path)
        if home.name != name:
            raise SimulatorError(f"{path} is the home of {home.name}, not of {name}")
        return home

    @classmethod
    def open(cls, path: Path) -> SimulatorHome:
        """The home at `path`. Raises SimulatorError if there is none."""
        try:
            identity = json.loads((path / "identity.json").read_text())
        except FileNotFoundError:
            raise SimulatorError(f"{path} is no home of a simulator: create it first") from None
        return cls(path, identity["name"], identity["fingerprint"])

    def trust(self, openpgp_public: bytes, ssh_public: str, user: str = "muster") -> None:
        """Pin the partner's OpenPGP key, and let `user` log in with `ssh_public`. Replaces earlier ones."""
        login = asyncssh.import_public_key(ssh_public).export_public_key("openssh").decode()
        fingerprint = openpgp.wait_for(openpgp.import_key(self.gnupg, openpgp_public))
        _replace(
            self.path / "partner.json",
            json.dumps({"user": user, "ssh_public": _without_comment(login), "fingerprint": fingerprint}).encode(),
        )

    def partner(self) -> Partner | None:
        """The trusted partner as of now: it may change while the simulator runs."""
        try:
            return Partner(**json.loads((self.path / "partner.json").read_text()))
        except FileNotFoundError:
            return None

    def openpgp_public(self) -> bytes:
        """The simulator's OpenPGP key, armoured, for the partner to import."""
        return openpgp.wait_for(openpgp.export_key(self.gnupg, self.fingerprint))

    async def stranger(self) -> str:
        """Fingerprint of a second key that no partner pins, made when it is first needed."""
        kept = self.path / "stranger.json"
        if not kept.exists():
            with openpgp.short_path(self.gnupg) as gnupg:
                made = await openpgp.make_key(gnupg, "Stranger (simulator, testing only) <stranger@example.com>")
            _replace(kept, json.dumps(made).encode())
        return str(json.loads(kept.read_text()))

    @property
    def host_key(self) -> str:
        """The SSH host key as a partner pins it: `ssh-ed25519 AAAA…`."""
        return _without_comment((self.path / "host_key.pub").read_text())

    @property
    def host_key_file(self) -> Path:
        return self.path / "host_key"

    @property
    def files(self) -> Path:
        """What the partner sees over SFTP."""
        return self.path / "files"

    @property
    def to_provider(self) -> Path:
        return self.files / TO_PROVIDER

    @property
    def from_provider(self) -> Path:
        return self.files / FROM_PROVIDER

    @property
    def arrived(self) -> Path:
        """Requests that were taken and are not yet dealt with."""
        return self.path / "arrived"

    @property
    def processed(self) -> Path:
        return self.path / "processed"

    @property
    def sent(self) -> Path:
        """A copy of every answer, as it was sent."""
        return self.path / "sent"

    @property
    def hostile(self) -> Path:
        """What a partner gets who follows a hostile name of a listing."""
        return self.path / "hostile"

    @property
    def gnupg(self) -> Path:
        return self.path / "gnupg"

    @property
    def database(self) -> Path:
        return self.path / "simulator.db"

    @property
    def plan(self) -> Path:
        """The behaviour plan; rewriting it changes a running simulator."""
        return self.path / "plan.toml"

    @property
    def ready(self) -> Path:
        """Host, port and keys as JSON while the simulator runs."""
        return self.path / "ready.json"

    @property
    def last_port(self) -> int:
        """The port of the last run, 0 if there was none."""
        kept = self.path / "port"
        return int(kept.read_text()) if kept.exists() else 0

    def remember_port(self, port: int) -> None:
        _replace(self.path / "port", str(port).encode())

    def announce(self, facts: dict[str, str | int]) -> str:
        """Write `ready.json`; returns its one line."""
        line = json.dumps(facts)
        _replace(self.ready, line.encode() + b"\n")
        return line


def _make(path: Path, name: str) -> None:
    """Keys and folders; the identity is written last, so that a half-made home is made again."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    for folder in _FOLDERS:
        (path / folder).mkdir(mode=0o700, exist_ok=True)
    host_key = asyncssh.generate_private_key("ssh-ed25519", comment=f"{name} simulator")
    _replace(path / "host_key", host_key.export_private_key())
    _replace(path / "host_key.pub", host_key.export_public_key())
    fingerprint = openpgp.wait_for(_own_key(path / "gnupg", name))
    _replace(path / "identity.json", json.dumps({"name": name, "fingerprint": fingerprint}).encode())


async def _own_key(home: Path, name: str) -> str:
    with openpgp.short_path(home) as gnupg:
        try:
            return await openpgp.make_key(gnupg, f"{name} (simulator, testing only) <{name}@example.com>")
        finally:
            await openpgp.kill_agent(gnupg)


def _replace(path: Path, data: bytes) -> None:
    """Write a 0600 file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    part.replace(path)


def _without_comment(public_key: str) -> str:
    return " ".join(public_key.split()[:2])
