"""The Airflow console of one workspace: started, watched and stopped as one thing. Imports no Airflow."""

from __future__ import annotations

from app.console.client import AirflowClient, RequestRefused
from app.console.launcher import Console, ConsoleFailed
from app.console.signals import Stopped

__all__ = ["AirflowClient", "Console", "ConsoleFailed", "RequestRefused", "Stopped"]
