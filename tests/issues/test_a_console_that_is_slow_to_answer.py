"""A loaded machine: Airflow answers late, with 503, or not at all. Nothing is given up, and nothing triggered twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.console.client import AirflowClient, ConsoleSilent
from app.console.launcher import ConsoleFailed

TRIGGER = "/api/v2/dags/order_dispatch/dagRuns"


class Airflow:
    """Just enough of Airflow: starts runs by their id, and has a trouble for each request to come."""

    def __init__(self) -> None:
        self.runs: dict[str, str] = {}
        self.troubles: list[str] = []
        self.asked: list[tuple[str, str]] = []

    def answer(self, method: str, path: str, body: Any) -> tuple[int, object]:
        if path == "/auth/token":
            return 201, {"access_token": "t"}
        if method == "POST":
            run_id = body["dag_run_id"]
            if run_id in self.runs:
                return 409, {"detail": "exists"}
            self.runs[run_id] = "running"
            return 200, {"dag_run_id": run_id}
        run_id = path.split("/")[6].partition("?")[0]
        if method == "PATCH":
            self.runs[run_id] = body["state"]
        return 200, {"state": self.runs[run_id], "task_instances": []}


@contextmanager
def served(airflow: Airflow) -> Iterator[AirflowClient]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
            airflow.asked.append((self.command, self.path))
            trouble = airflow.troubles.pop(0) if airflow.troubles and self.path != "/auth/token" else ""
            if trouble == "busy":
                self.send_response(503)
                self.end_headers()
                return
            if trouble == "lost":  # not even begun
                self.close_connection = True
                return
            status, content = airflow.answer(self.command, self.path, body)
            if trouble == "answer lost":
                self.close_connection = True
                return
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield AirflowClient("127.0.0.1", server.server_address[1], "admin", "x", request=20, patience=60)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("trouble", ["busy", "lost", "answer lost"])
def test_a_run_is_triggered_once_whatever_becomes_of_the_answers(trouble: str) -> None:
    airflow = Airflow()
    airflow.troubles = [trouble, trouble]
    with served(airflow) as client:
        run_id = client.trigger("order_dispatch")
    assert list(airflow.runs) == [run_id]
    assert airflow.asked.count(("POST", TRIGGER)) == 3


def test_a_wait_outlives_requests_without_answer() -> None:
    airflow = Airflow()
    with served(airflow) as client:
        run_id = client.trigger("order_dispatch")
        airflow.troubles = ["lost", "busy", "lost"]
        airflow.runs[run_id] = "success"
        assert client.wait("order_dispatch", run_id) == "success"


def test_silence_has_its_own_remedy_and_promises_nothing() -> None:
    client = AirflowClient("127.0.0.1", 1, "admin", "x", patience=0)
    with pytest.raises(ConsoleSilent) as silence:
        client.dags()
    assert "tried again" not in silence.value.remedy
    assert "run the command again" in silence.value.remedy


def test_waiting_ends_when_a_process_of_airflow_has_ended() -> None:
    airflow = Airflow()
    with served(airflow) as client:
        run_id = client.trigger("order_dispatch")
        with pytest.raises(ConsoleFailed):
            client.wait("order_dispatch", run_id, alive=raising(ConsoleFailed("scheduler ended with code 1")))


def raising(error: Exception) -> Callable[[], object]:
    def check() -> object:
        raise error

    return check


def test_a_run_that_is_given_up_does_not_go_on() -> None:
    airflow = Airflow()
    with served(airflow) as client:
        run_id = client.trigger("order_dispatch")
        client.give_up("order_dispatch", run_id)
    assert airflow.runs == {run_id: "failed"}
