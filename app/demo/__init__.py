"""The demo: one command that shows the whole exchange on this machine, and proves that nothing was lost."""

from __future__ import annotations

from app.demo.orders import MAXIMUM, MINIMUM
from app.demo.run import run_demo

__all__ = ["MAXIMUM", "MINIMUM", "run_demo"]
