"""The simulator's OpenPGP: plain `gpg` in a child process, judged by its status lines alone.

A home whose path is too long for the agent's socket (86 bytes) is reached through a
short private alias, see `short_path`.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from simulator.errors import CipherFailed, MessageRefused

T = TypeVar("T")

_LONGEST_HOME = 86
_LARGEST_PLAINTEXT = 500_000_000
_OPTIONS = (
    *("--batch", "--no-tty", "--no-options", "--status-fd", "2", "--log-file", os.devnull),
    *("--pinentry-mode", "loopback", "--trust-model", "always", "--no-auto-check-trustdb"),
    *("--no-auto-key-locate", "--no-auto-key-retrieve", "--disable-dirmngr", "--weak-digest", "SHA1"),
    *("--max-output", str(_LARGEST_PLAINTEXT)),
)
_EXACTLY_ONCE = ("DECRYPTION_OKAY", "GOODMDC", "PLAINTEXT", "NEWSIG", "GOODSIG", "VALIDSIG")
_NEVER = {
    *("BADSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "KEYREVOKED", "ERRSIG"),
    *("NODATA", "BADMDC", "UNEXPECTED", "DECRYPTION_FAILED", "FAILURE"),
}


@dataclass(frozen=True)
class _Ended:
    """How one gpg call ended: exit code, standard output, status lines without their prefix."""

    code: int
    output: bytes
    status: tuple[tuple[str, ...], ...]

    def first(self, keyword: str) -> tuple[str, ...]:
        """The words of the first status line of that keyword. Raises CipherFailed without one."""
        for words in self.status:
            if words[0] == keyword:
                return words
        raise CipherFailed(f"gpg ended with {self.code}: {self.words()}")

    def words(self) -> str:
        return " ".join(words[0] for words in self.status) or "no status"


@contextmanager
def short_path(home: Path) -> Iterator[Path]:
    """A path of `home` short enough for the agent's socket, for as long as the block lasts."""
    if len(os.fsencode(home.absolute())) <= _LONGEST_HOME:
        yield home
        return
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="s") as alias:
        link = Path(alias) / "g"
        link.symlink_to(home.absolute(), target_is_directory=True)
        yield link


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, for callers that may or may not be inside an event loop."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()


async def make_key(home: Path, user_id: str) -> str:
    """A signing key with an encryption subkey, without passphrase; returns its fingerprint."""
    blank = ("--passphrase", "")
    made = await _gpg(home, (*blank, "--quick-generate-key", user_id, "ed25519", "sign", "never"))
    fingerprint = made.first("KEY_CREATED")[2]
    subkey = await _gpg(home, (*blank, "--quick-add-key", fingerprint, "cv25519", "encr", "never"))
    subkey.first("KEY_CREATED")
    return fingerprint


async def export_key(home: Path, fingerprint: str) -> bytes:
    """The public key, armoured."""
    return (await _gpg(home, ("--no-autostart", "--armor", "--export", fingerprint))).output


async def import_key(home: Path, public: bytes) -> str:
    """Import exactly one public key; returns its primary fingerprint."""
    ended = await _gpg(home, ("--no-autostart", "--import"), public)
    found = {words[2] for words in ended.status if words[0] == "IMPORT_OK"}
    if len(found) != 1:
        raise CipherFailed(f"expected one public key, found {len(found)}")
    return found.pop()


async def open_message(home: Path, message: bytes, signer: str) -> bytes:
    """The plaintext of `message`, if it is one good signature by `signer`, encrypted to us.

    Raises MessageRefused: gpg's exit code alone accepts unsigned messages.
    """
    ended = await _gpg(home, ("--decrypt",), message)
    seen = Counter(words[0] for words in ended.status)
    if ended.code != 0 or any(seen[keyword] != 1 for keyword in _EXACTLY_ONCE) or _NEVER & seen.keys():
        raise MessageRefused(f"gpg ended with {ended.code}: {ended.words()}")
    if ended.first("VALIDSIG")[-1] != signer:
        raise MessageRefused("signed by a key that is not the partner's")
    return ended.output


async def protect(home: Path, plaintext: bytes, signer: str | None, recipient: str) -> bytes:
    """Sign (unless `signer` is None), then encrypt: one binary message. Raises CipherFailed."""
    signing = () if signer is None else ("--local-user", signer, "--sign")
    ciphers = ("--cipher-algo", "AES256", "--digest-algo", "SHA256", "--compress-algo", "none")
    ended = await _gpg(home, (*ciphers, *signing, "--recipient", recipient, "--encrypt"), plaintext)
    ended.first("END_ENCRYPTION")
    if ended.code != 0:
        raise CipherFailed(f"gpg ended with {ended.code}: {ended.words()}")
    return ended.output


async def kill_agent(home: Path) -> None:
    """End the agent that gpg started for this home."""
    child = await asyncio.create_subprocess_exec(
        "gpgconf", "--homedir", str(home), "--kill", "all", stderr=asyncio.subprocess.DEVNULL
    )
    await child.wait()


async def _gpg(home: Path, arguments: Sequence[str], data: bytes = b"") -> _Ended:
    try:
        child = await asyncio.create_subprocess_exec(
            *("gpg", "--homedir", str(home), *_OPTIONS, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as missing:
        raise CipherFailed("gpg is not installed") from missing
    output, status = await child.communicate(data)
    lines = status.decode("utf-8", "replace").split("\n")
    words = tuple(tuple(line.split()[1:]) for line in lines if line.startswith("[GNUPG:] "))
    return _Ended(child.returncode or 0, output, words)
