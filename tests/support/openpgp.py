"""Real keys and messages: one `Party` per owner of a GnuPG home, made by plain gpg.

`party(name)` makes it once per test process; all homes and agents go when the process ends.
Nothing here uses the code under test.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.machine import need

_AGENT = "auto-expand-secmem 0x400000\ndefault-cache-ttl 0\nmax-cache-ttl 0\n"


class Phrase:
    """A passphrase as the adapters take it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text


@dataclass(frozen=True)
class Party:
    """The owner of a GnuPG home. `fingerprint` is the primary key's full one."""

    home: Path
    fingerprint: str
    passphrase: str | None

    @property
    def secret(self) -> Phrase | None:
        return None if self.passphrase is None else Phrase(self.passphrase)

    def gpg(self, *arguments: str, data: bytes = b"") -> bytes:
        """Output of plain gpg in this home; `data` is its input."""
        return _gpg(self.home, *arguments, data=data, passphrase=self.passphrase).stdout

    def status(self, *arguments: str, data: bytes = b"") -> str:
        """gpg's status lines and messages."""
        return _gpg(self.home, "--status-fd=2", *arguments, data=data, passphrase=self.passphrase).stderr.decode()

    def export(self) -> bytes:
        """Our public key."""
        return self.gpg("--export", self.fingerprint)

    def knows(self, other: Party) -> None:
        """Import the other party's public key."""
        self.import_key(other.export())

    def import_key(self, data: bytes) -> None:
        self.gpg("--import", data=data)

    def sign_encrypt(self, text: bytes, to: Party, *options: str) -> bytes:
        """One signed and encrypted binary message."""
        return self.gpg(*options, "--local-user", self.fingerprint, "-r", to.fingerprint, "-s", "-e", data=text)

    def encrypt(self, text: bytes, to: Party, *options: str) -> bytes:
        return self.gpg(*options, "-r", to.fingerprint, "-e", data=text)

    def sign(self, text: bytes, *options: str) -> bytes:
        return self.gpg(*options, "--local-user", self.fingerprint, "-s", data=text)

    def decrypt(self, message: bytes) -> tuple[bytes, str]:
        """The text and gpg's status lines."""
        done = _gpg(self.home, "--status-fd=2", "-d", data=message, passphrase=self.passphrase)
        return done.stdout, done.stderr.decode()


def new_party(name: str, passphrase: str | None = None, *, expires: str = "2y", made_at: str = "") -> Party:
    """A new key: Ed25519, Curve25519 encryption subkey. `made_at` (20260101T000000) sets gpg's clock."""
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="g"))
    atexit.register(_remove, home)
    (home / "gpg-agent.conf").write_text(_AGENT)
    clock = [f"--faked-system-time={made_at}"] if made_at else []
    user = f"{name} <{name.replace(' ', '.')}@example.com>"
    _gpg(home, *clock, "--quick-generate-key", user, "ed25519", "sign", expires, passphrase=passphrase or "")
    listing = _gpg(home, "--with-colons", "--list-keys").stdout.decode()
    fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
    _gpg(home, *clock, "--quick-add-key", fingerprint, "cv25519", "encrypt", expires, passphrase=passphrase or "")
    return Party(home, fingerprint, passphrase)


@functools.cache
def party(name: str, passphrase: str | None = None) -> Party:
    """The party of that name, the same one for the whole test process."""
    return new_party(name, passphrase)


def acquaint(*parties: Party) -> None:
    """Give every party the public key of every other."""
    for one in parties:
        for other in parties:
            if one is not other:
                one.knows(other)


def _gpg(
    home: Path, *arguments: str, data: bytes = b"", passphrase: str | None = None
) -> subprocess.CompletedProcess[bytes]:
    options = ["--batch", "--yes", "--no-tty", "--pinentry-mode=loopback", "--trust-model=always", "--disable-dirmngr"]
    if passphrase is not None:
        options.append("--passphrase-fd=0")
        data = f"{passphrase}\n".encode() + data
    command = [str(need("gpg")), "--homedir", str(home), *options, *arguments]
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done


def _remove(home: Path) -> None:
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
    shutil.rmtree(home, ignore_errors=True)
