"""Airflow for tests. Its environment must be set before its first import, hence here, at import time.

Every xdist worker has an AIRFLOW_HOME, a database and a workspace of its own.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dags.samples import ACME, PROVIDER, workspace

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

REPOSITORY = Path(__file__).resolve().parents[2]
DAGS = REPOSITORY / "dags"
PLUGINS = REPOSITORY / "plugins"
HOME = Path(tempfile.mkdtemp(prefix="muster-dags-"))
WORKSPACE = HOME / "workspace"
USERS = ("viewer", "user", "op", "admin")

BOLT = PROVIDER + '\n[schedules]\nrequest = "0 6 * * *"\nresponse = ""\n'
DORMANT = "enabled = false\n" + PROVIDER

ENVIRONMENT = {
    "AIRFLOW_HOME": str(HOME / "airflow"),
    "AIRFLOW__API__BASE_URL": "http://testserver",
    "AIRFLOW__API_AUTH__JWT_SECRET": "for tests only " * 5,
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(HOME / "passwords.json"),
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{name}" for name in USERS),
    "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME / 'airflow.db'}",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(HOME / "logs"),
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    "MUSTER_HOME": str(WORKSPACE),
}

os.environ.update(ENVIRONMENT)
workspace(WORKSPACE, '[inbox]\nschedule = "*/10 * * * *"\n', acme=ACME, bolt=BOLT, dormant=DORMANT)
for folder in (DAGS, PLUGINS):  # as Airflow's own processes do
    sys.path.append(str(folder))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def airflow() -> None:
    """An initialised Airflow; what its imports warn about is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.utils.db import initdb

        initdb()


@pytest.fixture(scope="session")
def parse() -> Callable[[], DagBag]:
    """Parses the DAG files as the dag-processor does, with the workspace as it is now."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.dag_processing.dagbag import BundleDagBag

    def bag() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return BundleDagBag(str(DAGS), bundle_path=DAGS, bundle_name="dags-folder")

    return bag


@pytest.fixture(scope="session")
def dagbag(parse: Callable[[], DagBag]) -> DagBag:
    return parse()


@pytest.fixture(scope="session")
def server() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.api_fastapi.app import create_app

        return create_app(apps="core")


@pytest.fixture(scope="session")
def client(server: Any) -> Callable[..., Any]:
    """A client in a role, by bearer token or by cookie; without a role anonymous."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fastapi.testclient import TestClient

    def make(role: str | None = None, cookie: bool = False, name: str = "") -> Any:
        made = TestClient(server, follow_redirects=False, raise_server_exceptions=False)
        if role:
            token = get_auth_manager().generate_jwt(
                SimpleAuthManagerUser(username=f"{name or role}@example.com", role=role)
            )
            if cookie:
                made.cookies.set("_token", token)
            else:
                made.headers["Authorization"] = f"Bearer {token}"
        return made

    return make
