"""One session contract, over a real sshd and over a shared folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.channels.folder import FolderChannel
from jobs.errors import ArchiveDamaged, NameTaken, RemoteFileRefused, RemotePathRefused, TransferFailed
from jobs.ports import Fetched, Final, Session, Sight
from tests.support.parcels import TOKEN, parcel
from tests.support.sshd import Sshd, sshd  # noqa: F401  (a fixture)


@dataclass(frozen=True)
class Account:
    """An open session, and the partner's own view of its files."""

    session: Session
    root: Path
    outbound: str
    inbound: str

    def put(self, name: str, data: bytes) -> Path:
        path = self.root / self.inbound / name
        path.write_bytes(data)
        return path


@pytest.fixture(params=["sftp", "folder"])
def account(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Account]:
    if request.param == "sftp":
        server: Sshd = request.getfixturevalue("sshd")
        base, root, channel = f"{server.fresh()}/", server.root, server.channel()
    else:
        base, root = "", tmp_path / "shared"
        root.mkdir()
        channel = FolderChannel(root)
    for folder in ("out", "in", "in/done"):
        (root / base / folder).mkdir()
    with channel.open() as session:
        yield Account(session, root, f"{base}out", f"{base}in")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "sealed"
    path.write_bytes(bytes(range(256)) * 1_000 + b"end")
    return path


def test_deliver_leaves_the_same_bytes_under_the_final_name_only(account: Account, source: Path) -> None:
    proof = account.session.deliver(parcel(source, account.outbound, "ACME-OUT-000001.pgp"))
    folder = account.root / account.outbound
    assert [path.name for path in folder.iterdir()] == ["ACME-OUT-000001.pgp"]
    assert (folder / proof.name).read_bytes() == source.read_bytes()
    assert (proof.size, proof.mtime) == (256_003, int((folder / proof.name).stat().st_mtime))


