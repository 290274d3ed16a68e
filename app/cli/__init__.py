"""The command line `muster`: thin commands over `app.bootstrap` and the read models."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """Entry point. Exit codes: see `app.cli.app`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a locale without our letters shows them escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        from app.cli.app import app

        app(prog_name="muster")
    except KeyboardInterrupt:
        sys.exit(130)
