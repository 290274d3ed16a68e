"""Written files: templates agree with the defaults, values survive, nothing is overwritten by accident."""

from __future__ import annotations

import dataclasses
import re
import stat
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.settings import Config, Secret, Workspace, check, load, shape, write, write_config, write_provider
from adapters.settings.faults import FileFaults
from adapters.settings.model import InboxSource, UploadSource
from adapters.settings.shape import tidy, typed
from adapters.settings.write import _toml
from jobs.errors import ConfigurationFaulty
from jobs.providers import Provider
from tests.unit.test_settings_examples import FINGERPRINT, KINDS, ed25519_line, workspace

_TEMPLATES = Path(write.__file__).parent / "templates"
_MINIMAL = {
    "kind": "generic",
    "keys": {"signers": [{"fingerprint": FINGERPRINT}], "recipients": [{"fingerprint": FINGERPRINT}]},
    "folder": {"path": "exchange"},
}


def _opened(template: str) -> dict[str, Any]:
    """What a template says once every commented option is switched on."""
    text = (_TEMPLATES / template).read_text(encoding="utf-8")
    return tomllib.loads(re.sub(r"(?m)^#(?=\[|[a-z_]+ = )", "", text))


def _missing(cls: type, raw: dict[str, Any]) -> list[str]:
    """Dotted names of the fields a template does not show."""
    names: list[str] = []
    for key, hint in shape._hints(cls).items():
        kind = shape._kind(hint)[0]
        if key not in raw:
            names.append(key)
        elif dataclasses.is_dataclass(kind) and isinstance(raw[key], dict):
            names += [f"{key}.{name}" for name in _missing(kind, raw[key])]  # type: ignore[arg-type]
    return names


def test_the_template_of_muster_toml_shows_every_option_with_its_default() -> None:
    raw = _opened("muster.toml")
    assert _missing(Config, raw) == []
    source = raw["inbox"].pop("source")
    uploads = raw["uploads"].pop("source")
    faults = FileFaults("muster.toml")
    assert typed(Config, tidy(Config, raw, faults), faults) == Config()
    shown = tidy(InboxSource, source, faults)
    assert [fault.path for fault in faults.found] == ["muster.toml: sftp.host_keys[1]"]  # "AAAA…" is an example
    assert {key: shown[key] for key in ("folder", "done_folder")} == {
        key: getattr(InboxSource, key) for key in ("folder", "done_folder")
    }
    assert tidy(UploadSource, uploads, faults)["folder"] == UploadSource.folder
    assert set(uploads["sftp"]) == set(source["sftp"])


def test_the_template_of_a_provider_shows_every_option_with_its_default() -> None:
    raw = _opened("provider.toml")
    assert _missing(Provider, raw) == ["name"]  # the file's own name
    raw.pop("folder")
    raw["sftp"]["host_keys"] = [ed25519_line()]
    faults = FileFaults("acme.toml")
    shown = typed(Provider, tidy(Provider, {**raw, "name": "acme"}, faults), faults)
    assert faults.found == []
    assert shown is not None
    assert shown.sftp is not None
    bare = Provider("acme", "generic", shown.keys, sftp=dataclasses.replace(shown.sftp))
    assert shown == bare
    assert (shown.sftp.port, shown.sftp.timeout) == (22, timedelta(seconds=30))


def test_nothing_given_writes_the_templates_and_a_provider_then_lacks_what_is_required(tmp_path: Path) -> None:
    made = Workspace(tmp_path)
    made.create()
    assert write_config(made, {}) == made.config
    assert check(made, KINDS) == []
    write_provider(made, "acme", {})
    assert [fault.path.partition(": ")[2] for fault in check(made, KINDS)] == [
        "keys.signers",
        "keys.recipients",
        "sftp",
        "kind",
    ]


