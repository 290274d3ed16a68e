"""The embedded Airflow console: starts Airflow's four components, watches them, and leaves none behind.

`airflow standalone` is not used: ended by SIGTERM it leaves its children running.
"""

from __future__ import annotations

import atexit
import fcntl
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.settings.environment import variables
from adapters.settings.workspace import Workspace
from app.console.client import AirflowClient
from app.console.home import MARK, USER, Home
from app.console.processes import Child, kill_left_over, stop_all
from app.console.signals import StopSignals
from app.loopback import HOST, free_port
from jobs.errors import Retry, Setup

_REPOSITORY = Path(__file__).resolve().parents[2]
_AIRFLOW = str(Path(sys.executable).parent / "airflow")
_COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": (_AIRFLOW, "api-server"),
    "dag-processor": (_AIRFLOW, "dag-processor"),
    # without --skip-serve-logs it and the scheduler would listen on every network interface
    "triggerer": (_AIRFLOW, "triggerer", "--skip-serve-logs"),
    "scheduler": (sys.executable, "-m", "app.console.scheduler", "--skip-serve-logs"),
}
_HEARTBEATS = ("scheduler", "dag_processor", "triggerer")
_START_TIMEOUT = 600.0
_STOP_GRACE = 12.0
_IDLE_GRACE = 2.0  # a triggerer without triggers has nothing to end, and takes 11 s for it
_MAX_RESTARTS = 5


class ConsoleFailed(Setup):
    code = "CONSOLE_FAILED"
    remedy = "Read the component's log under the workspace's airflow/logs"


class Console:
    """Airflow for one workspace, from `with` to the end of the block.

    `port` is the wanted port; a free one is taken if it is in use, and `say` hears of it.
    `pools` maps pool names to slots. `companions` are further commands to keep running beside
    Airflow, by name (the demo's simulator). `dags` and `plugins` default to this repository's.
    """

    def __init__(
        self,
        workspace: Workspace,
        port: int = 8080,
        *,
        pools: Mapping[str, int] | None = None,
        companions: Mapping[str, Sequence[str]] | None = None,
        dags: Path = _REPOSITORY / "dags",
        plugins: Path = _REPOSITORY / "plugins",
        say: Callable[[str], None] = print,
    ) -> None:
        self._workspace = workspace
        self._wanted_port = port
        self._pools = dict(pools or {})
        self._companions = dict(companions or {})
        self._dags = dags
        self._plugins = plugins
        self._say = say
        self._home = Home(workspace.home / "airflow")
        self._children: dict[str, Child] = {}
        self._stack = ExitStack()
        self._signals = StopSignals()
        self._restarts = 0
        self.user = USER
        self.password = ""
        self.port = port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def client(self) -> AirflowClient:
        return AirflowClient(HOST, self.port, self.user, self.password)

    @property
    def banner(self) -> str:
        """Where the console is, how to log in, how to stop it."""
        return (
            f"Airflow console: {self.url}\n  user:     {self.user}\n  password: {self.password}\n"
            f"  logs:     {self._home.logs}\nStop it with Ctrl-C."
        )

    def __enter__(self) -> Self:
        try:
            atexit.register(self._stop)  # for a signal between the end of the block and __exit__
            self._stack.enter_context(self._signals)
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def stay(self, interval: float = 2.0) -> None:
        """Keep it running until a stop signal; a dead triggerer is started again.

        Raises Stopped on a signal and ConsoleFailed when another process ended.
        """
        while True:
            self.check()
            time.sleep(interval)

    def _start(self) -> None:
        kept = self._home.prepare()
        self._stack.enter_context(_alone(self._home.lock))
        if killed := kill_left_over(self._home.noted_sessions(), f"{MARK}={self._home.folder}"):
            self._say(f"Ended {killed} processes that an earlier, killed console had left.")
        self.password = kept.password
        self.port = free_port(self._wanted_port)
        if self.port != self._wanted_port:
            self._say(f"Port {self._wanted_port} is in use; the console takes {self.port}.")
        environment = self._home.environment(self._workspace, self.port, self._dags, self._plugins, kept)
        if not self._home.is_migrated():
            self._migrate(Child("migrate", (_AIRFLOW, "db", "migrate"), environment, self._home.fresh_log("migrate")))
        self._say("Starting Airflow.")
        started = datetime.now(UTC)
        for name, argv in self._companions.items():
            self._launch(Child(name, argv, variables("") | self._home.mark, self._home.fresh_log(name)))
        for name, argv in _COMPONENTS.items():
            if name == "scheduler":
                # its first tasks fail if no api-server answers, and wait for ever in a pool that does not exist
                self._await(lambda: self._missing((), started))
                for pool, slots in self._pools.items():
                    self.client.ensure_pool(pool, slots)
            self._launch(Child(name, argv, environment, self._home.fresh_log(name)))
        self._await(lambda: self._missing(_HEARTBEATS, started))

    def _migrate(self, child: Child) -> None:
        self._say("Preparing Airflow's database.")
        self._launch(child)
        child.wait(time.monotonic() + _START_TIMEOUT)
        if child.exit_code != 0:
            raise ConsoleFailed(f"`airflow db migrate` failed:\n{child.tail()}")
        del self._children[child.name]
        self._home.note_migrated()

    def _launch(self, child: Child) -> None:
        with self._signals.held():  # a child that is started is known
            self._children[child.name] = child
            child.start()
        self._home.note_sessions([known.pid for known in self._children.values() if known.pid])

    def _await(self, missing: Callable[[], tuple[str, ...]]) -> None:
        """Wait until `missing` names no component."""
        until = time.monotonic() + _START_TIMEOUT
        while waiting := missing():
            self.check()
            if time.monotonic() > until:
                tails = "\n".join(f"--- {child.name}\n{child.tail(10)}" for child in self._children.values())
                raise ConsoleFailed(
                    f"Airflow has no healthy {', '.join(waiting)} after {_START_TIMEOUT:.0f} s\n{tails}"
                )
            time.sleep(0.3)

    def _missing(self, heartbeats: Sequence[str], started: datetime) -> tuple[str, ...]:
        """Components without a healthy heartbeat of this start: an old one may still look young enough."""
        try:
            health = self.client.health()
        except Retry:
            return ("api-server",)
        return tuple(
            name
            for name in heartbeats
            if health[name]["status"] != "healthy" or not _later(health[name][f"latest_{name}_heartbeat"], started)
        )

    def check(self) -> None:
        """Raises ConsoleFailed when a process ended.

        Nothing else restarts a triggerer that died (one damaged trigger is enough): so we do.
        """
        for name, child in self._children.items():
            if not child.ended:
                continue
            if name != "triggerer" or self._restarts >= _MAX_RESTARTS:
                raise ConsoleFailed(f"{name} ended with code {child.exit_code}:\n{child.tail()}")
            self._say("The triggerer ended; it is started again.")
            self._restarts += 1
            self._launch(child)

    def _stop(self) -> None:
        try:
            with self._signals.held():
                stop_all(tuple(self._children.values()), _STOP_GRACE, {"triggerer": _IDLE_GRACE})
                self._children.clear()
                atexit.unregister(self._stop)
        finally:
            self._stack.close()


def _later(moment: str | None, than: datetime) -> bool:
    return moment is not None and datetime.fromisoformat(moment) > than


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Two schedulers on one SQLite database disturb each other: one console for each workspace."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConsoleFailed(f"Another console runs on {lock.parent.parent}") from None
        yield
