"""`python -m adapters.cli`: the command line where the script `muster` is not installed."""

from __future__ import annotations

from adapters.cli import main

main()
