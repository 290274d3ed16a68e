"""AIRFLOW_HOME of the embedded console: its secrets, made once, and the environment of its processes."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from adapters.settings.connections import connections_env
from adapters.settings.environment import variables
from adapters.settings.workspace import Workspace
from app.loopback import HOST

USER = "admin"
MARK = "MUSTER_CONSOLE"  # in the environment of every child, to know it again after we were killed
_FILE_MODE = 0o600


@dataclass(frozen=True)
class Secrets:
    """Keys every Airflow process of one home must share, and the password of the user `admin`."""

    fernet_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class Home:
    """`<workspace>/airflow`, private to its owner."""

    folder: Path

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def passwords(self) -> Path:
        return self.folder / "passwords.json"

    @property
    def database(self) -> Path:
        return self.folder / "airflow.db"

    @property
    def mark(self) -> dict[str, str]:
        return {MARK: str(self.folder)}

    @property
    def lock(self) -> Path:
        return self.folder / "console.lock"

    def fresh_log(self, name: str) -> Path:
        """The log of one process; that of the last start is kept beside it as `.log.1`."""
        log = self.logs / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        return log

    def note_sessions(self, sessions: Sequence[int]) -> None:
        """Keep the ids of the running sessions, for the next start if this process is killed."""
        _write_private(self._sessions, list(sessions))

    def noted_sessions(self) -> tuple[int, ...]:
        if not self._sessions.exists():
            return ()
        return tuple(json.loads(self._sessions.read_text(encoding="utf-8")))

    @property
    def _sessions(self) -> Path:
        return self.folder / "sessions.json"

    def is_migrated(self) -> bool:
        """Whether `airflow db migrate` (some ten seconds) was done with this version of Airflow."""
        return self._migrated.exists() and self._migrated.read_text(encoding="utf-8") == version("apache-airflow-core")

    def note_migrated(self) -> None:
        self._migrated.write_text(version("apache-airflow-core"), encoding="utf-8")

    @property
    def _migrated(self) -> Path:
        return self.folder / "airflow.db.version"

    def prepare(self) -> Secrets:
        """Make the folders; make the secrets at the first time, and the same ones afterwards."""
        for folder in (self.folder, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        path = self.folder / "secrets.json"
        if not path.exists():
            _write_private(path, asdict(_new_secrets()))
        kept = Secrets(**json.loads(path.read_text(encoding="utf-8")))
        _write_private(self.passwords, {USER: kept.password})
        self.database.touch(_FILE_MODE)  # Airflow would make it readable for everybody
        self.database.chmod(_FILE_MODE)
        return kept

    def environment(self, workspace: Workspace, port: int, dags: Path, plugins: Path, kept: Secrets) -> dict[str, str]:
        """The whole environment of every child: ours, without Airflow settings that belong to another home."""
        inherited = {name: value for name, value in variables("").items() if not name.startswith("AIRFLOW__")}
        programs = str(Path(sys.executable).parent)  # Airflow starts `airflow` by name
        return (
            inherited
            | connections_env(workspace)
            | self.mark
            | {
                "PATH": os.pathsep.join([programs, inherited.get("PATH", os.defpath)]),
                "MUSTER_HOME": str(workspace.home),
                "AIRFLOW_HOME": str(self.folder),
                "PYTHONWARNINGS": "ignore::DeprecationWarning",  # Airflow's own, in every task's log
                "SPT_NOENV": "1",  # Airflow's process titles must not overwrite the environment, and the mark
            }
            | {f"AIRFLOW__{name}": value for name, value in self._settings(port, dags, plugins, kept).items()}
        )

    def _settings(self, port: int, dags: Path, plugins: Path, kept: Secrets) -> dict[str, str]:
        return {
            "API__HOST": HOST,
            "API__PORT": str(port),
            "API__BASE_URL": f"http://{HOST}:{port}",
            "API__SECRET_KEY": kept.secret_key,
            "API_AUTH__JWT_SECRET": kept.jwt_secret,
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__DAGS_FOLDER": str(dags),
            "CORE__EXECUTION_API_SERVER_URL": f"http://{HOST}:{port}/execution/",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__FERNET_KEY": kept.fernet_key,
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PARALLELISM": "4",
            "CORE__PLUGINS_FOLDER": str(plugins),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.passwords),
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.database}",
            "LOGGING__BASE_LOG_FOLDER": str(self.logs),
            # tasks log at INFO; Airflow's own chatter would only fill the disk
            "LOGGING__LOGGING_LEVEL": "INFO",
            "LOGGING__NAMESPACE_LEVELS": "airflow=WARNING http.access=WARNING",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        }


def _new_secrets() -> Secrets:
    return Secrets(
        fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        secret_key=secrets.token_urlsafe(48),
        jwt_secret=secrets.token_urlsafe(64),
        password=secrets.token_urlsafe(12),
    )


def _write_private(path: Path, content: object) -> None:
    """Under another name first, so that a crash never leaves half a file."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "w", encoding="utf-8") as file:
        json.dump(content, file)
    part.replace(path)
