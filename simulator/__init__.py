"""The provider simulator: a Device Enrolment Provider to test against. For testing only.

It stands on the partner's side of the wire and shares no code with Muster: it reads and
writes the generic format by the published description (docs/generic-format.md).
"""

from __future__ import annotations

from simulator.errors import PlanFaulty, SimulatorError
from simulator.home import SimulatorHome
from simulator.plan import Fault, Plan, parse_plan
from simulator.service import BANNER, run, serve

__all__ = ["BANNER", "Fault", "Plan", "PlanFaulty", "SimulatorError", "SimulatorHome", "parse_plan", "run", "serve"]
