"""One job, or one order of a person, every boundary of which is watched: told, or the last thing its process does."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial, wraps
from itertools import count
from pathlib import Path
from typing import Any, Literal

from adapters.channels.names import is_peoples
from adapters.channels.sftp import SftpChannel
from adapters.clock import SystemClock
from adapters.inboxes.sftp_orders import RemoteInbox
from adapters.inboxes.uploads import RemoteDrops
from adapters.registry.registry import Registry
from adapters.settings import Workspace, channel_key
from app.bootstrap import Muster
from formats.workbook.read.grid import Workbook
from formats.workbook.read.inspection import WorkbookLimits
from formats.workbook.read.reading import read_workbook
from jobs.context import Exchange
from jobs.job import Job
from jobs.ports import Channel
from jobs.uploads.decisions import commit_upload
from tests.support import boundaries
from tests.support.desk import unvalidated

RESTLESS = "restless"
"""Files of the inbox whose names begin so have another time whenever the job looks again."""

Deed = Job | Literal["cancel_batch", "receive_answer", "commit_upload"]


def run(workspace: Workspace, deed: str, point: str, told: str, options: dict[str, Any]) -> None:
    """Do it. `point`: where to die, if anywhere; `told`: a file for every moment, if asked for.

    With the option `remote`, order files and workbooks lie on the server of the provider `acme`.
    Nobody looks for migrations, which would take longer than the job: the registry is up to date here.
    """
    Registry.migrate = lambda registry: None  # type: ignore[method-assign]
    tell = _telling(point, Path(told) if told else None)
    for writer, method in boundaries.WRITERS:
        setattr(writer, method, _telling_method(getattr(writer, method), f"{writer.__name__}.{method}", tell))
    remote = options.pop("remote", False)
    with Muster.open(workspace) as app:
        exchange = _fed_from_server(app, tell) if remote else app.exchange
        uploads = replace(exchange.uploads, workbooks=_HereRead())
        exchange = replace(exchange, clock=_Restless(workspace), validate=unvalidated, uploads=uploads)
        app.exchange = boundaries.watched(exchange, Exchange, tell)
        app.registry = app.exchange.registry  # type: ignore[assignment]  # a watched one
        if deed in _BY_HAND:
            _BY_HAND[deed](app, options)
        else:
            app.carry_out(app.begin(Job(deed), actor="tests", **options), partial(_step, tell))


_BY_HAND: Mapping[str, Callable[[Muster, dict[str, Any]], object]] = {
    "cancel_batch": lambda app, options: app.cancel_batch(**options),
    "receive_answer": lambda app, options: app.receive_answer(
        options["provider"], bytes.fromhex(options["message"]), actor="tests"
    ),
    "commit_upload": lambda app, options: commit_upload(app.exchange, **options),
}


def _fed_from_server(app: Muster, tell: boundaries.Tell) -> Exchange:
    sftp, spool = app.settings.provider("acme").sftp, app.exchange.spool
    assert sftp is not None
    server = SftpChannel(sftp, channel_key(sftp.credential, app.workspace), is_peoples)
    channel = boundaries.watched(server, Channel, tell)
    orders = RemoteInbox(channel, spool, "orders", "orders/done", app.settings.inbox.pattern)
    uploads = replace(app.exchange.uploads, inboxes=RemoteDrops(channel, spool, "uploads", ("ada@example.com",)))
    return replace(app.exchange, inboxes=(orders,), uploads=uploads)


class _Restless(SystemClock):
    def __init__(self, workspace: Workspace) -> None:
        self._inbox = workspace.inbox

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        for path in self._inbox.glob(f"*{RESTLESS}*"):
            os.utime(path, (0, path.stat().st_mtime - 1))


class _HereRead:
    """Reads workbooks in this process, which is a child already: starting another one takes longer than the job."""

    def read(self, data: bytes, sheet: str) -> Workbook:
        return read_workbook(data, sheet, WorkbookLimits())


def _telling(point: str, told: Path | None) -> boundaries.Tell:
    numbers = count(1)

    def tell(moment: str) -> None:
        if point in (moment, f"#{next(numbers)}"):
            os.kill(os.getpid(), signal.SIGKILL)
        if told is not None:
            with told.open("a", encoding="utf-8") as out:
                out.write(f"{moment}\n")

    return tell


def _step(tell: boundaries.Tell, name: str, take: Callable[[], Any]) -> None:
    tell(f"step {name}:before")
    take()
    tell(f"step {name}:after")


def _telling_method(method: Callable[..., Any], name: str, tell: boundaries.Tell) -> Callable[..., Any]:
    @wraps(method)
    def called(*arguments: Any, **named: Any) -> Any:
        tell(f"{name}:before")
        result = method(*arguments, **named)
        tell(f"{name}:after")
        return result

    return called
