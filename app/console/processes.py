"""Child processes that never outlive us: each in a session of its own, stopped as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Child:
    """One long-running command; its output is appended to `log` (mode 0600)."""

    def __init__(self, name: str, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._argv = tuple(argv)
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, also again after it ended."""
        descriptor = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - an argument list, never a shell
                self._argv,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    @property
    def pid(self) -> int | None:
        """Process id, which is its session's id, too; None before the first start."""
        return self._process.pid if self._process else None

    @property
    def ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll() if self._process else None

    def tail(self, lines: int = 25) -> str:
        """The end of its log."""
        if not self._log.exists():
            return "(no output)"
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]) or "(no output)"

    def terminate(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def wait(self, until: float) -> None:
        """Wait for its end, at most to the monotonic moment `until`."""
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(max(0.0, until - time.monotonic()))

    def kill_session(self) -> None:
        """SIGKILL to everything that still lives in its session, then reap it."""
        if self._process is None:
            return
        for pid in session_members(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def stop_all(children: Sequence[Child], grace: float, graces: Mapping[str, float] | None = None) -> None:
    """SIGTERM to each child, up to `grace` seconds for all of them, then SIGKILL to what is left of each session.

    `graces` gives a child of that name another grace.
    """
    for child in children:
        child.terminate()
    asked = time.monotonic()
    for child in children:
        child.wait(asked + (graces or {}).get(child.name, grace))
    for child in children:
        child.kill_session()


def kill_left_over(sessions: Sequence[int], marker: str, patience: float = 5.0) -> int:
    """SIGKILL to members of these sessions whose environment holds `marker`; returns how many, when they are gone.

    The marker is the proof that a process is ours: session ids are used again some day.
    """
    killed: set[int] = set()
    until = time.monotonic() + patience
    while (left := _marked(sessions, marker)) and time.monotonic() < until:
        for pid in left - killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed |= left
        time.sleep(0.05)
    return len(killed)


def _marked(sessions: Sequence[int], marker: str) -> set[int]:
    found = set()
    for pid in [pid for session in sessions for pid in session_members(session)]:
        with contextlib.suppress(OSError):
            if marker.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.add(pid)
    return found


def session_members(session: int) -> tuple[int, ...]:
    """Processes of a session, by id.

    Airflow puts every running task into a process group of its own, so a group is not
    enough. Without a /proc (macOS) the answer is empty and only the group is reached.
    """
    found = []
    processes = Path("/proc")
    for entry in processes.iterdir() if processes.is_dir() else ():
        if entry.name.isdigit():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getsid(int(entry.name)) == session:
                    found.append(int(entry.name))
    return tuple(found)
