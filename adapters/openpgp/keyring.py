"""GnuPG homes and their keys: opening a home safely; making, importing and listing keys."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from adapters.openpgp import message_rule
from jobs.errors import CipherUnavailable, GpgMissing, KeyUnusable

OPTIONS = (
    "--no-auto-key-locate",  # an unknown recipient would be looked up on the network
    "--no-auto-key-retrieve",
    "--disable-dirmngr",
    "--no-auto-check-trustdb",
    "--pinentry-mode=loopback",
    "--weak-digest=SHA1",
)
_PATH_LIMIT = 86  # bytes; beyond it the agent's socket does not fit where /run/user is missing
_LOCK = "muster.lock"
ENVIRONMENT = {"LC_ALL": "C"}  # messages in English, and nothing inherited

_AGENT_SETTINGS = """\
# Many messages at a time need more secret memory than the agent's default.
auto-expand-secmem 0x400000
# A remembered passphrase would make any wrong one right.
default-cache-ttl 0
max-cache-ttl 0
"""
_NAME = re.compile(r"[^<>\x00-\x1f\x7f]+")
_EMAIL = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


class Secret(Protocol):
    """A secret that shows itself only on demand."""

    def reveal(self) -> str: ...


class Home:
    """An opened GnuPG home: ours alone, under a path short enough for the agent's socket.

    Every user holds a shared lock; the last one out ends the agent, so that a run that ends
    does not take the agent from one that is at work.

    Raises:
        KeyUnusable: the folder is missing, not ours, or open to others.
        GpgMissing: gpg is not installed.
    """

    def __init__(self, path: Path) -> None:
        _must_be_private(path)
        self.program = _program("gpg")
        self._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        try:
            self.path = _short(path.resolve())
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def run(self, *arguments: str, data: bytes = b"", timeout: timedelta = timedelta(seconds=30)) -> bytes:
        """gpg's output for `arguments`, with `data` as its input.

        Raises:
            KeyUnusable: gpg refused.
            CipherUnavailable: this machine's fault, or gpg took longer than `timeout`, such as for a lock left
                by another machine.
        """
        command = [str(self.program), "--homedir", str(self.path), "--batch", "--no-tty", *OPTIONS, *arguments]
        try:
            done = _run(command, data, timeout)
        except subprocess.TimeoutExpired:
            raise CipherUnavailable("gpg did not end in time", seconds=timeout.total_seconds()) from None
        if done.returncode != 0:
            said = done.stderr.decode("ascii", "backslashreplace").strip().split("\n")
            raise message_rule.local_fault(said, done.returncode) or KeyUnusable("gpg refused the key", gpg=said[-1])
        return done.stdout

    def close(self) -> None:
        """End the agent, unless another process works with this home."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            _run([str(_program("gpgconf")), "--homedir", str(self.path), "--kill", "all"], b"", timedelta(seconds=30))
            if self.path.is_symlink():
                shutil.rmtree(self.path.parent)
        finally:
            os.close(self._lock)


@dataclass(frozen=True)
class KeyInfo:
    """One primary key. `fingerprint` is the full one; what may be done counts valid subkeys, too."""

    fingerprint: str
    user_id: str
    created: datetime
    expires: datetime | None
    can_encrypt: bool
    can_sign: bool
    secret: bool
    revoked: bool
    encryption_expires: datetime | None  # of the newest encryption subkey


