"""What a run, or what a person does, finds before it when it is killed, and how it is judged afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sqlalchemy import func, select

from adapters.registry.business_tables import locations
from app.uploading import hand_in, store
from jobs.job import Job
from jobs.states import BatchState
from jobs.upload import Consent, Counts, Upload, UploadState
from jobs.uploads.decisions import commit_upload
from tests.faults.test_crash_points import Scene as ExchangeScene
from tests.faults.test_upload_crash_points import UNDISTURBED, register
from tests.faults.test_upload_crash_points import Scene as UploadScene
from tests.support.crashed_job import RESTLESS, Deed
from tests.support.crashing import Crasher
from tests.support.desk import Desk
from tests.support.forge import device
from tests.support.orders import order_text
from tests.support.uploads import ADA, UploadDesk, filled, location

EVE = "eve@example.com"
_ACME = {"provider": "acme"}
_numbers = count(1)


@dataclass(frozen=True)
class Trial:
    """A deed in its scene. `settled` brings it to its end with runs that nobody disturbs, and judges."""

    desk: Desk
    killer: Crasher
    deed: Deed
    options: Mapping[str, object]
    settled: Callable[[], None]

    def run(self, point: str) -> int:
        """Exit code of a run that dies there, or ends before it comes there; the count holds in what it left.

        Longer than the quiet time of a delivery passes afterwards: the next run may settle what is in doubt.
        """
        code = self.killer.run(self.deed, point, **self.options)
        with self.desk.registry.view() as tx:
            assert tx.conservation.count().holds, point
        self.desk.time_passes()
        return code

    def moments(self) -> list[str]:
        """Every moment of an undisturbed run, in order."""
        return self.killer.moments(self.deed, **self.options)


class Stage:
    """A desk, and the process that is killed there. Its methods set scenes."""

    def __init__(self, desk: Desk, killer: Crasher) -> None:
        self.desk, self.killer = desk, killer

    def orders(self) -> Trial:
        """Beside the order file: one for quarantine, one that never rests, one nobody asked for, one too large.

        The large one was taken when more was allowed. The anchor's last line is torn.
        """
        scene = self._ordered()
        serial = scene.serials[0]
        inbox = self.desk.installation.workspace.inbox
        large = inbox / f".taken-{serial}" / f"large{serial}.csv"
        large.parent.mkdir()
        large.touch()
        os.truncate(large, self.desk.app.exchange.inbox_limits.max_bytes + 1)
        self.desk.drop(f"no heading\n{serial}\n")
        self.desk.drop(f"never at rest\n{serial}\n", f"{RESTLESS}{serial}.csv")
        unasked = self.desk.drop(serial, f"notes{serial}.pdf")
        with self.desk.installation.workspace.audit_anchor.open("a") as anchor:
            anchor.write("torn")

        def settled() -> None:
            self.desk.dispatch()
            for left in (unasked, inbox / large.name):
                left.unlink()
            scene.settled()

        return self._trial(Job.ORDER_DISPATCH, settled)

    def remote_orders(self) -> Trial:
        """The order file lies on a server."""
        scene = self._scene()
        folder = self.desk.simulator.files / "orders"
        (folder / "done").mkdir(parents=True, exist_ok=True)
        (folder / f"orders{scene.serials[0]}.csv").write_text(order_text(scene.rows), encoding="utf-8")

        def settled() -> None:
            assert self.killer.run(Job.ORDER_DISPATCH, remote=True) == 0
            assert [path.name for path in folder.iterdir()] == ["done"]
            scene.settled()

        return self._trial(Job.ORDER_DISPATCH, settled, remote=True)

    def waiting(self) -> Trial:
        return self._trial(Job.REQUEST, self._waiting().settled, **_ACME)

    def in_doubt(self) -> Trial:
        """Earlier attempts left their temporary files: they are looked at, disproved and removed."""
        scene = self._waiting()
        for _ in range(2):
            scene.killed(Job.REQUEST, "jobs.sending:_commit_asking:before")
        return self._trial(Job.REQUEST, scene.settled, **_ACME)

    def cancelled(self) -> Trial:
        """A sealed batch: either it is sent, or its lines wait again."""
        scene = self._waiting()
        scene.killed(Job.REQUEST, "jobs.sending:_commit_intent:before")
        number = scene.batch()[0]
        return self._trial("cancel_batch", scene.settled, number=number, actor=ADA, reason="a test")

    def answered(self) -> Trial:
        """Beside the answer: one that cannot be opened, one about a batch that nobody knows."""
        scene = self._waiting()
        self.desk.plan()
        self.desk.request()
        self.desk.answers(1)
        self.desk.forge.put(f"no message {scene.serials[0]}".encode())
        self.desk.forge.answer("ACME-999999", device(scene.rows[0]["order_number"], scene.serials[0], "ENROLLED"))
        return self._trial(Job.RESPONSE, scene.settled, **_ACME)

    def posted(self) -> Trial:
        """An answer that the provider posts, and posts again when it hears nothing."""
        scene = self._waiting()
        self.desk.request()
        message = self.desk.forge.seal(_document(scene))

        def settled() -> None:
            self.desk.app.receive_answer("acme", message, "acme-service")
            self.desk.response()
            assert (scene.batch()[1], scene.states()) == (BatchState.CLOSED, {"ENROLLED"})
            scene.check_tables()
            scene.check_traces()
            self.desk.speak()  # or it would miss the number of this batch
            self.desk.answers(1)
            self.desk.response()
            assert scene.states() == {"ENROLLED"}

        return self._trial("receive_answer", settled, **_ACME, message=message.hex())

    def workbook(self) -> Trial:
        scene = UploadScene(UploadDesk(self.desk), self.killer)
        return self._trial(Job.BULK_UPLOAD, scene.check)

    def remote_workbook(self) -> Trial:
        """It lies on a server, and its answers are laid there."""
        scene = UploadScene(_RemoteDesk(self.desk), self.killer, remote=True)
        return self._trial(Job.BULK_UPLOAD, scene.check, remote=True)

    def same_workbooks(self) -> Trial:
        """Bytes that somebody unknown drops, too, before somebody registered, and bytes that were applied already."""
        register(self.desk, ADA)
        uploads, name = UploadDesk(self.desk), f"same{next(_numbers)}"
        twice, again = (
            filled("locations", *(location(f"{name} {part}") for part in parts)) for parts in ("ABC", "DEF")
        )
        uploads.drop("locations", again, f"{name}first.xlsx")
        assert self.killer.run(Job.BULK_UPLOAD) == 0
        uploads.drop("locations", again, f"{name}again.xlsx")
        uploads.drop("locations", twice, f"{name}known.xlsx")
        unknown = uploads.drop("locations", twice, f"{name}unknown.xlsx", EVE)
        os.utime(unknown, (unknown.stat().st_mtime - 60,) * 2)  # the oldest comes first

        def settled() -> None:
            assert self.killer.run(Job.BULK_UPLOAD) == 0
            found = {item.file_name.removeprefix(name): (item.state, item.counts) for item in self._uploads(name)}
            assert found == {
                "first.xlsx": (UploadState.COMPLETED, Counts(new=3)),
                "again.xlsx": (UploadState.COMPLETED, Counts(unchanged=3)),
                "unknown.xlsx": (UploadState.FAILED, Counts()),
                "known.xlsx": (UploadState.COMPLETED, Counts(new=3)),
            }
            laid = select(func.count()).where(locations.c.city.startswith(f"{name} "))
            assert self.desk.rows(laid) == [(6,)]
            assert uploads.left("locations") == []

        return self._trial(Job.BULK_UPLOAD, settled)

    def held(self) -> Trial:
        """It waits for somebody to agree."""
        scene = self._handed_in()
        return self._trial(Job.BULK_UPLOAD, lambda: self._agreed(scene))

    def agreed(self) -> Trial:
        """Somebody agrees to what waits."""
        scene = self._handed_in()
        assert self.killer.run(Job.BULK_UPLOAD) == 0
        (upload,) = scene.history()
        return self._trial("commit_upload", lambda: self._agreed(scene), number=upload.id, actor=ADA, reason="a test")

    def _trial(self, deed: Deed, settled: Callable[[], None], **options: object) -> Trial:
        return Trial(self.desk, self.killer, deed, options, settled)

    def _scene(self) -> ExchangeScene:
        self.desk.silence()
        return ExchangeScene(self.desk, self.killer)

    def _ordered(self) -> ExchangeScene:
        scene = self._scene()
        self.desk.drop(order_text(scene.rows))
        return scene

    def _waiting(self) -> ExchangeScene:
        scene = self._ordered()
        self.desk.dispatch()
        return scene

    def _handed_in(self) -> UploadScene:
        scene = UploadScene(UploadDesk(self.desk), self.killer)
        dropped = scene.uploads.folder("locations") / f"{scene.name}.xlsx"
        store(
            self.desk.app,
            hand_in(self.desk.app, "locations", ADA, dropped.name, dropped.read_bytes(), Consent.ASK),
            ADA,
        )
        dropped.unlink()
        return scene

    def _agreed(self, scene: UploadScene) -> None:
        upload = scene.ended()
        if upload.state is UploadState.HELD:
            commit_upload(self.desk.app.exchange, upload.id, ADA, "a test")
            upload = scene.ended()
        assert (upload.state, upload.counts) == (UploadState.COMPLETED, Counts(new=4, failed=1))
        audited = [("upload received", ADA), ("upload held", ADA), ("upload committed", ADA), ("upload applied", ADA)]
        assert scene.traces() == UNDISTURBED | {"audit": audited}

    def _uploads(self, name: str) -> list[Upload]:
        with self.desk.registry.view() as tx:
            return [item for item in tx.uploads.history(1000) if item.file_name.startswith(name)]


class _RemoteDesk(UploadDesk):
    """Its drop folders lie on the simulator's server."""

    @property
    def root(self) -> Path:
        return self.desk.simulator.files / "uploads"

    def folder(self, name: str, uploader: str = ADA) -> Path:
        folder = super().folder(name, uploader)
        for answers in ("done", "failed"):
            (folder / answers).mkdir(exist_ok=True)
        return folder


def _document(scene: ExchangeScene) -> bytes:
    devices = [{"deviceId": serial, "outcome": "ENROLLED"} for serial in scene.serials]
    return json.dumps(
        {
            "interfaceCategory": "Device Enrolment",
            "interfaceType": "Device Enrolment Response",
            "version": 1.0,
            "batchNumber": scene.batch()[0],
            "deviceEnrolmentProviderId": "acme",
            "extractLoadDateTime": "2026-03-05T14:30:00Z",
            "order": {"id": scene.rows[0]["order_number"], "devices": devices},
        }
    ).encode()


PLOTS: dict[str, Callable[[Stage], Trial]] = {
    setter.__name__: setter
    for setter in (
        Stage.orders,
        Stage.remote_orders,
        Stage.waiting,
        Stage.in_doubt,
        Stage.cancelled,
        Stage.answered,
        Stage.posted,
        Stage.workbook,
        Stage.remote_workbook,
        Stage.same_workbooks,
        Stage.held,
        Stage.agreed,
    )
}
