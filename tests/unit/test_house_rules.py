"""The house rules that a program can judge: sizes, who may import what, banned idioms, tracked files."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from jobs import errors

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("formats", "jobs", "adapters", "app", "simulator", "dags", "plugins", "bench")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MIGRATIONS = "adapters/registry/migrations/versions/"
MODULE_LINES = 400
FUNCTION_LINES = 60
README_LINES = 120
FILE_BYTES = 1024 * 1024

# Third-party clients, and the only place that may import each (a module, or a package ending in "/").
CLIENTS = {
    "airflow": ("dags/", "plugins/"),
    "asyncssh": ("simulator/",),
    "gnupg": ("adapters/openpgp/cipher.py",),
    "great_expectations": ("adapters/quality/",),
    "paramiko": ("adapters/channels/sftp.py",),
}
PURE = {  # third-party packages a layer may use at all; beside the standard library and the layers below it
    "formats": {"annotated_types", "numpy", "pyarrow", "python_calamine", "stdnum", "xlsxwriter"},
    "jobs": {"annotated_types", "formats", "pyarrow"},
}
IMPURE = {"os", "random", "secrets", "socket", "sqlite3", "subprocess", "tempfile", "time", "urllib", "uuid"}
# Airflow reads DAG files every half minute: what is heavy is imported inside the tasks.
HEAVY = {"app.bootstrap", "great_expectations", "numpy", "pandas", "paramiko", "pyarrow", "sqlalchemy"}

BANNED_WORDS = {
    r"\bAutoAddPolicy\b": "host keys are pinned",
    r"\bWarningPolicy\b": "host keys are pinned",
    r"\bno_host_key_check\b": "host keys are pinned",
    r"\bshell\s*=\s*True\b": "programs are started without a shell",
    r"\byaml\.(unsafe_)?load\(": "yaml.safe_load is the one that runs no code",
    r"\bto_excel\b": "workbooks are written with text-formatted identifiers",
    r"\)\+\+": "Python 3.11.2 mixes up the groups of possessive repeats",
    r"\butcnow\b|\butcfromtimestamp\b": "times are aware",
    r"\b(TODO|FIXME|XXX)\b": "work is finished or an issue",
}
BANNED_IMPORTS = {"cPickle", "dill", "marshal", "pickle", "shelve"}

AIRFLOW_2_MODULES = re.compile(
    r"airflow\.(contrib|operators|sensors|decorators|datasets|hooks|lineage|www|io|macros|notifications)(\.|$)"
    r"|airflow\.utils\.(dates|helpers|task_group|trigger_rule|context)$"
    r"|airflow\.models\.(baseoperator|dagbag|param|variable|connection)$"
    r"|airflow\.(timetables\.datasets|triggers\.temporal)$"
    r"|airflow\.executors\.(sequential|debug|celery)_executor$"
)
AIRFLOW_2_ARGUMENTS = {
    *("schedule_interval", "timetable", "default_view", "orientation", "concurrency", "fail_stop", "full_filepath"),
    *("sla", "sla_miss_callback", "provide_context", "task_concurrency", "default_var", "include_examples"),
}
AIRFLOW_2_WORDS = re.compile(
    r"execution_date|/api/v1\b|airflow (webserver|db init|db upgrade|dags backfill)"
    r"|days_ago|none_failed_or_skipped|trigger_rule=[\"']dummy"
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(nodes: Iterator[ast.AST] | list[ast.stmt]) -> set[str]:
    """Dotted names of the modules these nodes import, and of what they import from them."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def all_imports(path: Path) -> set[str]:
    return imports(ast.walk(tree(path)))


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in all_imports(path)}


@cache
def tracked() -> list[Path]:
    """Files git tracks, and new ones it does not ignore."""
    argv = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, check=True)
    return [path for name in done.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_there_is_something_to_judge() -> None:
    assert len(MODULES) > 20
    assert len(tracked()) > 20


def test_modules_stay_short() -> None:
    long = {name_of(path): lines for path in MODULES if (lines := len(path.read_text().splitlines())) > MODULE_LINES}
    assert long == {}


def test_functions_stay_short() -> None:
    long = {}
    for path in MODULES:
        if name_of(path).startswith(MIGRATIONS):  # a list of tables, in the order of their creation
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long[f"{name_of(path)}:{node.name}"] = lines
    assert long == {}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_is_imported_in_its_place_only(client: str) -> None:
    users = {name_of(path) for path in MODULES if client in tops(path)}
    assert {user for user in users if not user.startswith(CLIENTS[client])} == set()


@pytest.mark.parametrize("layer", PURE)
def test_inner_layers_use_few_packages(layer: str) -> None:
    allowed = PURE[layer] | {layer} | set(sys.stdlib_module_names)
    used = {path: tops(path) - allowed for path in (ROOT / layer).rglob("*.py")}
    assert {name_of(path): names for path, names in used.items() if names} == {}


def test_formats_have_no_clock_network_randomness_or_database() -> None:
    used = {path: tops(path) & IMPURE for path in (ROOT / "formats").rglob("*.py")}
    assert {name_of(path): names for path, names in used.items() if names} == {}
    assert [name_of(path) for path in (ROOT / "formats").rglob("*.py") if asks_for_now(path)] == []


def test_jobs_take_the_time_from_the_clock_port() -> None:
    assert [name_of(path) for path in (ROOT / "jobs").rglob("*.py") if asks_for_now(path)] == []


def asks_for_now(path: Path) -> bool:
    return re.search(r"\b(datetime|date|time)\.(now|today|time|monotonic)\(", path.read_text()) is not None


def test_the_simulator_shares_no_code_with_us() -> None:
    ours = {}
    for path in (ROOT / "simulator").rglob("*.py"):
        names = {name for name in all_imports(path) if name.split(".")[0] in PACKAGES}
        if foreign := {name for name in names if name.split(".")[0] != "simulator"}:
            ours[name_of(path)] = foreign
    assert ours == {}


def test_dag_files_import_nothing_heavy_when_they_are_read() -> None:
    heavy = {}
    for path in (ROOT / "dags").rglob("*.py"):
        names = imports(tree(path).body)
        if found := {name for name in names if name in HEAVY or name.split(".")[0] in HEAVY}:
            heavy[name_of(path)] = found
    assert heavy == {}


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "getenvb"}
    }
    assert {reader for reader in readers if not reader.startswith("adapters/settings/")} == set()


