"""docker-compose.yml, Dockerfile and what containers mount, judged without a Docker engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from tests.support.machine import need
from tests.support.sshd import make_privilege_folder

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
CONTAINER = ROOT / "config/container"
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::([-?])([^}]*))?\}")
SECRET = re.compile(r"PASSWORD|KEY|SECRET|TOKEN")
ROOT_SERVICES = {"drop"}  # sshd locks its users in with chroot, which only root may do

# Runs once, with Airflow's own parser and configuration: what it knows of the commands and settings we use.
ASK_AIRFLOW = """
import contextlib, io, json, sys
from airflow.cli.cli_parser import get_parser
from airflow.configuration import conf
asked = json.load(sys.stdin)
parser, refused = get_parser(), {}
for argv in asked["commands"]:
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            parser.parse_args(argv)
        except SystemExit:
            refused[" ".join(argv)] = said.getvalue()[-300:]
known = {(section, key) for section, about in conf.configuration_description.items() for key in about["options"]}
unknown = [name for name in asked["settings"] if tuple(part.lower() for part in name.split("__")[1:]) not in known]
json.dump({"refused": refused, "unknown": unknown}, sys.stdout)
"""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def variables() -> dict[str, set[tuple[str, str]]]:
    """Every interpolated variable of the compose file, with its operators and their texts."""
    lines = [line for line in COMPOSE.read_text().splitlines() if not line.lstrip().startswith("#")]
    found: dict[str, set[tuple[str, str]]] = {}
    for match in VARIABLE.finditer("\n".join(lines)):
        found.setdefault(match[1], set()).add((match[2] or "", match[3] or ""))
    return found


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def one_shots(services: dict[str, dict[str, Any]]) -> set[str]:
    return {
        name
        for service in services.values()
        for name, wait in service.get("depends_on", {}).items()
        if wait["condition"] == "service_completed_successfully"
    }


def check_schema(path: Path) -> int:
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(argv, capture_output=True, check=False).returncode


def test_the_file_follows_the_compose_specification() -> None:
    assert check_schema(COMPOSE) == 0


def test_the_schema_check_bites(tmp_path: Path, compose: dict[str, Any]) -> None:
    wrong = {**compose, "services": {**compose["services"], "worker": {"imag": "muster:1"}}}
    (tmp_path / "docker-compose.yml").write_text(yaml.safe_dump(wrong))
    assert check_schema(tmp_path / "docker-compose.yml") != 0


def test_the_example_environment_and_the_file_name_the_same_variables() -> None:
    assert set(example()) == set(variables())


def test_every_example_variable_is_explained() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    unexplained = [line for before, line in zip(["", *lines], lines, strict=False) if "=" in line and not before[:1]]
    assert [line for line in unexplained if not line.startswith("#")] == []


def test_secrets_are_required_and_have_no_default() -> None:
    used = variables()
    secrets = {name for name in used if SECRET.search(name)}
    assert len(secrets) >= 7
    assert {name for name in secrets if {how for how, _ in used[name]} != {"?"}} == set()
    assert {name for name in secrets if example()[name]} == set()
    assert {name for name in used for how, text in used[name] if how == "?" and name not in text} == set()


def test_the_examples_of_settings_are_the_defaults() -> None:
    defaults = {name: text for name, uses in variables().items() for how, text in uses if how == "-"}
    assert defaults
    assert {name: example()[name] for name in defaults} == defaults


def test_no_secret_stands_in_the_file(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name) and not name.endswith("_FILE"):
                assert VARIABLE.search(value), name
            for password in re.findall(r"://[^:/@]*:([^@]*)@", str(value)):
                assert VARIABLE.fullmatch(password), name


def test_every_service_has_a_health_check_or_ends(services: dict[str, dict[str, Any]]) -> None:
    ending = one_shots(services)
    assert ending == {"init"}
    assert all(services[name]["restart"] == "no" for name in ending)
    assert {name for name, service in services.items() if not service.get("healthcheck", {}).get("test")} == ending


def test_who_waits_for_another_waits_until_it_is_ready(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            assert other in services, name
            ready = "service_completed_successfully" if other in one_shots(services) else "service_healthy"
            assert wait["condition"] == ready, f"{name} on {other}"


def test_images_have_a_fixed_tag(services: dict[str, dict[str, Any]]) -> None:
    tags = {name: service["image"].rpartition(":")[2] for name, service in services.items()}
    assert {name: tag for name, tag in tags.items() if not re.match(r"\d", tag)} == {}


def test_services_have_few_rights(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not {"privileged", "network_mode", "pid", "ipc", "userns_mode", "devices"} & set(service), name
        assert (service.get("user") in {None, "root", "0", "0:0"}) == (name in ROOT_SERVICES), name
        assert ("cap_add" in service) == (name in ROOT_SERVICES), name
        assert not [volume for volume in service.get("volumes", []) if "docker.sock" in str(volume)], name


def test_ports_are_open_on_this_host_only(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_databases_are_not_reachable_from_outside(compose: dict[str, Any]) -> None:
    assert compose["networks"]["back"]["internal"] is True
    assert compose["services"]["postgres"]["networks"] == ["back"]
    assert compose["services"]["redis"]["networks"] == ["back"]


def test_airflow_services_share_one_environment(services: dict[str, dict[str, Any]]) -> None:
    airflow = ["init", "api-server", "scheduler", "dag-processor", "triggerer", "worker"]
    first = services[airflow[0]]["environment"]
    assert all(services[name]["environment"] == first for name in airflow)


def test_the_partner_s_side_gets_none_of_our_secrets(services: dict[str, dict[str, Any]]) -> None:
    for name in ("simulator", "drop"):
        assert "environment" not in services[name]
        assert "env_file" not in services[name]
        assert "workspace:/muster" not in services[name]["volumes"]


def test_whatever_is_mounted_exists(compose: dict[str, Any]) -> None:
    mounts = [str(volume) for service in compose["services"].values() for volume in service.get("volumes", [])]
    for mount in mounts:
        source = mount.split(":")[0]
        assert source in compose["volumes"] or (ROOT / source).exists(), mount


def airflow_commands(services: dict[str, dict[str, Any]]) -> list[list[str]]:
    """What services and scripts call `airflow` with."""
    lists = [service.get("command", []) for service in services.values()]
    lists += [line.removeprefix("exec ").split() for script in scripts() for line in script.read_text().splitlines()]
    return [words[1:] for words in lists if words[:1] == ["airflow"]]


def scripts() -> list[Path]:
    return sorted(CONTAINER.glob("*.sh"))


def test_airflow_knows_every_command_and_setting(services: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    settings = [name for name in services["worker"]["environment"] if name.startswith("AIRFLOW__")]
    commands = airflow_commands(services)
    assert len(commands) >= 7
    done = subprocess.run(
        [sys.executable, "-c", ASK_AIRFLOW],
        input=json.dumps({"commands": [*commands, ["webserver"]], "settings": [*settings, "AIRFLOW__CORE__NONE"]}),
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    assert list(answer["refused"]) == ["webserver"]
    assert answer["unknown"] == ["AIRFLOW__CORE__NONE"]


def muster_commands(services: dict[str, dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """What services, scripts and the Makefile call `muster` with: command and options."""
    text = "\n".join(path.read_text() for path in (*scripts(), ROOT / "Makefile"))
    lines = [match.split() for match in re.findall(r"^(?:exec |\t@\$\(BIN\)/)?muster (.*)$", text, re.MULTILINE)]
    lines += [service["command"][1:] for service in services.values() if service.get("command", [])[:1] == ["muster"]]
    return [(words[0], [word for word in words if word.startswith("--")]) for words in lines]


def test_muster_knows_every_command(services: dict[str, dict[str, Any]]) -> None:
    from app.cli.app import app

    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    used = muster_commands(services)
    assert {"init", "check-config", "airflow-pools", "simulate", "demo", "console"} <= {name for name, _ in used}
    assert {name for name, _ in used} - set(known) == set()
    for name, options in used:
        assert set(options) <= {option for parameter in known[name].params for option in parameter.opts}, name


def test_each_component_asks_for_its_own_heartbeat(services: dict[str, dict[str, Any]]) -> None:
    asked = {name: service["healthcheck"]["test"][-1] for name, service in services.items() if "healthcheck" in service}
    assert asked["scheduler"] == "scheduler"
    assert asked["dag-processor"] == "dag_processor"
    assert asked["triggerer"] == "triggerer"
    assert asked["api-server"] == "metadatabase"


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.name)
def test_scripts_are_sound(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text()
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def test_sshd_accepts_the_drop_server_s_configuration(tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    config = tmp_path / "sshd_config"
    config.write_text((CONTAINER / "sshd_config").read_text().replace("/var/lib/drop/ssh_host_ed25519_key", str(key)))
    make_privilege_folder()
    argv = [str(need("sshd")), "-T", "-f", str(config), "-C", "user=drop,host=h,addr=192.0.2.1"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    in_force = set(done.stdout.splitlines())
    assert {
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "permitrootlogin no",
        "permittty no",
        "disableforwarding yes",
        "chrootdirectory /srv/drop",
        "allowusers drop",
    } <= in_force


def dockerfile() -> list[str]:
    return re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text()).splitlines()


def test_the_services_images_are_stages_of_the_dockerfile(services: dict[str, dict[str, Any]]) -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", "\n".join(dockerfile()), re.MULTILINE))
    built = {service["build"]["target"] for service in services.values() if "build" in service}
    assert built == {"muster", "drop"}
    assert built <= stages


def test_the_images_hold_only_what_is_locked() -> None:
    installs = [line for line in dockerfile() if re.search(r"pip install", line)]
    assert installs
    for part in [part for line in installs for part in line.split("&&") if "pip install" in part]:
        assert "--require-hashes" in part or "--no-deps --no-build-isolation -e ." in part
    assert not any("requirements-dev" in line for line in dockerfile())


def test_base_images_have_a_fixed_tag() -> None:
    bases = [line.partition("=")[2] for line in dockerfile() if line.startswith("ARG ")]
    assert bases
    assert [base for base in bases if not re.search(r":\S*(\d|bookworm)", base)] == []
    assert [line for line in dockerfile() if line.startswith("FROM ") and "${" not in line] == []


def test_the_muster_image_runs_without_root() -> None:
    stage = "\n".join(dockerfile()).split(" AS muster\n")[1].split("\nFROM ")[0]
    assert "\nUSER 50000:50000" in stage


def test_the_build_context_lets_through_what_is_copied_and_no_more() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = [line.split()[1:-1] for line in dockerfile() if line.startswith("COPY ") and "--from" not in line]
    copied = {source for sources in copies for source in sources}
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
    assert {path for path in copied if path not in allowed and not path.startswith("config/container/")} == set()
    assert allowed <= copied
    assert {path for path in copied if not (ROOT / path).exists()} == set()
