"""OpenPGP through python-gnupg and the system's gpg: sign-then-encrypt, and verify-then-decrypt.

gpg's verdict is taken from its raw status lines (`message_rule`), never from python-gnupg's own
summary, which is true for unsigned, foreign and doubled messages. Plaintext and ciphertext are
written to a private file beside the target and take its name only when every check has passed.
"""

from __future__ import annotations

import io
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from subprocess import Popen
from threading import Timer
from types import TracebackType
from typing import Any, Self

import gnupg

from adapters.openpgp import message_rule
from adapters.openpgp.keyring import ENVIRONMENT, OPTIONS, Home, Secret
from adapters.spool import sync
from jobs.causes import system_error
from jobs.errors import CipherUnavailable, KeyUnusable
from jobs.ports import Opened
from jobs.providers import Keys, PinnedKey

logging.getLogger("gnupg").setLevel(logging.WARNING)  # its debug lines hold the names of key owners

COMPRESSION = "none"  # 9 times faster; worth changing only below about 100 MB/s of network
_SEALING = (
    "--cipher-algo=AES256",
    "--digest-algo=SHA256",
    f"--compress-algo={COMPRESSION}",
)
_OPENING = ("--no-armor",)  # text around an armoured message would be passed over in silence


class OpenPgpCipher:
    """Implements `jobs.ports.Cipher` with the keys in the GnuPG home `home`.

    Args:
        own_key: full primary fingerprint of the key we sign with and are written to.
        archive_key: full primary fingerprint of the key that `protect_own` encrypts to. Renew both keys by a
            later expiry date: what lies in the archive opens only as long as the key that signed it is valid.
        passphrase: of both keys, None if they have none.
        timeout: how long one message may take.

    The home is opened at the first use. `close` (or the end of a `with` block) ends the agent.
    """

    def __init__(
        self,
        home: Path,
        own_key: str,
        archive_key: str,
        passphrase: Secret | None,
        timeout: timedelta = timedelta(minutes=10),
    ) -> None:
        self._path = home
        self._own_key = own_key.upper()
        self._archive_key = archive_key.upper()
        self._passphrase = passphrase
        self._timeout = timeout
        self._home: Home | None = None
        self._gpg: _Gpg | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the agent; a later use opens the home again."""
        if self._home:
            self._home.close()
        self._home = self._gpg = None

    def protect(self, plaintext: bytes, target: Path, keys: Keys, today: date) -> None:
        """Sign with our key and encrypt to the newest recipient valid on `today`; see the port.

        Raises KeyUnusable, CipherUnavailable, and FileExistsError when there is a `target`.
        """
        self._seal(plaintext, target, _newest(keys.recipients, today))

    def open(self, source: Path, target: Path, keys: Keys, today: date, limit: int) -> Opened:
        """Decrypt at most `limit` bytes into `target` if a signer valid on `today` signed it; see the port.

        Raises a MessageRefused, KeyUnusable, CipherUnavailable, and FileExistsError when there is a `target`.
        """
        allowed = {key.fingerprint.upper() for key in keys.signers if key.valid_on(today)}
        return self._unseal(source, target, allowed, limit)

    def protect_own(self, plaintext: bytes, target: Path) -> None:
        """As `protect`, to our archive key."""
        self._seal(plaintext, target, self._archive_key)

    def open_own(self, source: Path, target: Path, limit: int) -> None:
        """As `open`, for what `protect_own` made: only our own signature counts."""
        self._unseal(source, target, {self._own_key}, limit)

    def _seal(self, plaintext: bytes, target: Path, recipient: str) -> None:
        with _published(target) as part, io.BytesIO(plaintext) as stream:
            lines, returncode = self._call(
                lambda gpg, passphrase: gpg.encrypt_file(
                    stream,
                    [recipient],
                    sign=True,
                    always_trust=True,  # of a full fingerprint that a person pinned
                    passphrase=passphrase,
                    armor=False,
                    output=str(part),
                    extra_args=[*_SEALING, f"--local-user={self._own_key}"],
                )
            )
            message_rule.judge_sealed(lines, returncode)

    def _unseal(self, source: Path, target: Path, allowed: set[str], limit: int) -> Opened:
        with _published(target) as part, source.open("rb") as stream:
            lines, returncode = self._call(
                lambda gpg, passphrase: gpg.decrypt_file(
                    stream, passphrase=passphrase, output=str(part), extra_args=[*_OPENING, f"--max-output={limit}"]
                )
            )
            # gpg judges expiry by the machine's clock, so the signing time is held against the same one
            own = {self._own_key, self._archive_key}
            return message_rule.judge(lines, returncode, allowed=allowed, own=own, now=datetime.now(UTC))

    def _call(self, action: Callable[[_Gpg, str | None], object]) -> tuple[Sequence[str], int]:
        """What gpg said, line by line, and its exit code."""
        gpg = self._opened()
        unread = False
        try:
            action(gpg, self._revealed())
        except BrokenPipeError:
            unread = True  # gpg ended before it had read everything; what it said tells why
        except ValueError:
            raise KeyUnusable("the passphrase holds a line break") from None
        finally:
            gpg.timer.cancel()
        if gpg.late:
            raise CipherUnavailable("gpg did not end in time", seconds=self._timeout.total_seconds())
        if gpg.output.returncode is None:
            raise CipherUnavailable("gpg did not run to its end")
        returncode = gpg.output.returncode or int(unread)
        # not splitlines: it also breaks at bytes that occur inside the names of key owners
        return gpg.output.stderr.split("\n"), returncode

    def _opened(self) -> _Gpg:
        if self._gpg is None:
            self._home = self._home or Home(self._path)
            self._home.run("--list-secret-keys", self._own_key)
            self._gpg = _Gpg(self._home, self._timeout)
        return self._gpg

    def _revealed(self) -> str | None:
        """The passphrase so that python-gnupg, which encodes Latin-1, sends its UTF-8 bytes."""
        revealed = self._passphrase.reveal() if self._passphrase else ""
        return revealed.encode().decode("latin-1") or None


class _Output:
    """Takes the place of python-gnupg's results: keeps what gpg said and draws no conclusions."""

    def __init__(self, gpg: _Gpg) -> None:
        self.returncode: int | None = None
        self.stderr = ""
        self.data = b""
        gpg.output = self

    def handle_status(self, key: str, value: str) -> None:
        """The lines are read from `stderr`."""


