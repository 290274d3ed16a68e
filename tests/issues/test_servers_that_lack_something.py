"""Servers without types, modes, times, lstat, fstat or rename, and one-time mailboxes: every answer of theirs was
refused, thrown away or tried again for ever. What can be done is done, what cannot is said.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.channels.calls import Facts
from adapters.inboxes.sftp_orders import RemoteInbox
from adapters.inboxes.uploads import RemoteDrop
from adapters.spool import FileSpool
from jobs.errors import (
    DeliveryUncertain,
    MusterError,
    RemoteFileRefused,
    RemotePathRefused,
    RemoteUnsupported,
    TransferFailed,
)
from jobs.ports import Listing, Session
from tests.support.odd_sftp import Odd, odd_server
from tests.support.parcels import parcel
from tests.support.scripted_sftp import (
    OWNER,
    Kind,
    ScriptedServer,
    attrs,
    entry,
    names,
    number,
    packet,
    scripted_server,
    status,
)

DATA = bytes(range(256)) * 200
TWICE = 5


class Partner:
    """The folders an odd server serves."""

    def __init__(self, home: Path) -> None:
        self.root = home / "root"
        self.source = home / "sealed"
        self.landed = home / "landed"
        for folder in ("in", "in/done", "to_provider"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "in/a.pgp").write_bytes(DATA)
        self.source.write_bytes(DATA)

    @property
    def files(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def partner(tmp_path: Path) -> Partner:
    return Partner(tmp_path)


def take(session: Session, partner: Partner) -> None:
    """What a response job does with one answer."""
    listing = session.list("in")
    assert listing.refused == ()
    (file,) = listing.files
    fetched = session.fetch("in", file.name, partner.landed, 10**6)
    assert (fetched.size, partner.landed.read_bytes()) == (len(DATA), DATA)
    found = session.stat("in", file.name)
    assert fetched.gone == (found is None)
    if found is not None:
        session.move("in", file.name, "in/done")


@pytest.mark.parametrize(
    "odd", [Odd.NO_MTIME, Odd.NO_LSTAT, Odd.NO_FSTAT, Odd.CLOCK_OFF, Odd.REORDERED, Odd.LATE_ARRIVAL]
)
def test_an_answer_is_taken_and_put_away(partner: Partner, odd: Odd) -> None:
    with odd_server(partner.root, odd) as server, server.channel().open() as session:
        take(session, partner)
        server.catch_up()
    assert partner.files == {"in/done/a.pgp"}


@pytest.mark.parametrize("odd", [Odd.NO_TYPE, Odd.NO_MODE])
def test_an_answer_without_a_type_is_taken_and_put_away(partner: Partner, odd: Odd) -> None:
    """So is the folder beside it, whose type is not told either: it cannot be read, which stops nothing."""
    with odd_server(partner.root, odd) as server, server.channel().open() as session:
        assert [file.name for file in session.list("in").files] == ["a.pgp", "done"]
        with pytest.raises(RemoteFileRefused):
            session.fetch("in", "done", partner.landed, 10**6)
        session.fetch("in", "a.pgp", partner.landed, 10**6)
        session.move("in", "a.pgp", "in/done")
    assert partner.files == {"in/done/a.pgp"}


def test_what_a_server_hands_out_once_is_kept(partner: Partner) -> None:
    with odd_server(partner.root, Odd.READ_ONCE) as server, server.channel().open() as session:
        take(session, partner)
    assert partner.files == set()


def test_what_came_whole_is_kept_when_the_connection_is_lost_after_it(partner: Partner) -> None:
    """The server may have taken it away already."""
    with odd_server(partner.root, Odd.READ_ONCE) as server, server.channel(1).open() as session:
        server.before("close", "a.pgp", server.hang_up)
        assert session.fetch("in", "a.pgp", partner.landed, 10**6).gone
    assert partner.landed.read_bytes() == DATA


def test_what_is_still_there_and_differs_is_refused(partner: Partner) -> None:
    with odd_server(partner.root) as server, server.channel().open() as session:
        server.before("close", "a.pgp", lambda: server.replace("in/a.pgp", b"another"))
        with pytest.raises(RemoteFileRefused, match="changed"):
            session.fetch("in", "a.pgp", partner.landed, 10**6)
    assert not partner.landed.exists()
    assert partner.files == {"in/a.pgp"}


@pytest.mark.parametrize("odd", [Odd.NO_TYPE, Odd.NO_MODE, Odd.NO_MTIME, Odd.NO_LSTAT, Odd.NO_FSTAT, Odd.CLOCK_OFF])
def test_a_delivery_is_proved(partner: Partner, odd: Odd) -> None:
    with odd_server(partner.root, odd) as server, server.channel().open() as session:
        assert session.deliver(parcel(partner.source, "to_provider", "b.pgp")).size == len(DATA)
    assert partner.files == {"in/a.pgp", "to_provider/b.pgp"}


@pytest.mark.parametrize(
    ("odd", "error"),
    [
        (Odd.NO_RENAME, RemoteUnsupported),
        (Odd.UPLOAD_ONLY, RemotePathRefused),
        (Odd.DISK_FULL, TransferFailed),
        (Odd.EAT_PART, DeliveryUncertain),
        (Odd.LATE_RENAME, DeliveryUncertain),
        (Odd.LATE_ARRIVAL, DeliveryUncertain),
    ],
)
def test_a_delivery_that_cannot_be_proved_says_why(partner: Partner, odd: Odd, error: type[MusterError]) -> None:
    with (
        odd_server(partner.root, odd) as server,
        server.channel(1).open() as session,
        pytest.raises(error) as caught,
    ):
        session.deliver(parcel(partner.source, "to_provider", "b.pgp"))
    assert "to_provider/b.pgp" not in partner.files
    assert "''" not in str(caught.value)


def test_a_short_write_is_seen_without_fstat(partner: Partner) -> None:
    """The size is looked up by name, which shows what is there then."""

    def shorten() -> None:
        (part,) = (partner.root / "to_provider").iterdir()
        part.write_bytes(DATA[:-1])

    with odd_server(partner.root, Odd.NO_FSTAT) as server, server.channel().open() as session:
        server.at_any("close", shorten)
        with pytest.raises(TransferFailed, match="were stored"):
            session.deliver(parcel(partner.source, "to_provider", "b.pgp"))


def test_an_answer_that_cannot_be_put_away_says_so(partner: Partner) -> None:
    with (
        odd_server(partner.root, Odd.NO_RENAME) as server,
        server.channel().open() as session,
        pytest.raises(RemoteUnsupported),
    ):
        session.move("in", "a.pgp", "in/done")
    assert partner.files == {"in/a.pgp"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFBLK, 0o030000])
def test_a_declared_type_other_than_a_file_is_none(kind: int) -> None:
    assert not Facts(kind | 0o644, 5, 0).is_regular


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.mark.parametrize(
    ("shown", "files", "refused"),
    [
        (b"-rw-r--r--   1 a b 5 Jan 1 00:00 a.pgp", 1, 0),
        (b"a.pgp", 1, 0),
        (b"", 1, 0),
        (b"drwxr-xr-x   1 a b 5 Jan 1 00:00 a.pgp", 0, 0),
        (b"lrwxrwxrwx   1 a b 5 Jan 1 00:00 a.pgp", 0, 1),
        (b"prw-r--r--   1 a b 5 Jan 1 00:00 a.pgp", 0, 1),
    ],
)
def test_the_line_beside_a_name_tells_the_type_that_the_mode_does_not(
    server: ScriptedServer, shown: bytes, files: int, refused: int
) -> None:
    left = [names(0, entry(b"a.pgp", attrs(mode=0o666), shown))[9:]]

    def listing(request: int, rest: bytes) -> bytes:
        return packet(Kind.NAME, number(request) + left.pop()) if left else status(request, 1)

    server.answers[Kind.READDIR] = listing
    with server.channel().open() as session:
        found = session.list("in")
    assert (len(found.files), len(found.refused)) == (files, refused)


def test_a_server_without_lstat_is_asked_for_it_once(server: ScriptedServer) -> None:
    """Then for the listing, where links are told from files; stat would follow them."""
    server.answers[Kind.LSTAT] = lambda request, rest: status(request, 8, b"no such thing here")
    with server.channel().open() as session:
        assert [session.stat("in", "a.pgp") for _ in range(TWICE)] == [None] * TWICE
    assert server.asked.count(Kind.LSTAT) == 1
    assert server.asked.count(Kind.OPENDIR) == TWICE


def test_neither_lstat_nor_a_listing_is_no_proof_of_absence(server: ScriptedServer) -> None:
    server.answers[Kind.LSTAT] = lambda request, rest: status(request, 8)
    server.answers[Kind.OPENDIR] = lambda request, rest: status(request, 3)
    with server.channel().open() as session, pytest.raises(RemotePathRefused):
        session.stat("in", "a.pgp")


ASKED: dict[str, Callable[[Session], object]] = {
    "list": lambda session: session.list("in"),
    "stat": lambda session: session.stat("in", "a.pgp"),
    "remove": lambda session: session.remove("in", "a.pgp"),
}


@pytest.mark.parametrize("what", ASKED)
def test_what_a_server_cannot_do_at_all_needs_a_person(server: ScriptedServer, what: str) -> None:
    for kind in (Kind.OPENDIR, Kind.LSTAT) if what != "remove" else (Kind.REMOVE,):
        server.answers[kind] = lambda request, rest: status(request, 8)
    with server.channel().open() as session, pytest.raises(RemoteUnsupported):
        ASKED[what](session)


def test_attributes_of_an_owner_alone_are_no_file(server: ScriptedServer) -> None:
    server.answers[Kind.LSTAT] = lambda request, rest: packet(
        Kind.ATTRS, number(request) + number(OWNER) + number(1) + number(1)
    )
    with server.channel().open() as session:
        assert session.stat("in", "a.pgp") is None


def test_our_own_folders_are_no_files_of_a_server_that_tells_no_types(tmp_path: Path) -> None:
    """They were taken, renamed to `.taken-…`, or said in each run."""
    for folder in ("orders/done", "uploads/locations/ada/done", "uploads/locations/ada/failed"):
        (tmp_path / folder).mkdir(parents=True)
    spool = FileSpool(tmp_path / "spool")
    with odd_server(tmp_path, Odd.NO_TYPE) as server:
        inbox = RemoteInbox(server.channel(), spool, "orders", "orders/done", r".*\.csv")
        assert inbox.look() == Listing((), ())
        drop = RemoteDrop(server.channel(), spool, "uploads/locations/ada", "locations", "ada")
        assert drop.look() == Listing((), ())
        with server.channel().open() as session:
            assert not drop.holds_files(session)
