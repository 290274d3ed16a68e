"""Who may do what on the pages, and the application they are made from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.models.dag import DagModel
from muster_airflow import airflow_connection

if TYPE_CHECKING:
    from app.bootstrap import Muster


def may(method: Literal["GET", "POST"], dag_id: str, user: BaseUser) -> bool:
    """Whether the user may read (GET) or trigger (POST) runs of the DAG."""
    return get_auth_manager().is_authorized_dag(
        method=method,
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id)),
        user=user,
    )


def address_of(user: BaseUser) -> str:
    """The user's e-mail address where the auth manager knows one, else the name to log in with."""
    return getattr(user, "email", None) or user.get_name()


@contextmanager
def application() -> Iterator[Muster]:
    from app.bootstrap import Muster  # heavy; the server starts without it

    with Muster.open(connections=airflow_connection) as muster:
        yield muster
