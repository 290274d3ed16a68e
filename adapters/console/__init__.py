"""The Airflow console of one workspace: started, watched and stopped as one thing. Imports no Airflow."""

from __future__ import annotations

from adapters.console.client import AirflowClient, RequestRefused
from adapters.console.launcher import Console, ConsoleFailed
from adapters.console.signals import Stopped

__all__ = ["AirflowClient", "Console", "ConsoleFailed", "RequestRefused", "Stopped"]
