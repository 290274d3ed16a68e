"""What the simulator's tests share: a partner with keys, and a simulator in a thread."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import paramiko
import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from formats.generic import reader, writer
from formats.generic.layout import REQUEST_DETAIL, Interface
from formats.generic.model import Header, Read
from simulator import SimulatorHome, serve

T = TypeVar("T")
MOMENT = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
ORDER_LINE = {
    "order_id": "SO-1",
    "request_type": "OR",
    "order_date": "2026-03-01T09:00:00Z",
    "customer_id": "ORG-77",
    "po_number": "PO-9",
    "delivery_number": "DL-1",
    "ship_date": "2026-03-02T09:00:00Z",
}


def line(serial: str, **cells: str) -> dict[str, str]:
    """One order line; `cells` replace or (with an empty text) clear what `ORDER_LINE` says."""
    return {**ORDER_LINE, "serial_number": serial, **cells}


def void_line(serial: str, **cells: str) -> dict[str, str]:
    return line(serial, request_type="VD", delivery_number="", ship_date="", **cells)


def request_bytes(lines: Sequence[Mapping[str, str]], sequence: int = 1, batch: str = "") -> bytes:
    """The plaintext of a request, by the product's writer."""
    header = Header(
        Interface.REQUEST,
        sequence,
        batch or f"ACME-{sequence:06d}",
        sequence,
        "acme",
        MOMENT,
        MOMENT,
        f"acme-OUT-{sequence:06d}.pgp",
    )
    names = [name for name in REQUEST_DETAIL.names if name not in ("record_type", "line_number")]
    columns = {name: pa.array([cells.get(name) or None for cells in lines], pa.string()) for name in names}
    return writer.write(header, pa.table(columns)).data


class Partner:
    """The other side: its own gpg home and SSH key."""

    def __init__(self, gnupg: Path) -> None:
        self.gnupg = gnupg
        self._gpg("--passphrase", "", "--quick-generate-key", "muster <muster@example.com>", "ed25519", "sign", "never")
        listed = self._gpg("--with-colons", "--list-secret-keys").decode().splitlines()
        self.fingerprint = next(row.split(":")[9] for row in listed if row.startswith("fpr"))
        self._gpg("--passphrase", "", "--quick-add-key", self.fingerprint, "cv25519", "encr", "never")
        self.public = self._gpg("--armor", "--export", self.fingerprint)
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        self.ssh_private = pem.decode()
        self.ssh_key = paramiko.Ed25519Key(file_obj=io.StringIO(self.ssh_private))
        self.ssh_public = f"ssh-ed25519 {self.ssh_key.get_base64()}"

    def _gpg(self, *arguments: str, data: bytes = b"", check: bool = True) -> bytes:
        command = ["gpg", "--homedir", str(self.gnupg), "--batch", "--no-tty", "--pinentry-mode", "loopback"]
        command += ["--trust-model", "always", *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=check).stdout

    def meet(self, home: SimulatorHome) -> None:
        """Each side learns the other's public key."""
        home.trust(self.public, self.ssh_public)
        self._gpg("--import", data=home.openpgp_public())

    def protect(self, plaintext: bytes, home: SimulatorHome, sign: bool = True) -> bytes:
        signing = ("--local-user", self.fingerprint, "--sign") if sign else ()
        return self._gpg(*signing, "--recipient", home.fingerprint, "--encrypt", data=plaintext)

    def open(self, message: bytes) -> tuple[bytes, str]:
        """Plaintext (b"" if it cannot be opened) and the signer's primary fingerprint ("" if unsigned)."""
        command = ["gpg", "--homedir", str(self.gnupg), "--batch", "--no-tty", "--status-fd", "2", "--decrypt"]
        ended = subprocess.run(command, input=message, capture_output=True, check=False)
        status = ended.stderr.decode().splitlines()
        signers = [row.split()[-1] for row in status if row.startswith(("[GNUPG:] VALIDSIG", "[GNUPG:] ERRSIG"))]
        plaintext = ended.stdout if "[GNUPG:] DECRYPTION_OKAY" in status else b""
        return plaintext, (signers[0] if signers else "")

    @contextmanager
    def sftp(self, home: SimulatorHome, port: int, user: str = "muster") -> Iterator[paramiko.SFTPClient]:
        """A session with the pinned host key."""
        with paramiko.SSHClient() as client:
            kind, blob = home.host_key.split()
            key = paramiko.PKey.from_type_string(kind, base64.b64decode(blob))
            client.get_host_keys().add(f"[127.0.0.1]:{port}", kind, key)
            options = {"look_for_keys": False, "allow_agent": False, "timeout": 10, "auth_timeout": 10}
            client.connect("127.0.0.1", port, user, pkey=self.ssh_key, **options)
            with client.open_sftp() as sftp:
                sftp.get_channel().settimeout(10)
                yield sftp


