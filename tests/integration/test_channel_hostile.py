"""A provider's server that lies or stalls: nothing gets outside, nothing hangs, nothing is believed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from jobs.errors import (
    ChannelUnavailable,
    DeliveryUncertain,
    NameTaken,
    RemoteFileRefused,
    RemotePathRefused,
    TransferFailed,
)
from jobs.ports import Session
from tests.support.hostile_sftp import Entry, HostileServer, hostile_server
from tests.support.parcels import parcel
from tests.support.sftp_thread import forever

DATA = os.urandom(200_000)


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "sealed"
    path.write_bytes(DATA)
    return path


def test_names_that_are_paths_are_refused_and_written_nowhere(server: HostileServer, tmp_path: Path) -> None:
    names = [b"../../x", b"/tmp/pwn", b"a\nb", b"n" * 300, b"caf\xe9.pgp", b"a\x00b", b"", b".", b"..", b"..\\x"]
    server.names = names
    server.put("good.pgp", DATA)
    landing = tmp_path / "a" / "b" / "landing"
    landing.mkdir(parents=True)
    with server.channel().open() as session:
        listing = session.list("in")
        for file in listing.files:
            session.fetch("in", file.name, landing / "landed", 10**6)
        for name in (raw.decode("latin-1") for raw in names):
            with pytest.raises(RemoteFileRefused):
                session.fetch("in", name, landing / "other", 10**6)
    assert [file.name for file in listing.files] == ["good.pgp"]
    assert len(listing.refused) == len(names) - 2  # all but . and ..
    assert all(text.isprintable() and len(text) < 200 for text in listing.refused)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["landed"]


def test_links_folders_and_sizeless_entries_are_no_files(server: HostileServer) -> None:
    server.files[b"link.pgp"] = Entry(mode=stat.S_IFLNK | 0o777)
    server.files[b"folder.pgp"] = Entry(mode=stat.S_IFDIR | 0o755)
    server.files[b"nothing.pgp"] = Entry(mode=0, sized=False)
    server.files[b"sizeless.pgp"] = Entry(sized=False)
    with server.channel().open() as session:
        listing = session.list("in")
    assert listing.files == ()
    assert listing.refused == ("b'link.pgp'", "b'nothing.pgp'", "b'sizeless.pgp'")


def test_a_name_that_is_listed_twice_counts_once(server: HostileServer) -> None:
    server.names = [b"a.pgp", b"a.pgp"]
    with server.channel().open() as session:
        assert [file.name for file in session.list("in").files] == ["a.pgp"]


def test_a_listing_without_end_is_given_up(server: HostileServer) -> None:
    server.names = [b"a.pgp"] * 60_000
    with server.channel().open() as session, pytest.raises(RemotePathRefused):
        session.list("in")


def test_a_claimed_size_over_the_limit_costs_nothing(server: HostileServer, tmp_path: Path) -> None:
    server.put("a.pgp", b"1", claimed=10**12)
    with server.channel().open() as session, pytest.raises(RemoteFileRefused):
        session.fetch("in", "a.pgp", tmp_path / "landed", 10**6)
    assert [call for call, _ in server.calls] == ["lstat"]


def test_a_claimed_size_that_is_too_large(server: HostileServer, tmp_path: Path) -> None:
    server.put("a.pgp", DATA, claimed=10**8)
    with server.channel().open() as session, pytest.raises(RemoteFileRefused):
        session.fetch("in", "a.pgp", tmp_path / "landed", 10**9)
    assert not (tmp_path / "landed").exists()


def test_a_file_that_grows_shrinks_or_is_touched_meanwhile(server: HostileServer, tmp_path: Path) -> None:
    def grow(entry: Entry) -> None:
        entry.data.extend(b"more")

    def shrink(entry: Entry) -> None:
        del entry.data[100_000:]

    def touch(entry: Entry) -> None:
        entry.mtime += 1

    def rewrite(entry: Entry) -> None:
        entry.claimed = len(DATA)
        del entry.data[100_000:]

    for number, change in enumerate((grow, shrink, touch, rewrite)):
        entry = server.put("a.pgp", DATA)

        async def on_read(call: str, path: bytes, change: object = change, entry: Entry = entry) -> None:
            if call == "read":
                change(entry)  # type: ignore[operator]

        server.hook = on_read
        target = tmp_path / f"landed{number}"
        with server.channel().open() as session, pytest.raises(RemoteFileRefused, match="changed"):
            session.fetch("in", "a.pgp", target, 10**6)
        assert not target.exists()


def test_a_file_that_goes_away_meanwhile(server: HostileServer, tmp_path: Path) -> None:
    server.put("a.pgp", DATA)

    async def take_away(call: str, path: bytes) -> None:
        if call == "open":
            server.files.clear()

    server.hook = take_away
    with server.channel().open() as session, pytest.raises(RemoteFileRefused):
        session.fetch("in", "a.pgp", tmp_path / "landed", 10**6)
    assert not (tmp_path / "landed").exists()


def test_short_answers_to_reads_are_put_together(server: HostileServer, tmp_path: Path) -> None:
    server.put("a.pgp", DATA)
    server.block = 10_007
    with server.channel().open() as session:
        session.fetch("in", "a.pgp", tmp_path / "landed", 10**6)
    assert (tmp_path / "landed").read_bytes() == DATA


def _list_and_fetch(session: Session, target: Path) -> None:
    session.list("in")
    session.fetch("in", "a.pgp", target, 10**6)


@pytest.mark.parametrize("stalls", ["scandir", "lstat", "open", "read"])
def test_a_server_that_stalls_is_left_in_time(server: HostileServer, tmp_path: Path, stalls: str) -> None:
    server.put("a.pgp", DATA)

    async def stall(call: str, path: bytes) -> None:
        if call == stalls:
            await forever()

    server.hook = stall
    began = time.monotonic()
    with server.channel(timeout=1).open() as session, pytest.raises(ChannelUnavailable):
        _list_and_fetch(session, tmp_path / "landed")
    assert time.monotonic() - began < 5
    assert not (tmp_path / "landed").exists()


def on_call(wanted: str, error: Exception | None = None) -> object:
    async def hook(call: str, path: bytes) -> None:
        if call == wanted:
            if error is None:
                await forever()
            else:
                raise error

    return hook


@pytest.mark.parametrize(
    ("wanted", "error", "expected"),
    [
        ("create", asyncssh.SFTPPermissionDenied("no"), RemotePathRefused),
        ("create", asyncssh.SFTPNoSuchFile("no"), RemotePathRefused),
        ("create", asyncssh.SFTPFailure("disk full"), TransferFailed),
        ("create", None, TransferFailed),
        ("write", asyncssh.SFTPFailure("disk full"), TransferFailed),
        ("write", None, DeliveryUncertain),
        ("fstat", None, DeliveryUncertain),
        ("rename", asyncssh.SFTPPermissionDenied("no"), TransferFailed),
        ("rename", asyncssh.SFTPFailure("no"), TransferFailed),
        ("rename", None, DeliveryUncertain),
        ("renamed", None, DeliveryUncertain),
    ],
)
def test_where_a_delivery_breaks_decides_what_is_known(
    server: HostileServer, source: Path, wanted: str, error: Exception | None, expected: type[Exception]
) -> None:
    """Once all bytes have left, only an answer proves that nobody took the temporary file."""
    server.hook = on_call(wanted, error)  # type: ignore[assignment]
    with server.channel(timeout=1).open() as session, pytest.raises(expected):
        session.deliver(parcel(source, "out", "a.pgp"))
    assert (b"a.pgp" in server.files) == (wanted == "renamed")


def test_a_rename_that_reports_failure_but_happened_is_a_delivery(server: HostileServer, source: Path) -> None:
    server.hook = on_call("renamed", asyncssh.SFTPFailure("so they say"))  # type: ignore[assignment]
    with server.channel().open() as session:
        assert session.deliver(parcel(source, "out", "a.pgp")).size == len(DATA)
    assert server.files[b"a.pgp"].data == DATA


def test_a_file_the_partner_takes_at_once_is_uncertain(server: HostileServer, source: Path) -> None:
    async def eat(call: str, path: bytes) -> None:
        if call == "renamed":
            server.files.clear()

    server.hook = eat
    with server.channel().open() as session, pytest.raises(DeliveryUncertain):
        session.deliver(parcel(source, "out", "a.pgp"))


@pytest.mark.parametrize(
    ("other", "expected"), [(b"other", NameTaken), (DATA, DeliveryUncertain)], ids=["other", "same"]
)
def test_a_name_that_is_taken_during_the_upload(
    server: HostileServer, source: Path, other: bytes, expected: type[Exception]
) -> None:
    async def take(call: str, path: bytes) -> None:
        if call == "fstat":
            server.put("a.pgp", other)

    server.hook = take
    with server.channel().open() as session, pytest.raises(expected):
        session.deliver(parcel(source, "out", "a.pgp"))
    assert server.files[b"a.pgp"].data == other


def test_a_refused_write_in_the_middle_is_seen_though_the_size_is_right(server: HostileServer, source: Path) -> None:
    writes = 0

    async def refuse_second(call: str, path: bytes) -> None:
        nonlocal writes
        writes += call == "write"
        if call == "write" and writes == 2:
            raise asyncssh.SFTPFailure("no space just now")

    server.hook = refuse_second
    with server.channel().open() as session, pytest.raises(TransferFailed):
        session.deliver(parcel(source, "out", "a.pgp"))
    assert b"a.pgp" not in server.files


def test_a_server_that_keeps_less_than_it_was_sent(server: HostileServer, source: Path) -> None:
    async def drop(call: str, path: bytes) -> None:
        if call == "fstat":
            del server.files[b"a.pgp.0a1b2c3d.part"].data[-1:]

    server.hook = drop
    with server.channel().open() as session, pytest.raises(TransferFailed):
        session.deliver(parcel(source, "out", "a.pgp"))
    assert b"a.pgp" not in server.files


def test_what_the_server_says_is_quoted_in_errors(server: HostileServer) -> None:
    server.hook = on_call("scandir", asyncssh.SFTPFailure("x\nFAKE LOG LINE\x1b[31m" + "y" * 5_000))  # type: ignore[assignment]
    with server.channel().open() as session, pytest.raises(ChannelUnavailable) as caught:
        session.list("in")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
