"""Counts, lengths and numbers from the wire were looped over and believed: one listing entry that claimed 2^32 extended
attributes kept the worker busy for hours, and no time-out counted, since nothing was waited for.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.errors import ChannelUnavailable, DeliveryUncertain, MusterError, RemoteFileRefused
from jobs.ports import Session
from tests.support.parcels import parcel
from tests.support.scripted_sftp import (
    HUGE,
    MODE,
    MORE,
    REGULAR,
    SIZE,
    Kind,
    ScriptedServer,
    attrs,
    entry,
    names,
    number,
    packet,
    scripted_server,
    status,
    text,
)

MORE_THAN_THERE_ARE = number(SIZE | MODE | MORE) + struct.pack(">QI", 5, REGULAR) + number(HUGE)
MANY_EMPTY = number(SIZE | MODE | MORE) + struct.pack(">QI", 5, REGULAR) + number(20_000) + bytes(8 * 20_000)
PATIENCE = 60.0  # seconds; far above what is needed, far below the hours it took


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "sealed"
    path.write_bytes(b"12345")
    return path


def once(*entries: bytes, claimed: int | None = None) -> Callable[[int, bytes], bytes]:
    """A listing of these entries, then its end."""
    left = [lambda request: names(request, *entries, claimed=claimed)]
    return lambda request, rest: left.pop()(request) if left else status(request, 1)


BAD_LISTINGS = {
    "more attributes than there are bytes": lambda request: names(request, entry(b"a.pgp", MORE_THAN_THERE_ARE)),
    "more names than there are bytes": lambda request: names(request, entry(b"a.pgp", attrs()), claimed=HUGE),
    "one name more than there are": lambda request: names(request, entry(b"a.pgp", attrs()), claimed=2),
    "a name longer than the packet": lambda request: names(request, text(b"a.pgp", HUGE) + text(b"") + attrs()),
    "attributes cut short": lambda request: names(request, entry(b"a.pgp", attrs()[:-1])),
    "a packet of no bytes": lambda request: number(0),
    "a packet too short for its number": lambda request: packet(Kind.NAME, b"\0"),
    "a packet of 4 GB": lambda request: packet(Kind.NAME, number(request), claimed=HUGE),
    "a packet of 16 MB": lambda request: packet(Kind.NAME, number(request), claimed=2**24 - 1),
    "an answer of another kind": lambda request: packet(Kind.ATTRS, number(request) + attrs()),
    "an answer of a kind there is not": lambda request: packet(255, number(request)),
    "an answer to a request that was never made": lambda request: names(request + 7, entry(b"a.pgp", attrs())),
    "an answer twice, then another": lambda request: status(request, 0) * 2,
}


@pytest.mark.parametrize("what", BAD_LISTINGS)
def test_a_listing_that_cannot_be_ends_the_session_and_is_tried_again(server: ScriptedServer, what: str) -> None:
    server.answers[Kind.READDIR] = lambda request, rest: BAD_LISTINGS[what](request)
    began = time.monotonic()
    with server.channel().open() as session, pytest.raises(ChannelUnavailable) as caught:
        session.list("in")
    assert time.monotonic() - began < PATIENCE
    assert "''" not in str(caught.value)


def test_extended_attributes_that_are_there_are_passed_over(server: ScriptedServer) -> None:
    server.answers[Kind.READDIR] = once(entry(b"a.pgp", MANY_EMPTY), entry(b"b.pgp", attrs()))
    with server.channel().open() as session:
        assert [file.name for file in session.list("in").files] == ["a.pgp", "b.pgp"]


def look(session: Session, source: Path) -> object:
    return session.stat("in", "a.pgp")


def fetch(session: Session, source: Path) -> object:
    return session.fetch("in", "a.pgp", source.with_name("landed"), 100)


def deliver(session: Session, source: Path) -> object:
    return session.deliver(parcel(source, "out", "a.pgp"))


def is_absent(request: int, rest: bytes) -> bytes:
    return status(request, 2)


CALLS = {
    "lstat": (Kind.LSTAT, look, ChannelUnavailable),
    "fstat": (Kind.FSTAT, deliver, DeliveryUncertain),  # all of it has left, and a partner may have taken it
}


@pytest.mark.parametrize("call", CALLS)
def test_the_attributes_of_one_file_are_bounded_too(server: ScriptedServer, source: Path, call: str) -> None:
    kind, work, expected = CALLS[call]
    server.answers[Kind.LSTAT] = is_absent
    server.answers[kind] = lambda request, rest: packet(Kind.ATTRS, number(request) + MORE_THAN_THERE_ARE)
    with server.channel().open() as session, pytest.raises(expected):
        work(session, source)


@pytest.mark.parametrize("handle", [bytes(257), bytes(2**20)], ids=["257 bytes", "2^20 bytes"])
def test_a_handle_is_no_longer_than_the_protocol_allows(server: ScriptedServer, source: Path, handle: bytes) -> None:
    server.answers[Kind.OPEN] = lambda request, rest: packet(Kind.HANDLE, number(request) + text(handle))
    with server.channel().open() as session, pytest.raises(ChannelUnavailable):
        fetch(session, source)
    assert Kind.READ not in server.asked


@pytest.mark.parametrize("size", [101, 2**31, 2**63 - 1, 2**63, 2**64 - 5, 2**64 - 1])
def test_a_size_is_a_number_and_no_more(server: ScriptedServer, source: Path, size: int) -> None:
    """Near 2^63, or negative for who takes it as signed: over the limit, or no size at all."""
    facts = attrs(size=size)
    server.answers[Kind.LSTAT] = lambda request, rest: packet(Kind.ATTRS, number(request) + facts)
    server.answers[Kind.READDIR] = once(entry(b"a.pgp", facts))
    with server.channel().open() as session:
        listing = session.list("in")
        with pytest.raises(RemoteFileRefused):
            fetch(session, source)
    assert [file.size for file in listing.files] == ([size] if size < 2**63 else [])
    assert Kind.OPEN not in server.asked


@pytest.mark.parametrize("code", [0, 4, 9, 31, 2**16, HUGE])
def test_a_status_of_any_number_is_an_answer(server: ScriptedServer, source: Path, code: int) -> None:
    """Where a packet of data is due even `OK` is none."""
    server.answers[Kind.READDIR] = lambda request, rest: status(request, code)
    with server.channel().open() as session, pytest.raises(ChannelUnavailable):
        session.list("in")


@pytest.mark.parametrize("code", [6, 7])
def test_a_lost_connection_behind_the_server_proves_nothing(server: ScriptedServer, source: Path, code: int) -> None:
    server.answers[Kind.LSTAT] = is_absent
    server.answers[Kind.RENAME] = lambda request, rest: status(request, code)
    with server.channel().open() as session, pytest.raises(DeliveryUncertain):
        deliver(session, source)


def test_a_listing_without_end_is_given_up_whatever_its_answers_hold(server: ScriptedServer) -> None:
    nothing = entry(b"n" * 60_000, attrs())
    for answer in (lambda request: names(request), lambda request: names(request, nothing, nothing)):
        server.answers[Kind.READDIR] = lambda request, rest, answer=answer: answer(request)  # type: ignore[misc]
        with server.channel(timeout=30).open() as session, pytest.raises(MusterError, match="does not end"):
            session.list("in")


def test_a_block_longer_than_was_asked_for_is_refused(server: ScriptedServer, source: Path) -> None:
    server.answers[Kind.READ] = lambda request, rest: packet(Kind.DATA, number(request) + text(b"123456"))
    with server.channel().open() as session, pytest.raises(ChannelUnavailable):
        fetch(session, source)
    assert not source.with_name("landed").exists()
