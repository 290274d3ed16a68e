"""The registry: reachable, of this version, and its audit trail unbroken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, select

import adapters.registry
from adapters.archive import is_intact
from adapters.audit_anchor import AuditAnchor, forgotten
from adapters.registry.engine import for_reading, make_engine
from adapters.registry.registry import Transaction
from adapters.registry.tables import batches
from adapters.registry.trouble import answering
from adapters.settings import Settings, Workspace, registry_url
from app.doctor.result import Check, Status
from jobs.errors import NotFound, RegistryRefused
from jobs.states import BatchState

_MAY_BE_SENT = (BatchState.SEALED, BatchState.SENDING, BatchState.UNCERTAIN)
_MIGRATIONS = Path(adapters.registry.__file__).parent / "migrations"


def registry(workspace: Workspace, settings: Settings) -> Iterator[Check]:
    """Reachable, and its schema the newest."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    with connected(workspace, settings) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        name = connection.engine.url.render_as_string(hide_password=True)
    if found == script.get_current_head():
        yield Check("registry", Status.OK, name)
    elif found is None or found in {revision.revision for revision in script.walk_revisions()}:
        fix = "Back it up; the next command brings it up to date"
        yield Check("registry", Status.WARN, f"{name} has an older schema ({found or 'none'})", fix)
    else:
        fix = "Install the newer Muster that made it"
        yield Check("registry", Status.FAIL, f"{name} has a schema of a newer Muster ({found})", fix)


def audit_trail(workspace: Workspace, settings: Settings) -> Iterator[Check]:
    """Its hash chain holds, ends no sooner than the anchor says, and agrees with the records it covers."""
    anchored = AuditAnchor(workspace.audit_anchor).anchored()
    with connected(workspace, settings) as connection:
        if not connection.dialect.has_table(connection, "audit"):
            return
        opened = Transaction(connection)
        trail = opened.audit
        broken, newest = trail.breaks(anchored.rows), trail.head()
        changed = opened.altered()
        lacking = forgotten(anchored, opened)
    fix = "Treat it as a security event: keep the database as it is and compare it with a backup"
    if changed:
        what = f"{changed[0]} is not as it was recorded ({len(changed)} such records in all)"
        yield Check("audit trail", Status.FAIL, what, fix)
    if broken:
        yield Check("audit trail", Status.FAIL, f"broken at row {broken[0]} ({len(broken)} in all)", fix)
    elif lacking:
        yield Check("audit trail", Status.FAIL, f"the registry has forgotten: {lacking[0]}", "muster recover")
    elif changed:
        return
    elif newest and not anchored.rows:
        fix = "The next run's end does that; if runs have ended here, somebody removed audit-anchor"
        yield Check("audit trail", Status.WARN, "the hash chain holds, but its end is not anchored", fix)
    else:
        yield Check("audit trail", Status.OK, "the hash chain holds, its end included")


def holds(workspace: Workspace, settings: Settings) -> Iterator[Check]:
    """No provider is held since the registry was restored."""
    with connected(workspace, settings) as connection:
        if not connection.dialect.has_table(connection, "provider_holds"):
            return
        held = Transaction(connection).holds.all()
    for hold in held:
        what = f"nothing is sent to {hold.provider} since {hold.since:%Y-%m-%d %H:%M} UTC: {hold.reason}"
        fix = f"Ask what it has been sent, then: muster recover release {hold.provider} --sent FILE"
        yield Check("held providers", Status.FAIL, what, fix)


def archive(workspace: Workspace, settings: Settings) -> Iterator[Check]:
    """What may still be sent is there and unchanged; `muster archive verify` looks at the rest, too."""
    with connected(workspace, settings) as connection:
        if not connection.dialect.has_table(connection, "batches"):
            return
        statement = select(batches.c.number, batches.c.archive_key).where(batches.c.state.in_(_MAY_BE_SENT))
        waiting = connection.execute(statement.order_by(batches.c.id)).all()
    faults = [(row.number, fault) for row in waiting if (fault := _archive_fault(settings.archive, row.archive_key))]
    fix = "Put the file back from a backup of the archive, or cancel the batch; nothing of it is sent"
    for number, fault in faults:
        yield Check("archive", Status.FAIL, f"the file of batch {number} is {fault}", fix)
    if not faults:
        yield Check("archive", Status.OK, f"{len(waiting)} batch(es) that may be sent, unchanged")


def _archive_fault(root: Path, key: str) -> str:
    try:
        return "" if is_intact(root, key) else "damaged"
    except NotFound:
        return "missing"


@contextmanager
def connected(workspace: Workspace, settings: Settings) -> Iterator[Connection]:
    """A connection that only reads. SQLite would make a missing database, so that is asked for first."""
    url = registry_url(settings, workspace).reveal()
    database = make_url(url)
    if database.get_backend_name() == "sqlite" and not Path(database.database or "").exists():
        raise RegistryRefused(f"{database.database} does not exist")
    engine = make_engine(url)
    try:
        with answering(), for_reading(engine).connect() as connection:
            yield connection
    finally:
        engine.dispose()