@pytest.mark.parametrize("word", BANNED_WORDS)
def test_banned_words(word: str) -> None:
    users = [name_of(path) for path in MODULES if re.search(word, path.read_text())]
    assert users == [], BANNED_WORDS[word]


def test_nothing_is_pickled() -> None:
    assert [name_of(path) for path in MODULES if tops(path) & BANNED_IMPORTS] == []


def airflow_files() -> list[Path]:
    return [path for path in MODULES if name_of(path).startswith(("dags/", "plugins/"))]


def test_no_module_of_airflow_2() -> None:
    old = {name_of(path): found for path in airflow_files() if (found := old_modules(path))}
    assert old == {}


def old_modules(path: Path) -> set[str]:
    modules = {node.module or "" for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)}
    modules |= {name for node in ast.walk(tree(path)) if isinstance(node, ast.Import) for name in imports([node])}
    return {name for name in modules if AIRFLOW_2_MODULES.match(name)}


def test_no_argument_or_word_of_airflow_2() -> None:
    old: Counter[str] = Counter()
    for path in airflow_files():
        calls = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
        arguments = {keyword.arg for call in calls for keyword in call.keywords}
        old.update(f"{name_of(path)}: {name}" for name in arguments & AIRFLOW_2_ARGUMENTS)
        old.update(f"{name_of(path)}: {match[0]}" for match in AIRFLOW_2_WORDS.finditer(path.read_text()))
    assert old == Counter()


@pytest.mark.parametrize(
    "module",
    ["airflow.operators.python", "airflow.decorators", "airflow.utils.dates", "airflow.hooks.base", "airflow.www.app"],
)
def test_the_list_of_airflow_2_modules_bites(module: str) -> None:
    assert AIRFLOW_2_MODULES.match(module)
    assert not AIRFLOW_2_MODULES.match("airflow.sdk")
    assert not AIRFLOW_2_MODULES.match("airflow.providers.standard.operators.python")


def test_finding_codes_are_unique() -> None:
    calls = (node for node in ast.walk(tree(ROOT / "formats/findings.py")) if isinstance(node, ast.Call))
    codes = Counter(
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in {"_error", "_warning"} and len(call.args) == 3
        if isinstance(call.args[0], ast.Constant)
    )
    assert len(codes) > 20
    assert [code for code, times in codes.items() if times > 1] == []


def subclasses(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_error_to_raise_has_a_code_of_its_own() -> None:
    kinds = [kind for kind in subclasses(errors.MusterError) if kind.__module__ == errors.__name__]
    leaves = [kind for kind in kinds if not kind.__subclasses__() or "code" in vars(kind)]
    assert len(leaves) > 15
    assert [kind.__name__ for kind in leaves if "code" not in vars(kind)] == []
    codes = Counter(vars(kind)["code"] for kind in leaves)
    assert [code for code, times in codes.items() if times > 1] == []


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "config/uv.lock.txt"])
def test_a_lock_file_holds_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    pins = re.findall(r"^[A-Za-z0-9][^\s=]*==\S+.*\n(\s+--hash=sha256:[0-9a-f]{64})?", text, re.MULTILINE)
    assert pins
    assert all(pins)


def test_the_runtime_lock_is_part_of_the_development_lock() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[A-Za-z0-9][^\s=]*==\S+", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.lock") - pins("requirements-dev.lock") == set()


def test_the_locks_hold_every_dependency_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]

    def wanted(requirements: list[str]) -> set[str]:
        return {re.split(r"[\s\[<>=!~;]", text)[0].lower() for text in requirements}

    def locked(name: str) -> set[str]:
        return set(re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", (ROOT / name).read_text(), re.MULTILINE))

    runtime = wanted(project["project"]["dependencies"] + groups["build"])
    assert runtime - locked("requirements.lock") == set()
    developing = {name for group in groups.values() for name in wanted(group)}
    assert (runtime | developing) - locked("requirements-dev.lock") == set()


def test_no_tracked_file_is_larger_than_a_mebibyte() -> None:
    assert {name_of(path): size for path in tracked() if (size := path.stat().st_size) > FILE_BYTES} == {}


def test_no_tracked_file_is_a_secret() -> None:
    secret = re.compile(r"(^|/)(\.env|secrets/.*|.*\.(key|pem)|id_(rsa|ed25519))$")
    assert [name_of(path) for path in tracked() if secret.search(name_of(path))] == []
