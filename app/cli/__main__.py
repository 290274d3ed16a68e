"""`python -m app.cli`: the command line where the script `muster` is not installed."""

from __future__ import annotations

from app.cli import main

main()
