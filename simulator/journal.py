"""One readable line per event on standard error, and the same in the append-only table."""

from __future__ import annotations

import sys

from simulator import store
from simulator.home import SimulatorHome


class Journal:
    """Counts, codes and file names only: never an order or a device."""

    def __init__(self, home: SimulatorHome) -> None:
        self._home = home

    def write(self, event: str, file: str, **facts: str | int) -> None:
        with store.transaction(self._home.database) as connection:
            line = store.keep_event(connection, event, file, facts)
        print(f"simulator {self._home.name}: {line}", file=sys.stderr, flush=True)