@contextmanager
def new_partner() -> Iterator[Partner]:
    """A partner whose gpg home is short enough for the agent's socket."""
    gnupg = Path(tempfile.mkdtemp(dir="/tmp", prefix="g"))
    try:
        yield Partner(gnupg)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(gnupg), "--kill", "all"], check=False)
        shutil.rmtree(gnupg, ignore_errors=True)


class Bench:
    """A simulator in a thread, and a partner that talks to it. Restart it with `start`."""

    def __init__(self, home: SimulatorHome, partner: Partner) -> None:
        self.home = home
        self.partner = partner
        self.port = 0
        self._sequence = 0

    @contextmanager
    def running(self, plan: str = "") -> Iterator[None]:
        """Serve while the block lasts; the plan is a TOML text."""
        self.plan(plan)
        ready = threading.Event()
        handle: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

        def is_ready(port: int) -> None:
            self.port = port
            ready.set()

        async def work() -> None:
            task = asyncio.create_task(serve(self.home, "127.0.0.1", 0, None, is_ready))
            handle.append((asyncio.get_running_loop(), task))
            await asyncio.gather(task, return_exceptions=True)
            if not task.cancelled() and task.exception():
                raise task.exception() or AssertionError

        thread = threading.Thread(target=asyncio.run, args=(work(),))
        thread.start()
        try:
            assert ready.wait(20), "the simulator did not start"
            yield
        finally:
            loop, task = handle[0]
            if thread.is_alive():
                loop.call_soon_threadsafe(task.cancel)
            thread.join(20)
            assert not thread.is_alive()

    def plan(self, text: str = "") -> None:
        """Put a plan in force; requests are taken at once unless it says otherwise."""
        settle = "" if "settle_seconds" in text else "settle_seconds = 0\n"
        part = self.home.plan.with_name("plan.part")
        part.write_text(settle + text)
        part.replace(self.home.plan)

    def sftp(self) -> AbstractContextManager[paramiko.SFTPClient]:
        return self.partner.sftp(self.home, self.port)

    def send(self, lines: Sequence[Mapping[str, str]], batch: str = "", name: str = "") -> str:
        """Upload one request as the product does; returns its final name."""
        self._sequence += 1
        data = request_bytes(lines, self._sequence, batch)
        return self.send_message(self.partner.protect(data, self.home), name or f"acme-OUT-{self._sequence:06d}.pgp")

    def send_message(self, message: bytes, name: str) -> str:
        with self.sftp() as sftp:
            sftp.putfo(io.BytesIO(message), f"to_provider/{name}.part")
            sftp.posix_rename(f"to_provider/{name}.part", f"to_provider/{name}")
        return name

    def wait_names(self, count: int) -> list[str]:
        """Names of the answers, once there are at least `count`."""
        return wait_for(self._answers, count)

    def wait_event(self, event: str, count: int = 1) -> list[dict[str, str]]:
        return wait_for(lambda: self.events(event), count)

    def events(self, event: str) -> list[dict[str, str]]:
        with closing(sqlite3.connect(self.home.database, timeout=10)) as connection:
            rows = connection.execute("SELECT file, facts FROM events WHERE event = ? ORDER BY id", (event,))
            return [{"file": file, **json.loads(facts)} for file, facts in rows]

    def fetch(self, name: str) -> bytes:
        with self.sftp() as sftp, sftp.open(f"from_provider/{name}") as file:
            return file.read()

    def read(self, name: str) -> Read:
        """One answer: signed by the simulator, read by the product's reader without findings."""
        plaintext, signer = self.partner.open(self.fetch(name))
        assert signer == self.home.fingerprint
        answer = reader.read(plaintext, Interface.RESPONSE)
        assert answer.findings == []
        assert answer.header.external_file_name == name
        return answer

    def ask(self, lines: Sequence[Mapping[str, str]]) -> list[tuple[str, str, str]]:
        """Send a request and wait for its answer: (level, outcome, code) of each record."""
        before = set(self._answers())
        self.send(lines)
        (name,) = set(self.wait_names(len(before) + 1)) - before
        return records(self.read(name))

    def _answers(self) -> list[str]:
        return sorted(path.name for path in self.home.from_provider.glob("*.pgp"))


def wait_for(look: Callable[[], list[T]], count: int, seconds: float = 15.0) -> list[T]:
    """What `look` finds, once that is at least `count` things."""
    end = time.monotonic() + seconds
    while len(seen := look()) < count:
        assert time.monotonic() < end, f"waited in vain for {count}, saw {seen}"
        time.sleep(0.05)
    return seen


def records(answer: Read) -> list[tuple[str, str, str]]:
    rows = answer.details.select(["level", "outcome", "provider_code"]).to_pylist()
    return [(row["level"], row["outcome"], row["provider_code"] or "") for row in rows]
