"""The workspace: the folder that holds everything an installation owns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.settings.environment import environment
from jobs.errors import Setup

_DEFAULT_HOME = ".muster"
_PRIVATE = 0o700
_SHARED = 0o750


class WorkspaceNoFolder(Setup):
    code = "WORKSPACE_NO_FOLDER"
    remedy = "Name a folder with --home or MUSTER_HOME"


@dataclass(frozen=True)
class Workspace:
    """Paths below `home`. Nothing here is created or read before it is asked for."""

    home: Path

    @classmethod
    def find(cls, home: Path | None = None) -> Workspace:
        """The workspace at `home`, else at MUSTER_HOME, else at `.muster` in the current folder.

        It need not be there yet. Raises WorkspaceNoFolder when something else is.
        """
        chosen = (home or environment().home or Path(_DEFAULT_HOME)).expanduser().absolute()
        blocking = next((path for path in (chosen, *chosen.parents) if path.exists() and not path.is_dir()), None)
        if blocking is not None:
            raise WorkspaceNoFolder(f"the workspace {chosen} cannot be: {blocking} is no folder")
        return cls(chosen)

    @property
    def config(self) -> Path:
        return self.home / "muster.toml"

    @property
    def providers(self) -> Path:
        """Folder of the provider files, one `<name>.toml` each."""
        return self.home / "providers"

    @property
    def inbox(self) -> Path:
        """Where Order Dispatch files are dropped."""
        return self.home / "inbox" / "orders"

    @property
    def uploads(self) -> Path:
        """Where workbooks are dropped: `<template>/<uploader>/` each."""
        return self.home / "inbox" / "uploads"

    @property
    def archive(self) -> Path:
        """The default place of the archive; `Settings.archive` is the one in force."""
        return self.home / "archive"

    @property
    def quarantine(self) -> Path:
        return self.home / "quarantine"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    @property
    def gnupg(self) -> Path:
        return self.home / "gnupg"

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    @property
    def connections(self) -> Path:
        """File of `AIRFLOW_CONN_…='…'` lines for use without an environment or Airflow."""
        return self.secrets / "connections.env"

    @property
    def registry(self) -> Path:
        """The embedded database; `Settings.registry_url` says which one is in force."""
        return self.home / "registry.db"

    @property
    def audit_anchor(self) -> Path:
        """What the ends of runs noted about the audit trail (`adapters.audit_anchor`)."""
        return self.home / "audit-anchor"

    @property
    def owners(self) -> Path:
        """A locked file for each process that may own a lease (`adapters.lease_owner`)."""
        return self.home / "owners"

    @property
    def simulator(self) -> Path:
        return self.home / "simulator"

    def create(self) -> None:
        """Make the folders that are missing; the private ones are 0700 afterwards, whatever they were."""
        self.home.mkdir(mode=_SHARED, parents=True, exist_ok=True)
        for folder in (self.providers, self.inbox.parent, self.inbox, self.uploads, self.reports):
            if not folder.is_dir():
                folder.mkdir()
                folder.chmod(_SHARED)
        for folder in (self.secrets, self.gnupg, self.spool, self.archive, self.quarantine):
            folder.mkdir(mode=_PRIVATE, exist_ok=True)
            folder.chmod(_PRIVATE)