def create_home(path: Path) -> None:
    """Make a GnuPG home (0700) with the agent's settings; one that exists keeps what it has.

    Raises KeyUnusable when an existing folder is not ours alone.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Home(path):
        settings = path / "gpg-agent.conf"
        if not settings.exists():
            settings.write_text(_AGENT_SETTINGS)
            settings.chmod(0o600)


def generate(
    home: Path, name: str, email: str, passphrase: Secret | None, validity: timedelta = timedelta(days=730)
) -> str:
    """Make an Ed25519 key (certify, sign) with a Curve25519 encryption subkey; returns its fingerprint.

    Raises KeyUnusable for a name, address or passphrase that is none, CipherUnavailable as `Home.run`.
    """
    phrase = passphrase.reveal() if passphrase else ""
    if "\n" in phrase:
        raise KeyUnusable("the passphrase holds a line break")
    if not _NAME.fullmatch(name) or not _EMAIL.fullmatch(email):
        raise KeyUnusable("a key needs an owner's name and an e-mail address")
    secret = ("--passphrase-fd=0", "--yes")
    line = f"{phrase}\n".encode()
    expiry = f"{validity.days}d"
    with Home(home) as opened:
        key = ("--", f"{name} <{email}>", "ed25519", "sign", expiry)
        status = opened.run(*secret, "--status-fd=1", "--quick-generate-key", *key, data=line)
        fingerprint = _created(status)
        opened.run(*secret, "--quick-add-key", fingerprint, "cv25519", "encrypt", expiry, data=line)
    return fingerprint


def import_public(
    home: Path, data: bytes, expected_fingerprint: str, timeout: timedelta = timedelta(seconds=30)
) -> None:
    """Import the one public key in `data`, armoured or binary, if it is the expected one.

    Args:
        expected_fingerprint: the full primary fingerprint as a person got it by another way; blanks are ignored.

    Raises:
        KeyUnusable: another key, several keys, a secret key or no key at all; nothing was imported.
        CipherUnavailable: gpg took longer than `timeout`, such as for a lock left by another machine.
    """
    expected = "".join(expected_fingerprint.split()).upper()
    with Home(home) as opened:
        show = ("--with-colons", "--fixed-list-mode", "--import-options=show-only", "--import")
        found = list(_parse(opened.run(*show, data=data, timeout=timeout)))
        if [key.fingerprint for key in found] != [expected] or found[0].secret:
            fingerprints = " ".join(key.fingerprint for key in found)
            raise KeyUnusable("the data does not hold exactly the expected public key", found=fingerprints)
        opened.run("--import", data=data, timeout=timeout)


def export_public(home: Path, fingerprint: str) -> bytes:
    """The public key, ASCII-armoured, to hand to a partner. Raises KeyUnusable when there is none."""
    with Home(home) as opened:
        exported = opened.run("--armor", "--export-options=export-minimal", "--export", fingerprint)
    if not exported:
        raise KeyUnusable("there is no such key", fingerprint=fingerprint)
    return exported


def list_keys(home: Path) -> list[KeyInfo]:
    """Every key of the home. Raises KeyUnusable or CipherUnavailable as `Home`."""
    with Home(home) as opened:
        return list(_parse(opened.run("--with-colons", "--fixed-list-mode", "--with-secret", "--list-keys")))


def _created(status: bytes) -> str:
    """`[GNUPG:] KEY_CREATED P <fingerprint>`"""
    found = re.search(rb"^\[GNUPG:\] KEY_CREATED \w ([0-9A-F]+)", status, re.MULTILINE)
    if found is None:
        raise KeyUnusable("gpg made no key")
    return found[1].decode()


def _parse(listing: bytes) -> Iterator[KeyInfo]:
    """gpg's colon listing (GnuPG's doc/DETAILS), one key per `pub` or `sec` record."""
    key: KeyInfo | None = None
    newest = ""
    # not splitlines: it also breaks at bytes that occur inside the names of key owners
    for line in listing.split(b"\n"):
        fields = line.split(b":")
        if fields[0] in (b"pub", b"sec"):
            if key:
                yield key
            key, newest = _key(fields), ""
        elif key:
            key, newest = _add(key, newest, fields)
    if key:
        yield key


def _key(fields: list[bytes]) -> KeyInfo:
    return KeyInfo(
        fingerprint="",
        user_id="",
        created=datetime.fromtimestamp(int(fields[5]), UTC),
        expires=_time(fields[6]),
        can_encrypt=b"E" in fields[11],
        can_sign=b"S" in fields[11],
        secret=fields[0] == b"sec" or fields[14:15] == [b"+"],
        revoked=fields[1] == b"r",
        encryption_expires=None,
    )


def _add(key: KeyInfo, newest: str, fields: list[bytes]) -> tuple[KeyInfo, str]:
    """`key` with what its next record says; `newest` is the creation time of its newest encryption subkey."""
    kind = fields[0]
    if kind == b"fpr" and not key.fingerprint:
        return replace(key, fingerprint=fields[9].decode("ascii")), newest
    if kind == b"uid" and not key.user_id:
        return replace(key, user_id=_text(fields[9])), newest
    if kind in (b"sub", b"ssb") and b"e" in fields[11] and fields[1] != b"r":
        created = fields[5].decode().zfill(12)
        if created >= newest:
            return replace(key, encryption_expires=_time(fields[6])), created
    return key, newest


def _time(field: bytes) -> datetime | None:
    return datetime.fromtimestamp(int(field), UTC) if field else None


def _text(field: bytes) -> str:
    raw = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), field)
    return raw.decode("utf-8", "replace")


def _must_be_private(path: Path) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise KeyUnusable("the GnuPG home does not exist", home=str(path)) from None
    if found.st_uid != os.geteuid() or found.st_mode & 0o077 or not path.is_dir():
        raise KeyUnusable("the GnuPG home must be a folder of ours with mode 0700", home=str(path))


def _short(home: Path) -> Path:
    """`home`, or an alias in a private folder if its path is too long for the agent's socket."""
    if len(os.fsencode(home)) <= _PATH_LIMIT:
        return home
    # one alias for all processes: they share the agent, which keeps to the path it was started with
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"muster-{os.geteuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    alias = folder / "home"
    if folder.is_symlink() or len(os.fsencode(alias)) > _PATH_LIMIT:
        raise KeyUnusable("the path of the GnuPG home is too long and has no short alias", home=str(home))
    _must_be_private(folder)
    try:
        alias.symlink_to(home)
    except FileExistsError:
        if alias.readlink() != home:
            raise KeyUnusable("the alias of the GnuPG home leads elsewhere", alias=str(alias)) from None
    return alias


def _program(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise GpgMissing(f"{name} is not installed")
    return Path(found)


def _run(command: list[str], data: bytes, timeout: timedelta) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603  # arguments are a list of our own making, no shell
        command, input=data, capture_output=True, timeout=timeout.total_seconds(), env=ENVIRONMENT, check=False
    )
