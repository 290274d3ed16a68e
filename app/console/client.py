"""A small client of Airflow's REST interface: what the launcher and the demo need."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from jobs.errors import LoginRefused, MusterError, NotFound, Retry

ENDED = frozenset({"success", "failed"})
_BUSY = frozenset({http.client.TOO_MANY_REQUESTS, *range(500, 600)})
"""A loaded server's answers (a locked database is a 500): they say nothing of the request."""


class RequestRefused(MusterError):
    """Airflow answered with a fault; `status` is among the facts."""

    code = "AIRFLOW_REQUEST_REFUSED"
    remedy = "Read Airflow's answer above"


class ConsoleSilent(Retry):
    """Airflow gave no answer, or none in time. The request may have been carried out."""

    code = "CONSOLE_SILENT"
    remedy = "The machine may be busy: look at its load and at the workspace's airflow/logs, then run the command again"


class AirflowClient:
    """Speaks to one Airflow server over plain HTTP on this machine, as one user.

    A request without an answer within `request` seconds is made again, for `patience` seconds in all: each can be
    repeated, since a run is triggered under an id of ours.
    """

    def __init__(
        self, host: str, port: int, user: str, password: str, *, request: float = 30.0, patience: float = 600.0
    ) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._request = request
        self._patience = patience
        self._token: str | None = None

    def health(self) -> Mapping[str, Mapping[str, str | None]]:
        """Status and last heartbeat of each component. Asks once. Raises ConsoleSilent."""
        return dict(self._send("GET", "/api/v2/monitor/health"))

    def dags(self) -> tuple[str, ...]:
        """The ids of all DAGs Airflow knows."""
        return tuple(dag["dag_id"] for dag in self._call("GET", "/api/v2/dags?limit=1000")["dags"])

    def import_errors(self) -> tuple[str, ...]:
        """What keeps DAG files and plugins from loading, one text each."""
        dags = self._call("GET", "/api/v2/importErrors")["import_errors"]
        plugins = self._call("GET", "/api/v2/plugins/importErrors")["import_errors"]
        return tuple(f"{error['filename']}: {error['stack_trace']}" for error in dags) + tuple(
            f"{error['source']}: {error['error']}" for error in plugins
        )

    def ensure_pool(self, name: str, slots: int) -> None:
        """Create the pool, or give it `slots` slots."""
        pool = {"name": name, "slots": slots, "description": "", "include_deferred": False}
        try:
            self._call("POST", "/api/v2/pools", pool)
        except RequestRefused as error:
            if error.facts["status"] != http.client.CONFLICT:
                raise
            self._call("PATCH", f"/api/v2/pools/{_part(name)}?update_mask=slots", pool)

    def unpause(self, dag_id: str) -> None:
        self._call("PATCH", f"/api/v2/dags/{_part(dag_id)}?update_mask=is_paused", {"is_paused": False})

    def trigger(self, dag_id: str, params: Mapping[str, object] | None = None) -> str:
        """Start the DAG now with these form values; returns Airflow's run id."""
        run_id = f"manual__{secrets.token_hex(8)}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(params or {})}
        try:
            self._call("POST", f"/api/v2/dags/{_part(dag_id)}/dagRuns", body)
        except RequestRefused as error:
            if error.facts["status"] != http.client.CONFLICT:
                raise
            # nobody else knows the id: an earlier try, whose answer was lost, has started it
        return run_id

    def give_up(self, dag_id: str, run_id: str) -> None:
        """Mark the run as failed, so that nothing of it goes on."""
        self._call("PATCH", f"{_run(dag_id, run_id)}?update_mask=state", {"state": "failed"})

    def state(self, dag_id: str, run_id: str) -> str:
        """queued, running, success or failed."""
        return str(self._call("GET", _run(dag_id, run_id))["state"])

    def tasks(self, dag_id: str, run_id: str) -> dict[str, str]:
        """State of each task that has one, by task id."""
        found = self._call("GET", f"{_run(dag_id, run_id)}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in found if task["state"]}

    def result(self, dag_id: str, run_id: str, task_id: str) -> object:
        """What the task returned; for `begin_run` the id of our own run. Raises RequestRefused if nothing."""
        entry = self._call("GET", f"{_run(dag_id, run_id)}/taskInstances/{_part(task_id)}/xcomEntries/return_value")
        return entry["value"]

    def links(self, dag_id: str, run_id: str, task_id: str) -> dict[str, str | None]:
        """The task's extra links by name."""
        found = self._call("GET", f"{_run(dag_id, run_id)}/taskInstances/{_part(task_id)}/links")
        return dict(found["extra_links"])

    def wait(
        self,
        dag_id: str,
        run_id: str,
        timeout: float = 300.0,
        progress: Callable[[str, Mapping[str, str]], None] | None = None,
        alive: Callable[[], object] = lambda: None,
    ) -> str:
        """Wait for the run's end and return its state; `progress` hears run and task states when they change.

        `alive` is asked between looks and raises when waiting is in vain. Raises ConsoleSilent after `timeout`
        seconds.
        """
        until = time.monotonic() + timeout
        heard: tuple[str, dict[str, str]] | None = None
        while time.monotonic() < until:
            now = (self.state(dag_id, run_id), self.tasks(dag_id, run_id))
            if progress and now != heard:
                progress(*now)
            heard = now
            if now[0] in ENDED:
                return now[0]
            alive()
            time.sleep(0.3)
        raise ConsoleSilent(f"The run {run_id} of {dag_id} has not ended after {timeout:.0f} s", tasks=heard)

    def _call(self, method: str, path: str, body: object = None) -> Any:
        again = Retrying(
            retry=retry_if_exception_type(ConsoleSilent),
            stop=stop_after_delay(self._patience),
            wait=wait_random_exponential(0.3, max=5.0),
            reraise=True,
        )
        return again(self._as_user, method, path, body)

    def _as_user(self, method: str, path: str, body: object) -> Any:
        if self._token is None:
            login = {"username": self._user, "password": self._password}
            self._token = self._send("POST", "/auth/token", login)["access_token"]
        return self._send(method, path, body, self._token)

    def _send(self, method: str, path: str, body: object = None, token: str | None = None) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._request)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ConsoleSilent(f"Airflow does not answer at {self._host}:{self._port}") from error
        finally:
            connection.close()
        if answer.status in _BUSY:
            raise ConsoleSilent(f"Airflow answered {method} {path} with {answer.status}")
        if answer.status >= http.client.BAD_REQUEST:
            raise _refusal(method, path, answer.status, content.decode(errors="replace"))
        return json.loads(content) if content else None


def _refusal(method: str, path: str, status: int, content: str) -> MusterError:
    what = f"Airflow refused {method} {path} with {status}: {content[:500]}"
    if status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
        return LoginRefused(what)
    if status == http.client.NOT_FOUND:
        return NotFound(what)
    return RequestRefused(what, status=status)


def _part(name: str) -> str:
    """Run ids hold `+` and `:`."""
    return quote(name, safe="")


def _run(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{_part(dag_id)}/dagRuns/{_part(run_id)}"
