"""The plugin's routes: who may call them, and what they answer."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.errors import AnswerRefused, ChannelUnavailable, KeyUnusable, MusterError, NotFound
from jobs.job import Job
from jobs.runs import Run, RunStatus
from tests.dags.conftest import USERS
from tests.dags.scripted import ScriptedApplication

ANSWERS = "/muster/inboundDeviceEnrolment/acme"
SEALED = {"Content-Type": "application/pgp-encrypted"}
SENDER = {"role": "viewer", "name": "partner"}
"""Named as a sender in the sample's file of acme, and otherwise a reader."""
RUN = Run(
    "run-1", Job.REQUEST, "acme", "ada@example.com", datetime(2026, 3, 1, 12, tzinfo=UTC), status=RunStatus.PARTLY
)
ORDERS = Run(
    "run/2",
    Job.ORDER_DISPATCH,
    None,
    "<b>eve</b>",
    datetime(2026, 3, 1, 13, tzinfo=UTC),
    dry_run=True,
    status=RunStatus.DONE,
)
RUNNING = replace(RUN, id="run-3", status=RunStatus.RUNNING)


class Named(str):
    """A user, as far as forms ask."""

    def get_id(self) -> str:
        return str(self)


@pytest.fixture
def app(server: Any, monkeypatch: pytest.MonkeyPatch) -> ScriptedApplication:
    scripted = ScriptedApplication(runs={run.id: run for run in (RUN, ORDERS, RUNNING)})
    monkeypatch.setattr(importlib.import_module("muster_web"), "application", scripted.open)
    return scripted


def routes() -> list[tuple[str, str]]:
    """Every method and path of the application, its parameters filled in. Mounts would be listed without methods."""
    found = []
    for route in importlib.import_module("muster_web").app.routes:
        path = route.path.format(run_id="run-1", provider="acme", number="1", name="locations")
        found += [(method, f"/muster{path}") for method in sorted(getattr(route, "methods", None) or {"MOUNT"})]
    return found


def test_there_are_these_routes_and_no_others(server: Any) -> None:
    assert sorted(routes()) == [
        ("GET", "/muster/reports"),
        ("GET", "/muster/reports/run-1"),
        ("GET", "/muster/uploads"),
        ("GET", "/muster/uploads/1"),
        ("GET", "/muster/uploads/1/answer"),
        ("GET", "/muster/uploads/1/failed"),
        ("GET", "/muster/uploads/template/locations"),
        ("POST", ANSWERS),
        ("POST", "/muster/uploads"),
        ("POST", "/muster/uploads/1/commit"),
        ("POST", "/muster/uploads/1/discard"),
    ]


def test_nobody_without_a_login_gets_in(client: Callable[..., Any], app: ScriptedApplication) -> None:
    for method, path in routes():
        assert client().request(method, path, json={}).status_code == 401, (method, path)
        assert client().request(method, f"{path}?token=x", json={}).status_code == 401, (method, path)
    for path in ("/muster/docs", "/muster/openapi.json", "/muster/redoc", "/muster/"):
        assert client().get(path).status_code == 404
    assert app.calls == []


def test_no_change_without_bearer_or_token_and_none_from_another_site(
    client: Callable[..., Any], app: ScriptedApplication
) -> None:
    token = importlib.import_module("muster_csrf").token_for(Named("admin@example.com"))
    who = client("admin", cookie=True)
    for method, path in routes():
        if method != "GET":
            assert who.request(method, path).status_code == 403, path
            assert who.request(method, f"{path}?token={token[:-1]}").status_code == 403, path
            for foreign in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
                answer = who.request(method, f"{path}?token={token}", headers=foreign)
                assert (answer.status_code, "another site" in answer.text or path == ANSWERS) == (403, True), path
    assert app.calls == []


def test_a_viewer_changes_nothing(client: Callable[..., Any], app: ScriptedApplication) -> None:
    token = importlib.import_module("muster_csrf").token_for(Named("viewer@example.com"))
    for method, path in routes():
        if method != "GET":
            assert client("viewer").request(method, path).status_code == 403, path
            assert client("viewer", cookie=True).request(method, f"{path}?token={token}").status_code == 403, path
    assert app.calls == []


def test_a_bad_token_does_not_get_in(client: Callable[..., Any], app: ScriptedApplication) -> None:
    for method, path in routes():
        answer = client().request(method, path, json={}, headers={"Authorization": "Bearer nonsense"})
        assert answer.status_code == 403, (method, path)


