"""Names this process as the owner of leases and runs, and knows which owners are dead.

A host name and a process number are no name: a container that is started again has both once more. Boot, PID
namespace and start time tell processes of one kernel apart. What happens in another namespace cannot be seen from
here, but a lock can: each owner holds one on a file in the workspace, and the kernel lets go of it whatever ends the
process.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

_HOST_LENGTH = 60  # so that a name fits into its column (120)
_LEFT_OVER = timedelta(days=1)  # longer than anybody asks for a lease or a run of the dead
_PROC = Path("/proc")
_ENDED = "ZX"  # states of a process that nobody has waited for yet


class LeaseOwner:
    """This process. `name` is `host:pid:token:start:boot:namespace`; before there were three parts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(folder)
        token = secrets.token_hex(4)
        self._lock = os.open(folder / token, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        parts = (_host(), str(os.getpid()), token, _start_of(os.getpid()), *_kernel())
        self.name = ":".join(parts)

    def close(self) -> None:
        """The process goes on, and owns nothing any more."""
        (self._folder / self.name.split(":")[2]).unlink(missing_ok=True)
        os.close(self._lock)

    def is_dead(self, owner: str) -> bool:
        """True only if the owner is gone for certain; any other's lease ends by its term."""
        parts = owner.split(":")
        if len(parts) == 3:
            return parts[0] == socket.gethostname() and _is_gone(parts[1], "")
        if len(parts) != 6:
            return False
        host, pid, token, start, boot, namespace = parts
        if (boot, namespace) == _kernel():
            return (bool(boot) or host == _host()) and _is_gone(pid, start)
        # another namespace of this kernel, or this host before it was started again
        return (boot == _kernel()[0] or host == _host()) and _is_unlocked(self._folder / token)


def _host() -> str:
    return socket.gethostname().replace(":", "-")[:_HOST_LENGTH]


def _kernel() -> tuple[str, str]:
    """This boot, and this PID namespace of it; empty where the system does not tell."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().replace("-", "")[:12]
        return boot, str((_PROC / "self/ns/pid").stat().st_ino)
    except OSError:
        return "", ""


def _stat(pid: int) -> list[str]:
    """State, …, start time (20th) of a process; empty if it cannot be seen. Its name may hold anything."""
    try:
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _start_of(pid: int) -> str:
    return (_stat(pid) or [""] * 20)[19]


def _is_gone(pid: str, start: str) -> bool:
    """Whether no process of this namespace has the number, or another one has it by now."""
    if not pid.isdigit() or int(pid) == 0:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    seen = _stat(int(pid))
    return bool(seen) and (seen[0] in _ENDED or (bool(start) and seen[19] != start))


def _is_unlocked(path: Path) -> bool:
    """Whether the file is there and nobody holds it. Without it nothing is known: it may lie in another workspace."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _sweep(folder: Path) -> None:
    """Remove what owners left that were killed long ago."""
    before = time.time() - _LEFT_OVER.total_seconds()
    for path in folder.iterdir():
        with suppress(OSError):
            if path.stat().st_mtime < before and _is_unlocked(path):
                path.unlink()
