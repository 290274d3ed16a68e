"""What the DAGs and the plugin share: Airflow's Connections for the jobs, and where a run report is found."""

from __future__ import annotations

import json
from urllib.parse import quote, urlsplit

from airflow.sdk import Connection as AirflowConnection
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowNotFoundException

from adapters.settings import Connection, Workspace, parse_connection
from jobs.errors import SecretMissing

URL_PREFIX = "/muster"


def airflow_connection(connection_id: str) -> Connection:
    """The Airflow Connection of that id, wherever Airflow keeps it. Raises SecretMissing."""
    try:
        found = AirflowConnection.get(connection_id)
    except AirflowNotFoundException:
        raise SecretMissing(
            f"Airflow has no connection {connection_id!r}", reference=f"connection:{connection_id}"
        ) from None
    fields = {name: getattr(found, name) for name in ("login", "password", "host", "port", "extra")}
    return parse_connection(json.dumps(fields), connection_id, Workspace.find())


def report_url(run_id: str) -> str:
    """Address of a run report's page, below the path Airflow is served under."""
    return f"{base_path()}{URL_PREFIX}/reports/{quote(run_id, safe='')}"


def base_path() -> str:
    """The path a reverse proxy serves Airflow under, without a final slash; mostly empty."""
    configured: str = conf.get("api", "base_url", fallback="")
    return urlsplit(configured).path.rstrip("/")