class _Gpg(gnupg.GPG):  # type: ignore[misc]  # python-gnupg has no types
    """python-gnupg with raw results and a time limit."""

    result_map = {**gnupg.GPG.result_map, "crypt": _Output}  # noqa: RUF012  # the base class declares it so
    buffer_size = 1 << 20

    def __init__(self, home: Home, timeout: timedelta) -> None:
        self.output: _Output
        self.timer: Timer
        self.late = False
        self._timeout = timeout
        try:
            super().__init__(str(home.program), str(home.path), env=ENVIRONMENT, options=list(OPTIONS))
        except (OSError, ValueError):
            raise CipherUnavailable("gpg did not start") from None
        finally:
            self.timer.cancel()

    def _open_subprocess(self, args: list[str], passphrase: bool = False) -> Any:
        process = super()._open_subprocess(args, passphrase)
        self.late = False
        self.timer = Timer(self._timeout.total_seconds(), self._end, [process])
        self.timer.daemon = True
        self.timer.start()
        return process

    def _end(self, process: Popen[bytes]) -> None:
        self.late = True
        process.kill()


def _newest(recipients: Sequence[PinnedKey], today: date) -> str:
    valid = [key for key in recipients if key.valid_on(today)]
    if not valid:
        raise KeyUnusable("no recipient key is valid today", day=today.isoformat())
    return max(valid, key=lambda key: key.valid_from or date.min).fingerprint.upper()


@contextmanager
def _published(target: Path) -> Iterator[Path]:
    """A private file beside `target` that gets its name, durably, when the block ends well."""
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield part
        sync(part)
        os.link(part, target)  # unlike a rename it never replaces a file
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        raise system_error(error, "the file gpg writes") from error
    finally:
        part.unlink(missing_ok=True)
    sync(target.parent)
