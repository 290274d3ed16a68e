"""Every route of the pages for everybody there is: what they get, and what they do not learn."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from adapters.report import to_json
from app.uploading import hand_in, store
from jobs.job import Job
from jobs.upload import Consent, Upload, UploadState
from jobs.uploads.telling import told_of
from tests.dags.test_upload_pages import PAGE, filled, installation, location, opened
from tests.dags.test_web import ANSWERS, SEALED, routes

__all__ = ["installation", "opened"]

Made = Callable[..., Any]
BAD = "97"  # a latitude that is none, and so the fact of a finding
OWNER, LIMITED, REMOVED = "user@example.com", "limited@example.com", "removed@example.com"
PEOPLE: dict[str, dict[str, str]] = {
    "anonymous": {},
    "viewer": {"role": "viewer"},
    "user": {"role": "user"},  # registered for every customer
    "op": {"role": "op"},  # an operator, not registered
    "admin": {"role": "admin"},
    "limited": {"role": "user", "name": "limited"},
    "removed": {"role": "user", "name": "removed"},
    "never": {"role": "user", "name": "never"},
}


@dataclass(frozen=True)
class Sent:
    """An upload that has ended, and the run that dealt with it."""

    upload: Upload
    run_id: str


def deal(opened: Made, uploader: str, name: str) -> Sent:
    rows = location(f"Seen by {uploader}"), location(f"Seen by {uploader} too", latitude=BAD)
    with opened() as app:
        handed = hand_in(app, "locations", uploader, f"{name}.xlsx", filled("locations", *rows), Consent.GIVEN)
        upload = store(app, handed, uploader)
        report, _ = app.run(Job.BULK_UPLOAD, actor=uploader)
        with app.registry.view() as tx:
            return Sent(tx.uploads.get(upload.id), report.run.id)


@pytest.fixture(scope="module")
def sent() -> dict[str, Sent]:
    return {}


@pytest.fixture
def uploads(opened: Made, sent: dict[str, Sent], monkeypatch: pytest.MonkeyPatch) -> dict[str, Sent]:
    """One upload each of somebody registered for all, of a limited uploader and of a removed one."""
    monkeypatch.setattr(importlib.import_module("muster_web"), "application", opened)
    if not sent:
        sent |= {address: deal(opened, address, f"of-{address[:4]}") for address in (OWNER, LIMITED, REMOVED)}
    with opened() as app, app.registry.transaction() as tx:
        tx.uploads.set_uploader(OWNER, None)
        tx.uploads.set_uploader(LIMITED, "C-1")
        tx.uploads.set_uploader(REMOVED, "C-1", active=False)
    return sent


EXPECTED = {  # anonymous, viewer, user, op, admin, limited, removed, never registered
    ("GET", "/uploads"): (401, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/uploads/{number}"): (401, 200, 200, 200, 200, 404, 404, 200),
    ("GET", "/uploads/{number}/answer"): (401, 403, 200, 200, 200, 404, 404, 403),
    ("GET", "/uploads/{number}/failed"): (401, 403, 200, 200, 200, 404, 404, 403),
    ("GET", "/uploads/template/{name}"): (401, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/reports"): (401, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/reports/{run_id}"): (401, 403, 200, 200, 200, 403, 403, 403),
    ("POST", "/uploads"): (401, 403, 422, 403, 403, 422, 403, 403),
    ("POST", "/uploads/{number}/commit"): (401, 403, 409, 403, 403, 404, 403, 403),
    ("POST", "/uploads/{number}/discard"): (401, 403, 409, 403, 403, 404, 403, 403),
    ("POST", "/inboundDeviceEnrolment/{provider}"): (401, 403, 403, 403, 403, 403, 403, 403),
}


def asked(who: Any, method: str, path: str, foreign: Sent) -> Any:
    address = "/muster" + path.format(
        number=foreign.upload.id, run_id=foreign.run_id, name="enrolment_order", provider="acme"
    )
    if method == "GET":
        return who.get(address)
    if address == ANSWERS:
        return who.post(address, content=b"x", headers=SEALED)
    files = {"file": ("", b"")} if address == PAGE else None
    return who.post(address, data={"reason": "x", "confirm": "confirm"}, files=files)


def test_the_table_names_every_route() -> None:
    ours = {(method, path) for method, path in EXPECTED}
    listed = {
        (method, f"/muster{path.format(number=1, run_id='run-1', name='locations', provider='acme')}")
        for method, path in ours
    }
    assert listed == set(routes())


@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_gets_what_the_table_says_and_no_more(client: Made, uploads: dict[str, Sent], person: str) -> None:
    foreign, who = uploads[OWNER], client(**PEOPLE[person])
    place = list(PEOPLE).index(person)
    got = {key: asked(who, *key, foreign) for key in EXPECTED}
    assert {key: answer.status_code for key, answer in got.items()} == {
        key: statuses[place] for key, statuses in EXPECTED.items()
    }
    if person in ("user", "op", "admin"):
        assert OWNER in got["GET", "/uploads"].text
        assert foreign.upload.file_name in got["GET", "/uploads/{number}"].text
        return
    for (method, path), answer in got.items():
        if answer.headers["content-type"].startswith(("text/", "application/json")):
            for secret in (OWNER, foreign.upload.file_name, f">{BAD}", foreign.run_id, "Seen by"):
                assert secret not in answer.text, (method, path, secret)


@pytest.mark.parametrize(("person", "address"), [("limited", LIMITED), ("removed", REMOVED)])
def test_their_own_uploads_are_seen_whole(
    client: Made, opened: Made, uploads: dict[str, Sent], person: str, address: str
) -> None:
    own, who = uploads[address], client(**PEOPLE[person])
    with opened() as app, app.registry.transaction() as tx:
        tx.uploads.describe(own.upload.id, updated_by="boss@example.com")
    page = who.get(f"{PAGE}/{own.upload.id}").text
    assert own.upload.file_name in page
    assert BAD in page
    assert "another person" in page
    assert "boss@example.com" not in page + who.get(PAGE).text
    assert who.get(f"{PAGE}/{own.upload.id}/answer").status_code == 200
    assert who.get(f"{PAGE}/{own.upload.id}/failed").status_code == 200
    listed = who.get("/muster/reports").text
    assert own.run_id in listed
    assert not [other for other in uploads if other != address and uploads[other].run_id in listed]
    report = who.get(f"/muster/reports/{own.run_id}")
    assert report.status_code == 200
    assert own.upload.file_name in report.text


def test_a_report_of_one_s_own_names_nobody_else(client: Made, opened: Made, uploads: dict[str, Sent]) -> None:
    with opened() as app, app.registry.transaction() as tx:
        tx.runs.end(
            uploads[LIMITED].run_id,
            app.report(uploads[LIMITED].run_id).run.status,
            app.exchange.clock.now(),
            told_by(app, uploads[LIMITED].run_id),
        )
    page = client(**PEOPLE["limited"]).get(f"/muster/reports/{uploads[LIMITED].run_id}").text
    for secret in ("boss@example.com", "upload 4711", "drop/boss"):
        assert secret not in page


def told_by(app: Any, run_id: str) -> dict[str, Any]:
    """The run's report as one that an operator began and that stumbled over somebody else's folder."""
    report = to_json(app.report(run_id))
    report["run"]["actor"] = "boss@example.com"
    report["steps"][0]["message"] = "upload 4711 stays in progress"
    report["findings"].append({"file": "drop/boss", "code": "FILE_NAME_UNEXPECTED", "count": 1, "rows": []})
    return report


@pytest.mark.parametrize("code", ["SAME", "UPLOAD_WAITS"])
def test_an_upload_once_compared_with_another_s_does_not_say_so(
    client: Made, opened: Made, uploads: dict[str, Sent], code: str
) -> None:
    foreign, own = uploads[OWNER].upload, uploads[LIMITED].upload
    named = f"upload {foreign.id}"
    with opened() as app, app.registry.transaction() as tx:
        if code == "SAME":
            tx.uploads.describe(own.id, same_as=foreign.id, reason=f"the same file as {named}")
        else:
            tx.uploads.describe(own.id, same_as=None, state=UploadState.FAILED, reason="UPLOAD_WAITS: it waits")
            found = {"row": 0, "column": None, "code": code, "fact": named}
            findings = tx.uploads.findings(own.id)
            tx.uploads.set_findings(own.id, findings.from_pylist([found], schema=findings.schema))
    page = client(**PEOPLE["limited"]).get(f"{PAGE}/{own.id}").text
    for text in (named, f'href="{foreign.id}"', "same file", "Same file", "UPLOAD_WAITS"):
        assert text not in page
    whole = client("admin").get(f"{PAGE}/{own.id}").text
    assert named in whole
    with opened() as app, app.registry.view() as tx:
        told, findings = told_of(tx, tx.uploads.get(own.id))
    assert (told.same_as, told.reason, findings.num_rows) == (None, "", 0)


def test_where_nobody_was_ever_registered_everybody_who_may_upload_sees_all(
    client: Made, opened: Made, uploads: dict[str, Sent]
) -> None:
    with opened() as app, app.registry.transaction() as tx:
        tx.uploads._db.exec_driver_sql("DELETE FROM uploaders")
    foreign = uploads[OWNER].upload
    for role, status in (("viewer", 403), ("user", 200), ("op", 200), ("admin", 200)):
        assert client(role, name="who").get(f"{PAGE}/{foreign.id}/answer").status_code == status, role


def test_who_only_reads_gets_no_names_from_the_registry_in_a_template(
    client: Made, opened: Made, uploads: dict[str, Sent]
) -> None:
    def offered(person: str) -> str:
        answer = client(**PEOPLE[person]).get(f"{PAGE}/template/product_data_update")
        book = load_workbook(BytesIO(answer.content))
        return " ".join(str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row)

    assert "Seen by" in offered("user")
    assert "Seen by" not in offered("viewer")
