"""The Airflow plugin: pages and entry points of the jobs under `/muster`, and their place in the navigation."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin
from muster_airflow import URL_PREFIX, base_path


class MusterPlugin(AirflowPlugin):
    """Every Airflow process loads this, only the API server asks for the web application."""

    name = "muster"
    external_views: list[dict[str, str]] = [  # noqa: RUF012 - an instance variable to Airflow
        {
            "name": "Bulk upload",
            "href": f"{base_path()}{URL_PREFIX}/uploads",
            "destination": "nav",
            "category": "Enrolment",
            "url_route": "bulk-upload",
        },
        {
            "name": "Run reports",
            "href": f"{base_path()}{URL_PREFIX}/reports",
            "destination": "nav",
            "category": "Enrolment",
            "url_route": "run-reports",
        },
    ]

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        from muster_web import app

        return [{"name": "Muster", "app": app, "url_prefix": URL_PREFIX}]