def test_deliver_an_empty_file(account: Account, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert account.session.deliver(parcel(empty, account.outbound, "empty.pgp")).size == 0


def test_deliver_overwrites_its_own_part_and_leaves_that_of_another_attempt(account: Account, source: Path) -> None:
    folder = account.root / account.outbound
    own, other = (folder / f"a.pgp.{token}.part" for token in (TOKEN, "ffffffff"))
    for part in (own, other):
        part.write_bytes(b"x" * 999_999)
    account.session.deliver(parcel(source, account.outbound, "a.pgp"))
    assert (folder / "a.pgp").read_bytes() == source.read_bytes()
    assert not own.exists()
    assert other.stat().st_size == 999_999


@pytest.mark.parametrize("foreign", [False, True])
def test_a_name_that_exists_is_taken_whatever_its_size(account: Account, source: Path, foreign: bool) -> None:
    """Whether it is ours a look tells, by its bytes."""
    there = account.root / account.outbound / "a.pgp"
    there.write_bytes(bytes(reversed(source.read_bytes())) if foreign else source.read_bytes())
    for again in (False, True):
        with pytest.raises(NameTaken):
            account.session.deliver(parcel(source, account.outbound, "a.pgp", read_back=again))
    assert account.session.look(parcel(source, account.outbound, "a.pgp"), ()).final is (
        Final.OTHER if foreign else Final.OURS
    )
    unread = account.session.look(parcel(source, account.outbound, "a.pgp", read_back=False), ())
    assert unread.final is Final.DOUBTFUL


def test_a_look_tells_whose_temporary_files_are_left(account: Account, source: Path) -> None:
    folder = account.root / account.outbound
    (folder / "a.pgp.ffffffff.part").touch()
    (folder / "a.pgp.part").touch()
    sight = account.session.look(parcel(source, account.outbound, "a.pgp"), (TOKEN, "ffffffff"))
    assert sight == Sight(Final.ABSENT, frozenset({"ffffffff"}))
    for _ in range(2):
        account.session.discard(account.outbound, "a.pgp", "ffffffff")
    assert [path.name for path in folder.iterdir()] == ["a.pgp.part"]


@pytest.mark.parametrize("change", [b"", b"x", b"longer than before" * 100_000])
def test_what_is_not_what_was_sealed_never_leaves(account: Account, source: Path, change: bytes) -> None:
    sealed = parcel(source, account.outbound, "a.pgp")
    source.write_bytes(change)
    with pytest.raises(ArchiveDamaged):
        account.session.deliver(sealed)
    source.unlink()
    with pytest.raises(ArchiveDamaged):
        account.session.deliver(sealed)
    assert list((account.root / account.outbound).iterdir()) == []


def test_deliver_never_overwrites_another_file(account: Account, source: Path) -> None:
    taken = account.root / account.outbound / "a.pgp"
    taken.write_bytes(b"somebody else's")
    with pytest.raises(NameTaken):
        account.session.deliver(parcel(source, account.outbound, "a.pgp"))
    assert taken.read_bytes() == b"somebody else's"
    assert [path.name for path in taken.parent.iterdir()] == ["a.pgp"]


def test_deliver_refuses_a_link_under_the_final_name(account: Account, source: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(source.read_bytes())
    (account.root / account.outbound / "a.pgp").symlink_to(elsewhere)
    with pytest.raises(NameTaken):
        account.session.deliver(parcel(source, account.outbound, "a.pgp"))


def test_deliver_into_a_missing_folder(account: Account, source: Path) -> None:
    with pytest.raises(RemotePathRefused):
        account.session.deliver(parcel(source, f"{account.outbound}/none", "a.pgp"))


def test_deliver_that_cannot_write_the_part(account: Account, source: Path) -> None:
    (account.root / account.outbound / f"a.pgp.{TOKEN}.part").mkdir()
    with pytest.raises(TransferFailed):
        account.session.deliver(parcel(source, account.outbound, "a.pgp"))


def test_list_gives_safe_regular_files_and_names_what_it_refuses(account: Account) -> None:
    for name in ("b.pgp", "a.pgp", "half.pgp.part", ".hidden", "two words.pgp"):
        account.put(name, b"12345")
    folder = account.root / account.inbound
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.pgp")).write_bytes(b"1")
    (folder / "line\nbreak.pgp").write_bytes(b"1")
    (folder / ("n" * 129)).write_bytes(b"1")
    (folder / "link.pgp").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.pgp")
    listing = account.session.list(account.inbound)
    assert [(file.name, file.size) for file in listing.files] == [("a.pgp", 5), ("b.pgp", 5)]
    assert listing.files[0].mtime == int((folder / "a.pgp").stat().st_mtime)
    refused = ["caf\\xe9.pgp", "line\\nbreak.pgp", "link.pgp", "n" * 129, "pipe.pgp", "two words.pgp"]
    assert listing.refused == tuple(f"b'{name}'" for name in refused)


def test_list_a_missing_folder(account: Account) -> None:
    with pytest.raises(RemotePathRefused):
        account.session.list("none")


def test_stat(account: Account) -> None:
    account.put("a.pgp", b"12345")
    (account.root / account.inbound / "link.pgp").symlink_to("a.pgp")
    found = account.session.stat(account.inbound, "a.pgp")
    assert found is not None
    assert (found.name, found.size) == ("a.pgp", 5)
    assert account.session.stat(account.inbound, "b.pgp") is None
    assert account.session.stat(account.inbound, "link.pgp") is None
    assert account.session.stat(account.inbound, "done") is None


@pytest.mark.parametrize("size", [0, 1, 32_640, 32_641, 3_000_000])
def test_fetch(account: Account, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    account.put("a.pgp", data)
    target = tmp_path / "landed"
    fetched = account.session.fetch(account.inbound, "a.pgp", target, limit=size)
    assert target.read_bytes() == data
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    there = account.session.stat(account.inbound, "a.pgp")
    assert there is not None
    assert fetched == Fetched(there.size, there.mtime, gone=False)


def test_fetch_refuses_what_is_too_large_or_no_file(account: Account, tmp_path: Path) -> None:
    account.put("a.pgp", b"12345")
    (account.root / account.inbound / "link.pgp").symlink_to("a.pgp")
    target = tmp_path / "landed"
    with pytest.raises(RemoteFileRefused):
        account.session.fetch(account.inbound, "a.pgp", target, limit=4)
    for name in ("link.pgp", "done", "none.pgp"):
        with pytest.raises(RemoteFileRefused):
            account.session.fetch(account.inbound, name, target, limit=100)
    assert not target.exists()


def test_fetch_never_overwrites_or_follows_a_local_link(account: Account, tmp_path: Path) -> None:
    account.put("a.pgp", b"12345")
    there, link = tmp_path / "there", tmp_path / "link"
    there.write_bytes(b"mine")
    link.symlink_to(tmp_path / "victim")
    for target in (there, link):
        with pytest.raises(FileExistsError):
            account.session.fetch(account.inbound, "a.pgp", target, limit=100)
    assert there.read_bytes() == b"mine"
    assert not (tmp_path / "victim").exists()


def test_move_numbers_a_name_that_is_taken(account: Account) -> None:
    done = f"{account.inbound}/done"
    for data in (b"1", b"22", b"333"):
        account.put("a.pgp", data)
        account.session.move(account.inbound, "a.pgp", done)
    assert {path.name: path.read_bytes() for path in (account.root / done).iterdir()} == {
        "a.pgp": b"1",
        "a.1.pgp": b"22",
        "a.2.pgp": b"333",
    }
    assert account.session.list(account.inbound).files == ()


def test_move_of_a_missing_file_or_into_a_missing_folder(account: Account) -> None:
    with pytest.raises(RemoteFileRefused):
        account.session.move(account.inbound, "a.pgp", f"{account.inbound}/done")
    kept = account.put("a.pgp", b"1")
    with pytest.raises(RemotePathRefused):
        account.session.move(account.inbound, "a.pgp", f"{account.inbound}/none")
    assert kept.exists()


def test_remove_is_content_with_nothing_to_remove(account: Account) -> None:
    path = account.put("a.pgp", b"1")
    account.session.remove(account.inbound, "a.pgp")
    account.session.remove(account.inbound, "a.pgp")
    assert not path.exists()


@pytest.mark.parametrize("name", ["../a.pgp", "/tmp/a.pgp", "a/b", "", ".", "..", "a\nb", "a\0b", "a.part", "a" * 129])
def test_every_method_refuses_an_unsafe_name(account: Account, source: Path, tmp_path: Path, name: str) -> None:
    session, folder = account.session, account.inbound
    calls = [
        lambda: session.stat(folder, name),
        lambda: session.deliver(parcel(source, folder, name)),
        lambda: session.fetch(folder, name, tmp_path / "landed", 100),
        lambda: session.move(folder, name, f"{folder}/done"),
        lambda: session.remove(folder, name),
    ]
    for call in calls:
        with pytest.raises(RemoteFileRefused):
            call()
    assert not (tmp_path / "landed").exists()


def test_a_folder_outside_the_shared_one_is_refused(tmp_path: Path) -> None:
    with FolderChannel(tmp_path).open() as session:
        for folder in ("../elsewhere", "/etc"):
            with pytest.raises(RemotePathRefused):
                session.list(folder)
