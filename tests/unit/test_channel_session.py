"""What is known after a rename, for every way it can end; and renames that never overwrite."""

from __future__ import annotations

import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pytest

from adapters.channels.calls import Facts
from adapters.channels.folder import _FolderCalls
from adapters.channels.session import FileSession
from jobs.errors import DeliveryUncertain, NameTaken, TransferFailed
from tests.support.parcels import parcel

OURS = Facts(stat.S_IFREG, 4, 1)
OTHER = Facts(stat.S_IFREG, 5, 1)


@dataclass
class ScriptedCalls:
    """File calls whose rename ends as told and leaves what is told."""

    ends: OSError | None
    final: Facts | None
    part: Facts | None
    server_key: str = "SHA256:x"
    _files: dict[str, Facts | None] = field(default_factory=dict)

    def facts(self, path: str) -> Facts | None:
        return self._files.get(path)

    def entries(self, folder: str) -> Iterator[tuple[bytes, Facts]]:
        return iter(())

    def write(self, path: str, stream: BinaryIO) -> int:
        return len(stream.read())

    def read(self, path: str, size: int) -> Generator[bytes]:
        yield b"1234"

    def rename(self, path: str, target: str) -> None:
        self._files = {path: self.part, target: self.final}
        if self.ends:
            raise self.ends

    def remove(self, path: str) -> None: ...


@pytest.mark.parametrize(
    ("ends", "final", "part", "expected"),
    [
        (None, OURS, None, None),
        (None, None, None, DeliveryUncertain),  # taken at once, or lost
        (None, OTHER, None, DeliveryUncertain),
        (OSError("Failure"), OURS, None, None),
        (OSError("Failure"), None, OURS, TransferFailed),
        (OSError("Failure"), OTHER, OURS, NameTaken),
        (OSError("Failure"), OURS, OURS, DeliveryUncertain),
        (OSError("Failure"), None, None, DeliveryUncertain),
        (OSError("Failure"), OTHER, None, DeliveryUncertain),
        # No answer: the server may still do it, whatever it shows now.
        (TimeoutError(), None, OURS, DeliveryUncertain),
        (ConnectionError(), None, OURS, DeliveryUncertain),
    ],
)
def test_what_a_rename_leaves_decides(
    tmp_path: Path, ends: OSError | None, final: Facts | None, part: Facts | None, expected: type[Exception] | None
) -> None:
    source = tmp_path / "sealed"
    source.write_bytes(b"1234")
    session = FileSession(ScriptedCalls(ends, final, part))
    if expected is None:
        assert session.deliver(parcel(source, "out", "a.pgp")).size == 4
        return
    with pytest.raises(expected):
        session.deliver(parcel(source, "out", "a.pgp"))


def test_a_rename_in_a_folder_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "ours").write_bytes(b"ours")
    (tmp_path / "theirs").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        _FolderCalls(tmp_path).rename("ours", "theirs")
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert (tmp_path / "ours").exists()


def test_a_rename_in_a_folder_that_was_done_but_not_answered_is_finished(tmp_path: Path) -> None:
    (tmp_path / "ours").write_bytes(b"ours")
    (tmp_path / "final").hardlink_to(tmp_path / "ours")
    _FolderCalls(tmp_path).rename("ours", "final")
    assert [path.name for path in tmp_path.iterdir()] == ["final"]
