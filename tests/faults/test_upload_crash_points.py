"""kill -9 where uploads meet each other or their own remains; every boundary there is: `test_every_boundary`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from signal import SIGKILL
from typing import Any

import pytest
from sqlalchemy import func, select

from adapters.registry.business_tables import locations
from adapters.registry.tables import audit, devices, order_lines
from adapters.registry.upload_tables import upload_findings, upload_rows
from formats.templates import template
from jobs.job import Job
from jobs.upload import Counts, Upload, UploadState
from tests.support.crashing import Crasher, crasher
from tests.support.desk import Desk, desk  # noqa: F401  (a fixture)
from tests.support.installation import order_row
from tests.support.uploads import ADA, UploadDesk, filled, location, read_back

CHUNK = 2
NUMBERS = count(1)


@pytest.fixture(scope="module")
def small(desk: Desk) -> Desk:  # noqa: F811
    return with_small_chunks(desk)


def with_small_chunks(desk: Desk) -> Desk:  # noqa: F811
    """Chunks of two rows, in the settings: the processes that are killed read them, too."""
    config = desk.installation.workspace.config
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("[uploads]\n", f"[uploads]\nchunk_rows = {CHUNK}\n", 1), encoding="utf-8")
    with desk.installation.open() as app:
        assert app.settings.uploads.chunk_rows == CHUNK
    return desk


@pytest.fixture(scope="module")
def killer(small: Desk) -> Iterator[Crasher]:
    with crasher(small.installation) as running:
        yield running


class Scene:
    """A workbook of five rows, the fourth of them wrong, dropped; and what may have become of it."""

    def __init__(self, uploads: UploadDesk, killer: Crasher, **options: Any) -> None:
        self.uploads, self.killer, self.options = uploads, killer, options
        self.name = f"places{next(NUMBERS)}"
        self.rows = [location(f"{self.name} {part}") for part in "ABCDE"]
        self.rows[3]["latitude"] = "95"
        self.uploads.drop("locations", filled("locations", *self.rows), f"{self.name}.xlsx")

    def killed(self, *points: str) -> None:
        """Runs that die there, one after the other; the count holds in what each left."""
        for point in points:
            assert self.killer.run(Job.BULK_UPLOAD, point) == -SIGKILL, point
            with self.uploads.desk.registry.view() as tx:
                assert tx.conservation.count().holds, point

    def ended(self) -> Upload:
        """After one run that nobody disturbs."""
        assert self.killer.run(Job.BULK_UPLOAD, **self.options) == 0
        (upload,) = self.history()
        return upload

    def history(self) -> list[Upload]:
        """Every upload there is of this file."""
        with self.uploads.desk.registry.view() as tx:
            return [item for item in tx.uploads.history(1000) if item.file_name == f"{self.name}.xlsx"]

    def check(self) -> None:
        upload = self.ended()
        assert (upload.state, upload.counts, upload.rows_done) == (UploadState.COMPLETED, Counts(new=4, failed=1), 5)
        assert upload.counts.passed + upload.counts.failed == upload.rows_total
        assert upload.answered
        assert self.uploads.left("locations") == []
        self.check_answers(upload)
        assert self.traces() == UNDISTURBED

    def check_answers(self, upload: Upload) -> None:
        done = self.uploads.folder("locations") / "done"
        laid = {path.name for path in done.iterdir() if self.name in path.name}
        stem = f"{self.name}.upload-{upload.id}"
        assert laid == {f"{stem}.result.xlsx", f"{stem}.failed.xlsx"}
        rows = read_back(template("locations"), self.uploads.answer(upload))
        told = [row["Result"] for row in rows if row["City *"].startswith(f"{self.name} ")]
        assert told == ["Passed: new", "Passed: new", "Passed: new", "Failed", "Passed: new"]

    def traces(self) -> dict[str, Any]:
        """What the upload left in the registry, in numbers that are the same for each scene."""
        (upload,) = self.history()
        mine = upload_rows.c.upload_id == upload.id
        return {
            "places": self._counted(select(locations.c.city).where(locations.c.city.startswith(f"{self.name} "))),
            "rows": self.rows_of(select(upload_rows.c.row, upload_rows.c.effect).where(mine).order_by("row")),
            "findings": self.rows_of(
                select(upload_findings.c.row, upload_findings.c.column, upload_findings.c.code).where(
                    upload_findings.c.upload_id == upload.id
                )
            ),
            "audit": self.rows_of(
                select(audit.c.action, audit.c.actor).where(audit.c.object == f"upload {upload.id}").order_by("number")
            ),
        }

    def rows_of(self, statement: Any) -> list[tuple[Any, ...]]:
        return self.uploads.desk.rows(statement)

    def _counted(self, statement: Any) -> list[str]:
        return sorted(city.removeprefix(f"{self.name} ") for (city,) in self.rows_of(statement))


UNDISTURBED = {
    "places": ["A", "B", "C", "E"],
    "rows": [(3, "NEW"), (4, "NEW"), (5, "NEW"), (6, "FAILED"), (7, "NEW")],
    "findings": [(6, "latitude", "NUMBER_RANGE")],
    "audit": [("upload received", ADA), ("upload applied", ADA)],
}


@pytest.fixture
def scene(small: Desk, killer: Crasher) -> Scene:
    return Scene(UploadDesk(small), killer)


def test_an_undisturbed_run(scene: Scene) -> None:
    """What the other tests compare with."""
    scene.check()


def test_killed_when_the_file_has_left_its_folder(scene: Scene) -> None:
    scene.killed("jobs.uploads.collection:_collect:after")
    scene.check()


def test_the_same_file_after_a_removal_that_was_not_recorded(scene: Scene) -> None:
    """Nobody can tell it from the one that was removed: its answer is given once more, and it never goes without."""
    data = (scene.uploads.folder("locations") / f"{scene.name}.xlsx").read_bytes()
    scene.killed("adapters.inboxes.drop_folder:DropFolder.remove:after")
    answer = scene.uploads.folder("locations") / "done" / f"{scene.name}.upload-{scene.ended().id}.result.xlsx"
    answer.unlink()
    scene.uploads.drop("locations", data, f"{scene.name}.xlsx")
    scene.check()
    scene.uploads.drop("locations", data, f"{scene.name}.xlsx")  # this one is dropped anew, and told so
    assert scene.killer.run(Job.BULK_UPLOAD) == 0
    again, first = scene.history()
    assert (again.same_as, again.counts) == (first.id, Counts(unchanged=4, failed=1))


def order(number: int) -> dict[str, str]:
    given = order_row(number)
    names = ("order_number", "customer_account", "provider", "delivery_number", "serial_number")
    return {name: given[name] for name in names} | {"order_date": "2026-03-01", "ship_date": "2026-03-02"}


def orders_of(desk: Desk, rows: list[dict[str, str]]) -> int:  # noqa: F811
    """How many instructions there are on the devices of these rows."""
    serials = [row["serial_number"] for row in rows]
    mine = order_lines.join(devices, devices.c.id == order_lines.c.device_id)
    ((number,),) = desk.rows(select(func.count()).select_from(mine).where(devices.c.serial_number.in_(serials)))
    return int(number)


def killed(desk: Desk, killer: Crasher, point: str) -> None:  # noqa: F811
    assert killer.run(Job.BULK_UPLOAD, point) == -SIGKILL, point
    with desk.registry.view() as tx:
        assert tx.conservation.count().holds, point


def test_orders_of_a_killed_upload_are_taken_in_once(small: Desk, killer: Crasher) -> None:
    uploads = UploadDesk(small)
    first = next(small.numbers)
    rows = [order(first + number) for number in range(3)]
    uploads.drop("enrolment_order", filled("enrolment_order", *rows))
    for point in (
        "adapters.registry.intake:Intake.insert_rows:after",
        "jobs.uploads.applying:_commit_chunk:after",
        "adapters.registry.intake:Intake.insert_rows:after",
        "jobs.uploads.applying:_commit_chunk:after",
    ):
        killed(small, killer, point)
    assert killer.run(Job.BULK_UPLOAD) == 0
    assert uploads.newest().counts == Counts(new=3)
    assert orders_of(small, rows) == 3


def test_the_next_upload_of_a_file_whose_first_one_was_refused_halfway(small: Desk, killer: Crasher) -> None:
    """Its uploader was removed between two chunks. What was applied stays counted, and is not applied again."""
    uploads = UploadDesk(small)
    first = next(small.numbers)
    rows = [order(first + number) for number in range(3)]
    data = filled("enrolment_order", *rows)
    ben, cleo = "ben@example.com", "cleo@example.com"
    register(small, ADA, ben)
    uploads.drop("enrolment_order", data, uploader=ben)
    killed(small, killer, "jobs.uploads.applying:_commit_chunk:after")
    with small.registry.transaction() as tx:
        tx.uploads.set_uploader(ben, None, active=False)
    uploads.drop("enrolment_order", data, uploader=cleo)  # is not registered yet either
    assert killer.run(Job.BULK_UPLOAD) == 0
    with small.registry.view() as tx:
        by_cleo, by_ben = tx.uploads.history(2)
        assert tx.conservation.count().holds
    assert (by_ben.state, by_ben.rows_done) == (UploadState.FAILED, CHUNK)
    assert "its first 2 rows had been dealt with" in by_ben.reason
    assert [code for _, _, code in uploads.findings(by_cleo)] == ["UPLOADER_UNKNOWN"]
    assert orders_of(small, rows) == CHUNK
    register(small, cleo)
    uploads.drop("enrolment_order", data, uploader=cleo)
    killed(small, killer, "jobs.uploads.applying:_commit_chunk:after")
    assert killer.run(Job.BULK_UPLOAD) == 0
    assert uploads.newest().counts == Counts(new=1, unchanged=2)
    assert orders_of(small, rows) == 3


def test_the_second_upload_of_a_file_whose_first_one_is_refused_in_the_same_run(small: Desk, killer: Crasher) -> None:
    """The count holds between its chunks, too."""
    uploads = UploadDesk(small)
    register(small, ADA)
    data = filled("locations", *(location(f"Twice {part}") for part in "ABC"))
    uploads.drop("locations", data, "a.xlsx", uploader="eve@example.com")
    killed(small, killer, "jobs.uploads.collection:_collect:after")
    uploads.drop("locations", data, "b.xlsx")
    killed(small, killer, "jobs.uploads.applying:_commit_chunk:after")
    assert killer.run(Job.BULK_UPLOAD) == 0
    upload = uploads.newest()
    assert (upload.uploader, upload.counts, upload.same_as) == (ADA, Counts(new=3), None)


def test_two_uploads_that_are_the_same_file(small: Desk, killer: Crasher) -> None:
    """The second one is recognised as soon as the first is applied, however often a run was killed before."""
    uploads = UploadDesk(small)
    register(small, ADA)
    data = filled("locations", *(location(f"Same {part}") for part in "ABC"))
    uploads.drop("locations", data, "a.xlsx")
    killed(small, killer, "jobs.uploads.applying:_commit_chunk:after")
    uploads.drop("locations", data, "b.xlsx")
    killed(small, killer, "jobs.uploads.applying:_commit_chunk:after")
    assert killer.run(Job.BULK_UPLOAD) == 0
    with small.registry.view() as tx:
        second, first = tx.uploads.history(2)
    assert (first.counts, second.counts, second.same_as) == (Counts(new=3), Counts(unchanged=3), first.id)


def register(desk: Desk, *emails: str) -> None:  # noqa: F811
    with desk.registry.transaction() as tx:
        for email in emails:
            tx.uploads.set_uploader(email, None)
