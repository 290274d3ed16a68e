"""Closing any descriptor of a file drops all locks its process holds on it: nobody opens SQLite's files beside it.

Each new connection opened and closed the database, to make it private: the locks of the others were gone, another
process took the file for its own alone, and the next connection met a "disk I/O error".
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from adapters.registry.engine import make_private

WRITE = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"


def test_a_lock_outlives_another_connection(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    make_private(str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    make_private(str(file))
    other = subprocess.run([sys.executable, "-c", WRITE, str(file)], capture_output=True, text=True)
    holder.close()
    assert "database is locked" in other.stderr
