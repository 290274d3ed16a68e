"""Ports of this machine, for what we start ourselves: the console and the simulator."""

from __future__ import annotations

import socket

from jobs.errors import Setup

HOST = "127.0.0.1"


def free_port(wanted: int = 0) -> int:
    """`wanted` if nothing listens there, else one the system gives."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Setup("this machine has no free port")
