"""Names this process as the owner of a lease, and knows which owners on this machine are dead."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path


def this_process() -> str:
    """`host:pid:token`; the token tells a reused process number apart."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def is_dead(owner: str) -> bool:
    """True only if the owner was a process of this machine that is gone for certain.

    A foreign host, or a process number that is in use again, counts as alive: the lease then
    ends by its term.
    """
    host, _, rest = owner.partition(":")
    if host != socket.gethostname():
        return False
    pid = rest.partition(":")[0]
    if Path("/proc/self").exists():
        return not Path(f"/proc/{pid}").exists()
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
