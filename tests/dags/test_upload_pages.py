"""The pages of bulk uploads by Airflow's own server: who may do what, and a whole round with a real registry."""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from app.bootstrap import Muster
from app.loopback import free_port
from app.uploading import hand_in, store
from formats.template import ROW_FINDINGS
from formats.templates import template
from jobs.job import Job
from jobs.upload import Consent, Upload, UploadState
from tests.support.desk import unvalidated
from tests.support.installation import Installation, make_installation
from tests.support.uploads import filled, location, read_back

PAGE = "/muster/uploads"
TRIGGERED: list[dict[str, Any]] = []
ADMIN, USER, VIEWER = "admin@example.com", "user@example.com", "viewer@example.com"
Made = Callable[..., Any]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return make_installation(tmp_path_factory.mktemp("uploads") / "workspace", free_port())


@pytest.fixture(autouse=True)
def opened(server: Any, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """The routes open this installation; what they trigger is only noted. `opened()` is the application."""

    @contextmanager
    def application(**uploads: Any) -> Iterator[Muster]:
        with installation.open(validate=unvalidated) as app:
            settings = replace(app.settings, uploads=replace(app.settings.uploads, **uploads))
            yield Muster(app.workspace, settings, app.exchange, app.registry)

    routes = importlib.import_module("muster_uploads")
    monkeypatch.setattr(routes, "application", application)
    monkeypatch.setattr(routes, "trigger_dag", lambda dag_id, **options: TRIGGERED.append({"dag": dag_id, **options}))
    TRIGGERED.clear()
    yield application
    with installation.open() as app, app.registry.transaction() as tx:
        tx.uploads._db.exec_driver_sql("DELETE FROM uploaders")


def run(opened: Made) -> None:
    """What the DAG does."""
    with opened() as app:
        app.run(Job.BULK_UPLOAD, actor="airflow")


def upload_of(opened: Made, uploader: str, *rows: Any) -> Upload:
    """Stored as the page stores it."""
    with opened() as app:
        handed = hand_in(app, "locations", uploader, "places.xlsx", filled("locations", *rows), Consent.ASK)
        return store(app, handed, uploader)


def now(opened: Made, number: int) -> Upload:
    with opened() as app, app.registry.view() as tx:
        return tx.uploads.get(number)


def latest(opened: Made) -> int:
    with opened() as app, app.registry.view() as tx:
        return max((item.id for item in tx.uploads.history(1)), default=0)


def form(who: Any, path: str, number: int = 0) -> str:
    """The address of a form on a page, as a browser would resolve it."""
    shown = who.get(path).text
    (found,) = re.findall(r'action="([^"?]*\?token=[\w-]+)"', shown)[number : number + 1]
    return f"{path.rpartition('/')[0]}/{found}"


def send(who: Any, action: str, data: bytes, name: str = "places.xlsx", chosen: str = "locations") -> Any:
    return who.post(action, data={"template": chosen}, files={"file": (name, data, "application/octet-stream")})


def test_a_whole_round_by_forms_and_cookie(client: Made, opened: Made) -> None:
    who = client("user", cookie=True)
    data = filled("locations", location("Round One"), location("Round Two", latitude="95"))
    answer = send(who, form(who, PAGE), data)
    number = latest(opened)
    assert (answer.status_code, answer.headers["location"]) == (303, f"uploads/{number}?said=received")
    assert TRIGGERED[0]["dag"] == "bulk_upload"
    assert TRIGGERED[0]["triggering_user_name"] == USER
    assert (now(opened, number).uploader, now(opened, number).consent) == (USER, Consent.ASK)

    page = who.get(f"{PAGE}/{number}?said=received").text
    assert '<meta http-equiv="refresh"' in page
    assert f"Upload {number} was received." in page
    assert who.get(f"{PAGE}/{number}/answer").status_code == 404

    run(opened)
    page = who.get(f"{PAGE}/{number}").text
    assert "refresh" not in page
    for text in ("HELD", "<b>1</b> new", "<b>1</b> failed", "Apply the 1 good row", "E4", "95"):
        assert text in page

    commit = form(who, f"{PAGE}/{number}")
    assert commit.endswith(f"token={importlib.import_module('muster_csrf').token_for(Named(USER))}")
    refused = who.post(commit, data={"reason": "checked <b>", "confirm": "yes"})
    assert refused.status_code == 422
    assert "type the word confirm" in refused.text
    assert 'value="checked &lt;b&gt;"' in refused.text
    assert who.post(commit, data={"reason": " ", "confirm": "confirm"}).status_code == 422
    assert now(opened, number).state is UploadState.HELD

    answer = who.post(commit, data={"reason": "checked with sales", "confirm": "Confirm "})
    assert (answer.status_code, answer.headers["location"]) == (303, f"../{number}?said=commit")
    assert len(TRIGGERED) == 2
    assert who.post(commit, data={"reason": "again", "confirm": "confirm"}).status_code == 409
    run(opened)
    done = now(opened, number)
    assert (done.state, done.updated_by, done.reason) == (UploadState.COMPLETED, USER, "checked with sales")

    page = who.get(f"{PAGE}/{number}").text
    assert f'href="{number}/answer"' in page
    assert f'href="{number}/failed"' in page
    for kind, cities in (("answer", ["Round One", "Round Two"]), ("failed", ["Round Two"])):
        got = who.get(f"{PAGE}/{number}/{kind}")
        assert got.status_code == 200
        assert got.headers["cache-control"] == "no-store"
        assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''places.upload-")
        rows = read_back(template("locations"), got.content)
        assert [row["City *"] for row in rows if row["City *"].startswith("Round")] == cities


class Named(str):
    """A user, as far as forms ask."""

    def get_id(self) -> str:
        return str(self)


def test_discarded_means_nothing_is_applied(client: Made, opened: Made) -> None:
    upload = upload_of(opened, ADMIN, location("Discarded"))
    run(opened)
    who = client("admin", cookie=True)
    answer = who.post(form(who, f"{PAGE}/{upload.id}", 1), data={"reason": "wrong month"})
    assert answer.headers["location"] == f"../{upload.id}?said=discard"
    assert now(opened, upload.id).state is UploadState.FAILED
    page = who.get(f"{PAGE}/{upload.id}?said=discard").text
    assert "was discarded" in page
    assert "wrong month" in page
    assert who.get(f"{PAGE}/{upload.id}/answer").status_code == 200
    assert who.get(f"{PAGE}/{upload.id}/failed").status_code == 404


def test_the_template_is_an_attachment(client: Made) -> None:
    answer = client("viewer").get(f"{PAGE}/template/locations")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''locations.xlsx"
    assert load_workbook(BytesIO(answer.content))["Locations"]["A1"].value == "City *"
    assert client("viewer").get(f"{PAGE}/template/..%2fsecrets").status_code == 404
    assert client("viewer").get(f"{PAGE}/template/nothing").status_code == 404


def test_the_page_states_columns_limits_and_zone(client: Made, opened: Made) -> None:
    upload = upload_of(opened, ADMIN, location("Columns"))
    page = client("admin").get(PAGE).text
    headings = re.findall(r"<th scope=\"col\"[^>]*>([^<]*)</th>", page)
    assert headings == [
        *("#", "Template Name", "Passed Records", "Failed Records", "Status", "Updated At", "Updated By")
    ]
    for text in ("50 MB", "200,000 rows", ".xlsx", "Times are in UTC", f'href="uploads/{upload.id}"', ADMIN):
        assert text in page
    with opened() as app, app.registry.transaction() as tx:
        tx.uploads.describe(upload.id, updated_at=datetime(2024, 3, 5, 5, 12, tzinfo=UTC))
    assert "05-Mar-2024 05:12 AM" in client("admin").get(PAGE).text


def test_the_history_is_filtered_by_what_is_asked(client: Made, opened: Made) -> None:
    mine, other = upload_of(opened, ADMIN, location("Mine")), upload_of(opened, USER, location("Other"))

    def listed(query: str) -> set[int]:
        page = client("admin").get(f"{PAGE}?{query}").text
        return {int(number) for number in re.findall(r'href="uploads/(\d+)"', page)} & {mine.id, other.id}

    assert listed("") == {mine.id, other.id}
    assert listed("mine=1") == {mine.id}
    assert listed("template=locations") == {mine.id, other.id}
    assert listed("template=leases") == set()
    assert listed("status=IN+PROGRESS") == {mine.id, other.id}
    assert listed("status=HELD") == set()
    assert listed("status=%3Cb%3E&template=%3Cb%3E") == {mine.id, other.id}


def test_a_viewer_reads_and_changes_nothing(client: Made, opened: Made) -> None:
    upload = upload_of(opened, ADMIN, location("Viewed"))
    run(opened)
    who = client("viewer", cookie=True)
    token = importlib.import_module("muster_csrf").token_for(Named(VIEWER))
    assert "<form" not in who.get(f"{PAGE}/{upload.id}").text
    assert "You may look, but not upload" in who.get(PAGE).text
    for path in (PAGE, f"{PAGE}/{upload.id}/commit", f"{PAGE}/{upload.id}/discard"):
        assert who.post(f"{path}?token={token}", data={"reason": "x", "confirm": "confirm"}).status_code == 403
    assert now(opened, upload.id).state is UploadState.HELD
    assert TRIGGERED == []


def test_who_may_not_read_the_dag_sees_nothing(client: Made, opened: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    upload = upload_of(opened, ADMIN, location("Hidden"))
    monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", lambda **_: False)
    for path in ("", f"/{upload.id}", f"/{upload.id}/answer", f"/{upload.id}/failed", "/template/locations"):
        assert client("admin").get(PAGE + path).status_code == 403, path


def test_a_limited_uploader_sees_and_decides_only_their_own(client: Made, opened: Made) -> None:
    mine, other = upload_of(opened, USER, location("Limited")), upload_of(opened, ADMIN, location("Elsewhere"))
    run(opened)
    with opened() as app, app.registry.transaction() as tx:
        tx.uploads.set_uploader(USER, "C-1")
        tx.uploads.set_uploader(ADMIN, None)
    who = client("user", cookie=True)
    page = who.get(PAGE).text
    assert f'href="uploads/{mine.id}"' in page
    assert f'href="uploads/{other.id}"' not in page
    assert 'value="locations"' not in page.partition('id="history"')[0]  # closed to limited uploaders
    assert who.get(f"{PAGE}/{mine.id}").status_code == 200
    token = form(who, PAGE).partition("?")[2]
    for path in (f"/{other.id}", f"/{other.id}/answer", f"/{other.id}/failed"):
        assert who.get(PAGE + path).status_code == 404, path
    for path in (f"/{other.id}/commit", f"/{other.id}/discard"):
        answer = who.post(f"{PAGE}{path}?{token}", data={"reason": "x", "confirm": "confirm"})
        assert answer.status_code == 404, path
    assert now(opened, other.id).state is UploadState.HELD
    assert client("admin").get(f"{PAGE}/{mine.id}").status_code == 200
    with opened() as app, app.registry.transaction() as tx:
        tx.uploads.set_uploader(USER, None, active=False)  # removed: no more is seen than before
    assert who.get(f"{PAGE}/{mine.id}").status_code == 200
    assert who.get(f"{PAGE}/{other.id}").status_code == 404


def test_once_uploaders_are_registered_nobody_else_uploads(client: Made, opened: Made) -> None:
    before = latest(opened)
    with opened() as app, app.registry.transaction() as tx:
        tx.uploads.set_uploader(ADMIN, None)
    who = client("user")
    assert "is not registered as an uploader" in who.get(PAGE).text
    answer = send(who, PAGE, filled("locations", location("Nobody")))
    assert answer.status_code == 403
    assert latest(opened) == before


def test_forms_that_cannot_be_taken_say_why(client: Made, opened: Made) -> None:
    before = latest(opened)
    who = client("user")
    for name, data, chosen, said in (
        ("a.xlsx", b"x", "", "Choose a template."),
        ("a.xlsx", b"x", "nothing", "Choose a template."),
        ("", b"", "locations", "Choose a file."),
        ("a.xls", b"x", "locations", "a.xls is no .xlsx workbook"),
        ("a.xlsx", b"", "locations", "a.xlsx is empty."),
    ):
        answer = send(who, PAGE, data, name, chosen)
        assert answer.status_code == 422, name
        assert said in answer.text
    assert who.post(PAGE, json={}).status_code == 415
    assert who.post(PAGE, content=b"x", headers={"Content-Type": "multipart/form-data"}).status_code == 400
    assert who.post(f"{PAGE}/1/commit", json={}).status_code == 415
    assert latest(opened) == before


def test_a_file_over_the_limit_is_refused_before_and_while_it_is_read(
    client: Made, opened: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = latest(opened)
    monkeypatch.setattr(importlib.import_module("muster_uploads"), "application", lambda: opened(max_file_bytes=1000))
    who = client("user")
    assert send(who, PAGE, bytes(1001)).status_code == 413
    read: list[int] = []

    def chunks(size: int) -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.xlsx"\r\n\r\n'
        for _ in range(size // 1000):
            read.append(1000)
            yield bytes(1000)

    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    assert who.post(PAGE, content=chunks(100_000), headers=multipart).status_code == 413
    announced = {**multipart, "Content-Length": "1000000"}
    assert who.post(PAGE, content=b"--x", headers=announced).status_code == 413
    page = who.post(PAGE, content=b"--x", headers={**announced, "Accept": "text/html"})
    assert "at most 1,000 bytes" in page.text
    assert page.headers["content-type"].startswith("text/html")
    assert latest(opened) == before


def test_the_same_file_sent_twice_is_one_upload(client: Made, opened: Made) -> None:
    who, data = client("user"), filled("locations", location("Twice"))
    first = send(who, PAGE, data)
    second = send(who, PAGE, data)
    number = latest(opened)
    assert first.headers["location"] == f"uploads/{number}?said=received"
    assert second.headers["location"] == f"uploads/{number}?said=waiting"
    assert len(TRIGGERED) == 1


def test_a_button_pressed_twice_is_one_upload(client: Made, opened: Made) -> None:
    data = filled("locations", location("Pressed"))
    with ThreadPoolExecutor(2) as both:
        sent = list(both.map(lambda who: send(who, PAGE, data), [client("user"), client("user")]))
    number = latest(opened)
    assert sorted(answer.headers["location"] for answer in sent) == [
        f"uploads/{number}?said=received",
        f"uploads/{number}?said=waiting",
    ]


def test_an_upload_nobody_goes_on_with_says_so(client: Made, opened: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("muster_uploads"), "_note", lambda: "")
    upload = upload_of(opened, ADMIN, location("Quiet"))
    with opened() as app, app.registry.transaction() as tx:
        tx.uploads.describe(upload.id, updated_at=datetime.now(UTC) - timedelta(minutes=6))
    assert "Nothing has happened for a while" in client("admin").get(f"{PAGE}/{upload.id}").text


def test_folders_and_what_cannot_be_printed_are_no_part_of_a_file_name(client: Made, opened: Made) -> None:
    long = "C:\\Users\\eve\\..\\" + "x" * 300 + "\u202e\n.xlsx"
    send(client("user"), PAGE, filled("locations", location("Named")), long)
    name = now(opened, latest(opened)).file_name
    assert (name[:3], name[-5:], len(name)) == ("xxx", ".xlsx", 205)


def test_a_workbook_that_is_none_fails_with_its_reason(client: Made, opened: Made) -> None:
    who = client("user")
    send(who, PAGE, b"no workbook at all")
    number = latest(opened)
    run(opened)
    page = who.get(f"{PAGE}/{number}").text
    assert "FAILED" in page
    assert "The file is not an .xlsx workbook" in page
    assert "Excel Workbook (.xlsx)" in page
    assert who.get(f"{PAGE}/{number}/answer").status_code == 200


def test_a_trigger_that_fails_loses_no_upload(client: Made, opened: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.exceptions import DagNotFound

    def none(dag_id: str, **_: Any) -> None:
        raise DagNotFound(dag_id)

    routes = importlib.import_module("muster_uploads")
    monkeypatch.setattr(routes, "trigger_dag", none)
    monkeypatch.setattr(routes.DagModel, "get_current", lambda dag_id: None)
    answer = send(client("user"), PAGE, filled("locations", location("No trigger")))
    assert answer.status_code == 303
    assert "The DAG bulk_upload is not there yet" in client("user").get(f"{PAGE}/{latest(opened)}").text


def test_texts_that_people_typed_are_escaped_and_findings_are_cut(client: Made, opened: Made) -> None:
    upload = upload_of(opened, ADMIN, location("Escaped"))
    run(opened)
    nasty = "<script>alert(1)</script>"
    findings = [{"row": 2 + n, "column": "city", "code": "CELL_EMPTY", "fact": nasty} for n in range(30)]
    with opened() as app, app.registry.transaction() as tx:
        tx.uploads.describe(upload.id, reason=nasty, file_name=nasty, updated_by=nasty)
        tx.uploads.set_findings(upload.id, ROW_FINDINGS.empty_table().from_pylist(findings, schema=ROW_FINDINGS))
    page = client("admin").get(f"{PAGE}/{upload.id}").text
    assert "<script" not in page
    assert page.count('class="cell"') == 20
    assert "… and 10 more" in page
    assert ">A2<" in page
    assert "<script" not in client("admin").get(PAGE).text


def test_forms_may_be_sent_to_ourselves_and_nothing_else_may_be_loaded(client: Made, opened: Made) -> None:
    upload = upload_of(opened, ADMIN, location("Policy"))
    for path in (PAGE, f"{PAGE}/{upload.id}"):
        answer = client("admin").get(path)
        policy = answer.headers["content-security-policy"]
        for part in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'self'", "base-uri 'none'"):
            assert part in policy
        assert "script-src" not in policy
        assert answer.headers["referrer-policy"] == "same-origin"  # `no-referrer` would make forms' Origin null
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:|//)|target=|onclick|<script""", answer.text)
    assert "form-action 'none'" in client("admin").get(f"{PAGE}/{upload.id}/answer").headers["content-security-policy"]


def test_a_person_is_told_on_a_page_what_a_program_is_told_in_json(client: Made) -> None:
    who = client("admin")
    assert who.get(f"{PAGE}/99999").json()["code"] == "NOT_FOUND"
    page = who.get(f"{PAGE}/99999", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "there is no upload 99999" in page.text
    assert 'href="/muster/uploads"' in page.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}, 422),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://testserver:8081"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://evil.example", "Host": "evil.example"}, 403),  # what a request says of itself is no proof
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
    ],
)
def test_only_forms_of_our_own_origin_count(client: Made, headers: dict[str, str], status: int) -> None:
    who = client("user", cookie=True)
    action = form(who, PAGE)
    assert who.post(action, data={}, files={"file": ("", b"")}, headers=headers).status_code == status


def test_a_token_of_somebody_else_does_not_count(client: Made) -> None:
    action = form(client("admin", cookie=True), PAGE)
    assert client("user", cookie=True).post(action, files={"file": ("", b"")}).status_code == 403


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/1/commit", f"{PAGE}/1/discard"])
@pytest.mark.parametrize("cookie", [b"", b"_token=nonsense", None])
def test_no_body_is_read_of_what_is_refused(server: Any, client: Made, path: str, cookie: bytes | None) -> None:
    asked, answered = [], []

    async def receive() -> dict[str, Any]:
        if not answered:
            asked.append("body")
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    async def send_back(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answered.append(message["status"])

    cookies = client("user", cookie=True).cookies
    valid = f"_token={cookies['_token']}".encode()
    headers = [(b"host", b"testserver"), (b"cookie", valid if cookie is None else cookie)]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
    }
    scope |= {"headers": headers, "query_string": b"token=forged", "http_version": "1.1", "server": ("testserver", 80)}
    asyncio.run(asyncio.wait_for(server(scope, receive, send_back), 30))
    assert answered[0] in (401, 403)
    assert asked == []
