"""The command line `muster`: thin commands over `app.bootstrap` and the read models."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point. Exit codes: see `app.cli.app`."""
    try:
        from app.cli.app import app

        app(prog_name="muster")
    except KeyboardInterrupt:
        sys.exit(130)