def test_a_person_is_sent_to_the_login_page(client: Callable[..., Any]) -> None:
    answer = client().get("/muster/reports/run-1", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/auth/login?next=")
    assert client().post(ANSWERS, json={}, headers={"Accept": "text/html"}).status_code == 401


@pytest.mark.parametrize("role", USERS)
@pytest.mark.parametrize("cookie", [False, True])
def test_everybody_who_may_read_runs_may_read_reports(
    client: Callable[..., Any], app: ScriptedApplication, role: str, cookie: bool
) -> None:
    who = client(role, cookie=cookie)
    assert who.get("/muster/reports").status_code == 200
    assert "Report run-1" in who.get("/muster/reports/run-1").text


@pytest.mark.parametrize("role", USERS)
def test_no_role_is_a_right_to_send_answers(client: Callable[..., Any], app: ScriptedApplication, role: str) -> None:
    for path in (ANSWERS, ANSWERS.replace("acme", "bolt"), ANSWERS.replace("acme", "none")):
        assert client(role).post(path, content=b"x", headers=SEALED).status_code == 403
    assert app.calls == []


def test_who_is_named_in_the_provider_s_file_sends_answers(
    client: Callable[..., Any], app: ScriptedApplication
) -> None:
    answer = client(**SENDER).post(ANSWERS, content=b"sealed", headers=SEALED)
    assert (answer.status_code, answer.json()) == (202, {"sha256": "0" * 64})
    assert app.calls == [("receive_answer", "acme", b"sealed", "partner@example.com")]
    assert client(**SENDER).post(ANSWERS.replace("acme", "bolt"), content=b"x", headers=SEALED).status_code == 403


def test_a_cookie_is_not_enough_to_send_answers(client: Callable[..., Any], app: ScriptedApplication) -> None:
    for extra in ({}, {"Authorization": "Bearer"}, {"Authorization": "Basic eDp5"}):
        assert client(**SENDER, cookie=True).post(ANSWERS, content=b"x", headers=extra | SEALED).status_code == 403
    assert app.calls == []


def test_right_on_one_dag_is_no_right_on_another(
    client: Callable[..., Any], app: ScriptedApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    def only_orders(*, details: Any, **_: Any) -> bool:
        return bool(details.id == "order_dispatch")

    monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", only_orders)
    who = client("admin")
    listed = who.get("/muster/reports").text
    assert "run-1" not in listed
    assert "run/2" in listed
    assert who.get("/muster/reports/run-1").status_code == 403
    assert who.post(ANSWERS, json={}).status_code == 403


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AnswerRefused("No batch number"), 422),
        (NotFound("No such provider"), 404),
        (ChannelUnavailable("The registry is away"), 503),
    ],
)
def test_a_refused_answer_says_why(
    client: Callable[..., Any], app: ScriptedApplication, error: MusterError, status: int
) -> None:
    app.answer = error
    answer = client(**SENDER).post(ANSWERS, content=b"x", headers=SEALED)
    assert answer.status_code == status
    assert answer.json() == {"code": error.code, "what": error.what, "remedy": error.remedy}


def test_our_own_trouble_is_not_told_to_partners(client: Callable[..., Any], app: ScriptedApplication) -> None:
    app.answer = KeyUnusable("The key of the archive has expired")
    answer = client(**SENDER).post(ANSWERS, content=b"x", headers=SEALED)
    assert answer.status_code == 500
    assert "archive" not in answer.text


def test_a_body_over_the_limit_is_refused_by_its_announcement_and_by_its_length(
    client: Callable[..., Any], app: ScriptedApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("muster_web"), "ANSWER_BYTES", 10)

    def chunks() -> Iterator[bytes]:
        yield from (b"[1,", b"2,3,4,", b"5]")

    who = client(**SENDER)
    assert who.post(ANSWERS, content=b"[1,2,3,4,5]", headers=SEALED).status_code == 413
    assert who.post(ANSWERS, content=chunks(), headers=SEALED).status_code == 413
    assert who.post(ANSWERS, content=b"[1,2,3,45]", headers=SEALED).status_code == 202
    assert who.post(ANSWERS, content=b"", headers=SEALED).status_code == 400
    assert who.post(ANSWERS, content=b"{}", headers={"Content-Type": "application/json"}).status_code == 415


def test_a_report_that_does_not_exist(client: Callable[..., Any], app: ScriptedApplication) -> None:
    assert client("admin").get("/muster/reports/nobody").status_code == 404


def test_pages_may_load_and_run_nothing(client: Callable[..., Any], app: ScriptedApplication) -> None:
    for path in ("/muster/reports", "/muster/reports/run-1", "/muster/reports/nobody"):
        headers = client("viewer").get(path).headers
        policy = headers["content-security-policy"]
        for part in ("default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "frame-ancestors 'self'"):
            assert part in policy
        assert "script-src" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_the_list_shows_each_run_and_escapes_what_people_typed(
    client: Callable[..., Any], app: ScriptedApplication
) -> None:
    page = client("viewer").get("/muster/reports").text
    for text in ("partly failed", "Device enrolment request", "acme", "2026-03-01 12:00:00", "ada@example.com"):
        assert text in page
    assert 'href="reports/run%2F2"' in page
    assert 'href="reports/run-3"' not in page  # it has no report yet
    assert "dry run" in page
    assert "<b>eve</b>" not in page
    assert "<script" not in page


def test_the_list_says_so_when_it_is_empty(client: Callable[..., Any], app: ScriptedApplication) -> None:
    app.runs.clear()
    assert "There is no run yet" in client("viewer").get("/muster/reports").text


def test_the_plugin_is_loaded_without_fault_and_shown_in_the_navigation(client: Callable[..., Any]) -> None:
    who = client("admin")
    assert who.get("/api/v2/plugins/importErrors").json()["import_errors"] == []
    (plugin,) = (p for p in who.get("/api/v2/plugins").json()["plugins"] if p["name"] == "muster")
    assert [(view["name"], view["href"], view["destination"]) for view in plugin["external_views"]] == [
        ("Bulk upload", "/muster/uploads", "nav"),
        ("Run reports", "/muster/reports", "nav"),
    ]
