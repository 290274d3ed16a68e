"""Secrets never show, references resolve, and private files are private."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import logging
import os
import pickle
import pprint
import traceback
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.settings import Connection, Secret, Workspace, channel_key, load, registry_url, resolve
from jobs.errors import SecretMissing
from tests.unit.test_settings_examples import workspace

_MASK = "Secret(***)"
# A text that stands in no mask and in no frame of the output by chance.
_TEXTS = st.text(min_size=6).map(lambda text: f"§{text}§")


@dataclasses.dataclass
class _Holder:
    name: str
    secret: Secret


def _logged(secret: Secret) -> str:
    stream = io.StringIO()
    logger = logging.Logger("canary")
    logger.addHandler(logging.StreamHandler(stream))
    logger.warning("%s %r %10s", secret, secret, secret)
    logger.warning("%(it)s", {"it": secret})
    try:
        raise ValueError(secret)
    except ValueError:
        logger.exception("failed")
    return stream.getvalue()


@settings(deadline=None)
@given(_TEXTS)
def test_a_secret_never_shows(text: str) -> None:
    secret = Secret(text)
    holder = _Holder("x", secret)
    shown = [
        repr(secret),
        str(secret),
        f"{secret} {secret!r} {secret!s} {secret:>40}",
        "%s %r" % (secret, secret),  # noqa: UP031 - the operator is what is tested
        "{} {0!r}".replace("{}", "{0}").format(secret),
        repr([secret]) + repr({"it": secret}) + repr(holder),
        repr(dataclasses.asdict(holder)) + repr(dataclasses.astuple(holder)),
        json.dumps({"it": secret}, default=str) + json.dumps(dataclasses.asdict(holder), default=repr),
        pprint.pformat(holder),
        "".join(traceback.format_exception(ValueError(secret))),
        _logged(secret),
    ]
    assert all(text not in line for line in shown)
    assert all(_MASK in line for line in shown)
    assert not hasattr(secret, "__dict__")
    assert secret.reveal() == text
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_serialised(protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be serialised"):
        pickle.dumps({"it": Secret("hunter2")}, protocol)
    with pytest.raises(TypeError, match="cannot be serialised"):
        Secret("hunter2").__getstate__()
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps({"it": Secret("hunter2")})


# --- references ------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    return workspace(tmp_path / "home")


def _private(path: Path, text: str = "hunter2\n", mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def _refused(reference: str, made: Workspace) -> str:
    """The error's text, after it was seen not to hold the secret."""
    with pytest.raises(SecretMissing) as caught:
        resolve(reference, made)
    assert caught.value.facts == {"reference": reference}
    assert reference in caught.value.what
    assert "hunter2" not in str(caught.value)
    return caught.value.what


def test_env(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "hunter2")
    assert resolve("env:ACME_KEY", made).reveal() == "hunter2"
    assert channel_key("env:ACME_KEY", made).reveal() == "hunter2"
    for value in ("", None):
        monkeypatch.delenv("ACME_KEY") if value is None else monkeypatch.setenv("ACME_KEY", value)
        assert "is not set" in _refused("env:ACME_KEY", made)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_file_relative_and_absolute(made: Workspace, tmp_path: Path, mode: int) -> None:
    _private(made.secrets / "acme", "line 1\nline 2\r\n", mode)
    outside = _private(tmp_path / "outside", mode=mode)
    assert resolve("file:secrets/acme", made).reveal() == "line 1\nline 2"
    assert channel_key(f"file:{outside}", made).reveal() == "hunter2"


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o601, 0o644, 0o777])
def test_a_file_open_to_others_is_refused_with_its_mode(made: Workspace, mode: int) -> None:
    _private(made.secrets / "acme", mode=mode)
    assert f"mode {mode:04o}): chmod 600" in _refused("file:secrets/acme", made)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(made: Workspace) -> None:
    os.chown(_private(made.secrets / "acme"), 12_345, -1)
    assert "belongs to another user" in _refused("file:secrets/acme", made)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_we_may_not_read_is_refused(made: Workspace) -> None:
    _private(made.secrets / "acme", mode=0)
    assert "cannot be read" in _refused("file:secrets/acme", made)


def test_links_are_followed_only_inside_their_folder(made: Workspace, tmp_path: Path) -> None:
    _private(tmp_path / "elsewhere")
    (made.secrets / "out").symlink_to(tmp_path / "elsewhere")
    assert "leads out of its folder" in _refused("file:secrets/out", made)
    (made.secrets / "..data").mkdir()
    _private(made.secrets / "..data" / "acme")
    (made.secrets / "in").symlink_to("..data/acme")  # how container platforms mount secrets
    assert resolve("file:secrets/in", made).reveal() == "hunter2"
    (made.secrets / "loop").symlink_to("loop")
    assert "cannot be opened" in _refused("file:secrets/loop", made)


def test_what_is_no_readable_file_is_refused(made: Workspace) -> None:
    assert "does not exist" in _refused("file:secrets/none", made)
    assert "does not exist" in _refused("file:muster.toml/none", made)
    (made.secrets / "folder").mkdir(mode=0o700)
    assert "not a regular file" in _refused("file:secrets/folder", made)
    os.mkfifo(made.secrets / "fifo", 0o600)
    assert "not a regular file" in _refused("file:secrets/fifo", made)
    _private(made.secrets / "empty", " \n")
    assert "is empty" in _refused("file:secrets/empty", made)
    _private(made.secrets / "large", "hunter2" * 10_000)
    assert "larger than 65536 bytes" in _refused("file:secrets/large", made)
    _private(made.secrets / "binary").write_bytes(b"hunter2\xff")
    assert "not UTF-8" in _refused("file:secrets/binary", made)


@pytest.mark.parametrize(
    "text", ["hunter2", "", "env:", "env:1A", "env:A-B", "file:", "file:a\nb", "connection:a/b", "vault:x", "ENV:HOME"]
)
def test_a_text_that_is_no_reference_is_not_shown(made: Workspace, text: str) -> None:
    for use in (resolve, channel_key):
        with pytest.raises(SecretMissing) as caught:
            use(text, made)
        assert caught.value.what == "a reference does not read connection:<id>, env:<NAME> or file:<path>"
        assert caught.value.facts == {}


def test_a_connection_gives_its_password_or_its_key(made: Workspace) -> None:
    asked: list[str] = []

    def connections(connection_id: str) -> Connection:
        asked.append(connection_id)
        key = Secret("a key") if connection_id == "acme" else None
        return Connection("muster", Secret("hunter2") if key else None, key, "h", 22)

    assert resolve("connection:acme", made, connections).reveal() == "hunter2"
    assert channel_key("connection:acme", made, connections).reveal() == "a key"
    with pytest.raises(SecretMissing, match="connection:bare has no password"):
        resolve("connection:bare", made, connections)
    with pytest.raises(SecretMissing, match="connection:bare has no private_key"):
        channel_key("connection:bare", made, connections)
    assert asked == ["acme", "acme", "bare", "bare"]


def test_registry_url_is_the_setting_or_what_it_names(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry_url(load(made, ()), made).reveal() == f"sqlite:///{made.registry}"
    made.config.write_text('registry_url = "env:MUSTER_REGISTRY"')
    monkeypatch.setenv("MUSTER_REGISTRY", "postgresql://muster:hunter2@db/muster")
    loaded = load(made, ())
    assert "hunter2" not in repr(loaded)
    assert registry_url(loaded, made).reveal() == "postgresql://muster:hunter2@db/muster"
