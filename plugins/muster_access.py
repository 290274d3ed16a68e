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
from muster_csrf import token_for
from muster_viewers import Sight, Viewer

from jobs.job import Job

if TYPE_CHECKING:
    from app.bootstrap import Muster

_DAG = Job.BULK_UPLOAD.value


def may(method: Literal["GET", "POST"], dag_id: str, user: BaseUser) -> bool:
    """Whether the user may read (GET) or trigger (POST) runs of the DAG."""
    return get_auth_manager().is_authorized_dag(
        method=method,
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id)),
        user=user,
    )


def is_operator(user: BaseUser) -> bool:
    """Whether the user runs the installation: changing pools is a right of Airflow's roles Op and Admin alone."""
    return get_auth_manager().is_authorized_pool(method="PUT", user=user)


def viewer_of(muster: Muster, user: BaseUser) -> Viewer:
    """Who looks at the pages of bulk uploads, and why they may not upload, if so."""
    address, may_upload = address_of(user), may("POST", _DAG, user)
    with muster.registry.view() as tx:
        uploader, removed = tx.uploads.uploader(address), tx.uploads.was_removed(address)
        registered = uploader is not None and not tx.uploads.anybody_may()
    limited = uploader is not None and uploader.customer_id is not None
    refusal = ""
    if not may_upload:
        refusal = "You may look, but not upload: that takes the right to trigger bulk_upload."
    elif uploader is None:
        refusal = f"{address} is not registered as an uploader: ask an administrator (muster uploaders add)."
    sight = Sight.NUMBERS
    if is_operator(user):
        sight = Sight.ALL
    elif limited or removed:
        sight = Sight.OWN
    elif uploader is not None and (registered or may_upload):
        sight = Sight.ALL
    return Viewer(address, token_for(user), refusal, sight, closed=limited)


def address_of(user: BaseUser) -> str:
    """The user's e-mail address where the auth manager knows one, else the name to log in with."""
    return getattr(user, "email", None) or user.get_name()


@contextmanager
def application() -> Iterator[Muster]:
    from app.bootstrap import Muster  # heavy; the server starts without it

    with Muster.open(connections=airflow_connection) as muster:
        yield muster
