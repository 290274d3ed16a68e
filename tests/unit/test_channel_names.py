"""File names of partners: what may be joined to a folder."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.channels.names import checked, is_safe, numbered, printable, remote_path
from jobs.errors import RemoteFileRefused


@pytest.mark.parametrize("name", ["a", "ACME-OUT-000001.pgp", "0_1.2-3", "a" * 128])
def test_safe_names(name: str) -> None:
    assert is_safe(name)
    assert checked(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../a",
        "a/b",
        "/a",
        "a\\b",
        ".a",
        "-a",
        "_a",
        "a b",
        "a\n",
        "\na",
        "a\0",
        "ä",
        "a" * 129,
        "a.part",
    ],
)
def test_unsafe_names(name: str) -> None:
    with pytest.raises(RemoteFileRefused):
        checked(name)


@given(st.text(max_size=200))
def test_a_joined_name_never_leaves_the_folder(name: str) -> None:
    try:
        path = remote_path("in/done", name)
    except RemoteFileRefused:
        return
    assert path == f"in/done/{name}"
    assert path.split("/") == ["in", "done", name]
    assert name not in (".", "..")


@given(st.one_of(st.text(), st.binary()))
def test_printable_is_one_short_printable_line(name: str | bytes) -> None:
    assert printable(name).isprintable()
    assert len(printable(name)) <= 161


def test_numbered() -> None:
    assert list(islice(numbered("a.b.pgp"), 3)) == ["a.b.pgp", "a.b.1.pgp", "a.b.2.pgp"]
    assert list(islice(numbered("plain"), 2)) == ["plain", "plain.1"]