def test_written_values_are_loaded_again(tmp_path: Path) -> None:
    made = Workspace(tmp_path)
    made.create()
    write_config(
        made,
        {"organisation": 'Example "Mobile"', "passphrase": None, "inbox": {"settle": timedelta(minutes=90)}},
    )
    values = {
        **_MINIMAL,
        "title": "Ünï 📱 \\ \t",
        "settle": timedelta(seconds=0),
        "removes_duplicates_by_batch": True,
        "keys": {
            "signers": [{"fingerprint": FINGERPRINT, "valid_from": date(2026, 1, 1), "valid_until": None}],
            "recipients": ({"fingerprint": FINGERPRINT},),
        },
        "limits": {"devices_per_batch": 7},
    }
    assert write_provider(made, "acme", values) == made.providers / "acme.toml"
    loaded = load(made, KINDS)
    assert (loaded.organisation, loaded.inbox.settle) == ('Example "Mobile"', timedelta(minutes=90))
    provider = loaded.provider("acme")
    assert (provider.title, provider.settle, provider.limits.devices_per_batch) == ("Ünï 📱 \\ \t", timedelta(0), 7)
    assert provider.keys.signers[0].valid_from == date(2026, 1, 1)
    text = (made.providers / "acme.toml").read_text(encoding="utf-8")
    assert "\n[limits]\n" in text
    assert "\n#[folders]\n" in text
    assert "devices_per_batch" in text
    assert text.count("devices_per_batch") == 1
    assert stat.S_IMODE((made.providers / "acme.toml").stat().st_mode) == 0o640
    assert not list(made.providers.glob(".*"))


def test_a_nested_table_is_opened_by_its_values_alone(tmp_path: Path) -> None:
    sftp = {"host": "h", "user": "u", "host_keys": [ed25519_line()], "credential": "env:KEY"}
    made = workspace(tmp_path)
    write_config(made, {"inbox": {"source": {"sftp": sftp}}}, overwrite=True)
    source = load(made, KINDS).inbox.source
    assert source is not None
    assert (source.sftp.host, source.folder) == ("h", "orders")


def test_an_existing_file_is_overwritten_only_if_asked(tmp_path: Path) -> None:
    made = workspace(tmp_path, 'organisation = "Mine"')
    write_provider(made, "acme", _MINIMAL)
    with pytest.raises(ConfigurationFaulty, match=r"muster\.toml exists already"):
        write_config(made, {})
    with pytest.raises(ConfigurationFaulty, match=r"providers/acme\.toml exists already"):
        write_provider(made, "acme", _MINIMAL)
    assert load(made, KINDS).organisation == "Mine"
    write_config(made, {}, overwrite=True)
    write_provider(made, "acme", {**_MINIMAL, "title": "New"}, overwrite=True)
    assert load(made, KINDS).organisation == ""
    assert load(made, KINDS).provider("acme").title == "New"


@pytest.mark.parametrize("name", ["", "Acme", "../acme", "a/b", "a" * 32])
def test_only_provider_names_become_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationFaulty, match="no provider name"):
        write_provider(workspace(tmp_path), name, _MINIMAL)
    assert list(tmp_path.rglob("*.toml")) == [tmp_path / "muster.toml"]


@pytest.mark.parametrize("values", [{"kid": "x"}, {"sftp": {"hosts": "x"}}, {"name": "acme"}, {"port": 1}])
def test_unknown_keys_are_refused_before_anything_is_written(tmp_path: Path, values: dict[str, object]) -> None:
    made = workspace(tmp_path)
    with pytest.raises(ConfigurationFaulty, match="not a known key"):
        write_provider(made, "acme", values)
    assert list(made.providers.iterdir()) == []


def test_a_secret_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a Secret has no place"):
        write_provider(workspace(tmp_path), "acme", {"title": Secret("hunter2")})


@settings(deadline=None)
@given(
    st.recursive(
        st.booleans() | st.integers(-(2**60), 2**60) | st.dates() | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.from_regex(r"[a-z_]+", fullmatch=True), inner),
        max_leaves=8,
    )
)
def test_every_value_survives_the_way_through_toml(value: object) -> None:
    assert tomllib.loads(f"key = {_toml(value)}") == {"key": value}


@settings(deadline=None)
@given(st.integers(0, 999_999).map(lambda seconds: timedelta(seconds=seconds)))
def test_every_duration_survives_the_way_through_toml(span: timedelta) -> None:
    faults = FileFaults("x")
    raw = tomllib.loads(f"settle = {_toml(span)}")
    assert tidy(Provider, raw, faults)["settle"] == span
