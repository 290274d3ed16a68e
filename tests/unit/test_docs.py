"""The pages cannot lie: what they name exists, and what exists and matters to their readers is named."""

from __future__ import annotations

import ast
import dataclasses
import re
import shlex
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from adapters.settings import workspace
from app.cli.app import app
from formats.findings import CATALOGUE
from jobs import errors, runs, states
from jobs.catalogue import PLANS, STEPS
from jobs.job import Job
from jobs.states import BATCH_TRANSITIONS, BatchState
from simulator import Fault, Plan, parse_plan

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
PACKAGES = ("formats", "jobs", "adapters", "app", "simulator", "dags", "plugins")
MODULES = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
TEMPLATES = {"muster.toml": "muster.toml", "providers/*.toml": "provider.toml"}
CHANGED_AREAS = {path.name for room in ("adapters", "app") for path in (ROOT / room).iterdir()} | {
    *("formats", "jobs", "airflow", "channels", "deployment", "docs", "cli", "settings", "tests"),
    *("archive", "simulator", "build"),
}

FENCED = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CAPITALS = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
REPOSITORY_PATH = re.compile(
    r"(?:formats|jobs|adapters|app|simulator|dags|plugins|tests|docs|config|bench)/[\w./<>*-]*|\.ci/run|[\w-]+\.(?:lock|yml)"
)
TEST_NAME = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
ADDRESS = re.compile(r"https?://([A-Za-z0-9.-]+)")
HOSTS = {"localhost", "127.0.0.1", "keepachangelog.com", "framework.frictionlessdata.io"}  # and those of examples


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def doc(name: str) -> str:
    return text_of(DOCS / name)


def everything() -> str:
    return "\n".join(text_of(page) for page in PAGES)


def prose(page: Path) -> str:
    return FENCED.sub("", text_of(page))


def spans(page: Path) -> list[str]:
    """What stands in backquotes outside code blocks."""
    return CODE.findall(prose(page))


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its rank or above."""
    rank = len(heading) - len(heading.lstrip("#"))
    match = re.search(rf"^{re.escape(heading)}$\n(.*?)(?=^#{{1,{rank}}} |\Z)", text, re.DOTALL | re.MULTILINE)
    assert match, f"there is no heading {heading!r}"
    return match[1]


def headings(text: str) -> set[str]:
    return set(re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE))


def rows(text: str) -> Iterator[list[str]]:
    """Cells of the rows of the tables in a text, without headings and rulers."""
    for line in text.splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and not re.fullmatch(r"[-|: ]+", "".join(cells)):
            yield cells


# --- whole pages -------------------------------------------------------------------------


def test_the_pages_are_found() -> None:
    assert len(PAGES) > 20


def test_every_page_is_in_the_index() -> None:
    indexes = (DOCS / "README.md", DOCS / "templates/README.md")
    linked = {
        (index.parent / target.partition("#")[0]).resolve()
        for index in indexes
        for target in LINK.findall(text_of(index))
    }
    assert {name_of(page) for page in DOCS.rglob("*.md") if page not in linked} == {"docs/README.md"}


def test_the_readme_can_be_read_in_five_minutes() -> None:
    assert len(text_of(ROOT / "README.md").splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(CODE.sub("", prose(page))):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors of headings, as code hosts make them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(text_of(page))}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_exist(page: Path) -> None:
    named = [span for span in spans(page) if REPOSITORY_PATH.fullmatch(span)]
    patterns = {span: re.sub(r"<[^>]+>", "*", span).rstrip("/") for span in named}
    assert [span for span, pattern in patterns.items() if not list(ROOT.glob(pattern))] == []


def docstrings(path: Path) -> str:
    """Every text that stands as a statement of its own, so that of a constant too."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    texts = (node.value.value for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    return "\n".join(text for text in texts if isinstance(text, str))


def exists(dotted: str) -> bool:
    """Whether a module of ours has that name, or a module that assigns, defines or imports it."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if source.is_file():
            return length == len(parts) or re.search(rf"\b{parts[length]}\b", source.read_text()) is not None
    return False


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_what_a_docstring_names_exists(path: Path) -> None:
    named = CODE.findall(docstrings(path))
    modules = {name for name in named if re.fullmatch(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+(?:\(\))?", name)}
    files = {name: re.sub(r"<[^>]+>", "*", name).rstrip("/") for name in named if REPOSITORY_PATH.fullmatch(name)}
    assert {name for name in modules if not exists(name.removesuffix("()"))} == set()
    assert {name for name, pattern in files.items() if not list(ROOT.glob(pattern))} == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nothing_is_unfinished_and_addresses_are_few(page: Path) -> None:
    assert re.findall(r"\b(?:TODO|TBD|FIXME|XXX)\b", text_of(page)) == []
    hosts = {host.rstrip(".") for host in ADDRESS.findall(text_of(page))}
    assert {host for host in hosts - HOSTS if not f".{host}".endswith(".example.com")} == set()


def test_the_changelog_says_where() -> None:
    lines = re.findall(r"^- (.+)$", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert lines
    assert {line for line in lines if line.partition(":")[0] not in CHANGED_AREAS} == set()


def test_decisions_are_numbered_without_a_gap_and_have_their_parts() -> None:
    decisions = sorted((DOCS / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in decisions] == list(range(1, len(decisions) + 1))
    for page in decisions:
        text = text_of(page)
        assert text.startswith(f"# {page.name[:4]} "), page.name
        assert all(f"**{part}.**" in text for part in ("Context", "Options", "Decision", "Consequences")), page.name


# --- codes -------------------------------------------------------------------------------


def core_codes() -> set[str]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.MusterError]
    return {str(vars(kind)["code"]) for kind in kinds if "code" in vars(kind)}


@cache
def adapter_codes() -> frozenset[str]:
    """`code = "…"` of the error classes outside `jobs.errors`."""
    found = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and name_of(path) != "jobs/errors.py":
                found |= {
                    item.value.value
                    for item in node.body
                    if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant)
                    if isinstance(item.targets[0], ast.Name) and item.targets[0].id == "code"
                }
    return frozenset(str(code) for code in found)


@cache
def findings_in_use() -> frozenset[str]:
    """Codes some module beside the catalogue makes; those of identifiers are put together from their kind."""
    source = "".join(path.read_text(encoding="utf-8") for path in MODULES if path.name != "findings.py")
    return frozenset(code for code in CATALOGUE if f'"{code}"' in source or code.endswith("_INVALID"))


@pytest.mark.parametrize("code", sorted(core_codes()))
def test_every_error_has_a_section_that_says_what_and_what_to_do(code: str) -> None:
    text = section(doc("runbook.md"), f"## {code}")
    assert "**What**" in text or "**Do**" in text
    assert len(text.split()) > 15


def test_every_other_code_is_in_the_runbook_or_on_the_page_for_staff() -> None:
    named = set(CAPITALS.findall(doc("runbook.md") + doc("bulk-upload.md"))) | headings(doc("runbook.md"))
    assert (adapter_codes() | findings_in_use()) - named == set()


def test_sections_of_the_runbook_are_about_codes_there_are() -> None:
    codes = {heading for heading in headings(doc("runbook.md")) if CAPITALS.fullmatch(heading)}
    assert codes - core_codes() - set(CATALOGUE) == set()
    assert len(codes) > 30


def enum_values() -> set[str]:
    kinds = [kind for module in (states, runs) for kind in vars(module).values() if isinstance(kind, type)]
    return {value.value for kind in kinds if issubclass(kind, StrEnum) for value in kind}


@cache
def variables() -> frozenset[str]:
    """Names of environment variables and constants, from everything that is no page and no test."""
    places = [*MODULES, ROOT / "docker-compose.yml", ROOT / "Dockerfile", ROOT / "Makefile", ROOT / ".env.example"]
    return frozenset(word for path in places for word in re.findall(r"\b[A-Z][A-Z_]+\b", path.read_text()))


def is_variable(word: str) -> bool:
    """A variable or constant, with or without what Airflow puts before its settings."""
    return any(name == word or name.endswith(f"_{word}") for name in variables())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_codes_states_and_variables_that_are_named_exist(page: Path) -> None:
    known = core_codes() | adapter_codes() | set(CATALOGUE) | enum_values() | {str(item) for item in states.BUCKETS}
    named = {word for span in spans(page) for word in CAPITALS.findall(span)}
    assert {word for word in named - known if not is_variable(word)} == set()


@pytest.mark.parametrize("dag", sorted((ROOT / "dags").glob("[a-z]*.py")), ids=name_of)
def test_codes_that_a_dag_s_page_names_exist(dag: Path) -> None:
    page = ast.get_docstring(ast.parse(dag.read_text(encoding="utf-8"))) or ""
    assert set(re.findall(r"`\[([A-Z_]+)\]`", page)) - core_codes() == set()


# --- architecture ------------------------------------------------------------------------


def test_the_table_of_transitions_is_the_programs() -> None:
    table = rows(section(doc("architecture.md"), "## States"))
    written = {before.strip("`"): set(CODE.findall(after)) for before, after in table if before.startswith("`")}
    assert written == {state.value: {after.value for after in BATCH_TRANSITIONS[state]} for state in BatchState}


def test_the_identities_are_the_programs() -> None:
    source = (ROOT / "adapters/registry/conservation.py").read_text()
    checked = set(re.findall(r'ConservationCheck\(\s*"([^"]+)"', source))
    written = re.findall(r"^\* (.+)$", section(doc("architecture.md"), "## Conservation"), re.MULTILINE)
    assert {re.sub(r" \(.*\)$", "", line) for line in written} == checked


# --- promises ----------------------------------------------------------------------------


def test_every_promise_names_tests() -> None:
    promises = [heading for heading in headings(doc("guarantees.md")) if re.match(r"P\d ", heading)]
    assert sorted(heading[:2] for heading in promises) == [f"P{number}" for number in range(1, 9)]
    for heading in promises:
        assert TEST_NAME.search(section(doc("guarantees.md"), f"## {heading}")), heading


def test_tests_that_are_named_exist() -> None:
    named = TEST_NAME.findall(everything())
    missing = [f"{file}::{test}" for file, test in named if not is_test(ROOT / file, test)]
    assert missing == []


def is_test(file: Path, test: str) -> bool:
    if not file.is_file() or not test.startswith("test_"):
        return False
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return any(isinstance(node, ast.FunctionDef) and node.name == test for node in nodes)


# --- configuration -----------------------------------------------------------------------


def templates() -> list[Any]:
    return [pytest.param(page, name, id=name) for page, name in TEMPLATES.items()]


def shown_options(template: str) -> dict[tuple[str, str], str]:
    """(table, key) → default as the template shows it. A test of the settings holds templates and defaults equal."""
    path = Path(workspace.__file__).parent / "templates" / template
    options, table, required = {}, "", False
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"#?\[([a-z_.]+)\]", line):
            table, required = match[1], False
        elif match := re.fullmatch(r"#?([a-z_]+) = (.*)", line):
            options[table, match[1]] = "required" if required else f"`{match[2]}`"
        else:
            required = line.startswith("# Required") or (required and bool(line))
    return options


@pytest.mark.parametrize(("heading", "template"), templates())
def test_every_setting_is_described_with_its_default(heading: str, template: str) -> None:
    text = section(doc("configuration.md"), f"## {heading}")
    written: dict[tuple[str, str], str] = {}
    for table, part in [("", text.partition("\n### ")[0]), *subsections(text)]:
        first_table = part.partition("| key of an entry")[0]
        for cells in rows(first_table):
            if cells[0].startswith("`"):
                written[table, cells[0].strip("`")] = cells[1]
    assert written == shown_options(template)


def subsections(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split("\n### ")[1:]:
        heading, _, below = part.partition("\n")
        yield heading.strip("`[]"), below


def test_the_entries_of_a_key_list_are_described() -> None:
    from jobs.providers import PinnedKey

    entry = section(doc("configuration.md"), "### `[keys]`").partition("| key of an entry")[2]
    written = {cells[0].strip("`") for cells in rows(entry) if cells[0].startswith("`")}
    assert written == {field.name for field in dataclasses.fields(PinnedKey)}


# --- DAGs, commands, targets -------------------------------------------------------------


def dag_id(job: Job) -> str:
    return f"{job}.<provider>" if PLANS[job].per_provider else job.value


def test_every_dag_and_its_steps_are_in_operating() -> None:
    table = rows(section(doc("operating.md"), "## What runs"))
    written = {cells[0].strip("`"): CODE.findall(cells[2]) for cells in table if cells[0].startswith("`")}
    assert written == {dag_id(job): list(STEPS[job]) for job in Job}


def test_dags_that_are_named_exist() -> None:
    named = set(re.findall(r"`([a-z_]+\.<provider>)`", everything()))
    assert named == {dag_id(job) for job in Job if PLANS[job].per_provider}


@cache
def commands() -> dict[tuple[str, ...], Any]:
    """Every command by its words, and of the groups those that work without a command."""
    found: dict[tuple[str, ...], Any] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        below = getattr(command, "commands", None)
        if below is None or command.invoke_without_command:
            found[words] = command
        for name, child in (below or {}).items():
            walk(child, (*words, name))

    walk(typer.main.get_command(app), ())
    return found


def command_lines(page: Path) -> Iterator[list[str]]:
    """`muster …` in code blocks and backquotes, as words."""
    blocks = [line.strip() for block in FENCED.findall(text_of(page)) for line in block.splitlines()]
    for line in [*blocks, *spans(page)]:
        for part in re.split(r"&&|\|| > |;|  +#|\bworker |\binit (?=muster)", line):
            words = part.strip().removeprefix("$ ").removeprefix(".venv/bin/")
            if re.match(r"muster [a-z]", words):
                yield shlex.split(words.replace("<", "").replace(">", ""), comments=True)[1:]


def is_command_line(words: list[str]) -> bool:
    """Whether the command exists and has the options that are named."""
    for length in (2, 1):
        command = commands().get(tuple(words[:length]))
        if command is not None:
            known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            return {word for word in words[length:] if word.startswith("--")} <= known
    return len(words) == 1 and any(name[0] == words[0] for name in commands())


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "cli.md"], ids=name_of)
def test_commands_and_options_that_are_named_exist(page: Path) -> None:
    assert [words for words in command_lines(page) if not is_command_line(words)] == []


def test_every_command_is_used_on_some_page() -> None:
    written = [page for page in PAGES if page.name != "cli.md"]  # that one is made from the commands
    used = {tuple(words[: len(name)]) for page in written for words in command_lines(page) for name in commands()}
    assert set(commands()) - used == set()


def test_targets_that_are_named_exist_and_the_other_way_round() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target
        for page in PAGES
        for line in [*spans(page), *(line for block in FENCED.findall(text_of(page)) for line in block.splitlines())]
        for target in re.findall(r"^make ([a-z-]+)", line.strip())
    }
    assert named - targets == set()
    assert targets - named - {"runtime", "dev", "clean"} == set()  # what the others call, and what needs no page


# --- the simulator -----------------------------------------------------------------------


def test_every_key_and_fault_of_a_plan_is_described() -> None:
    text = section(doc("simulator.md"), "## The plan")
    described = {cells[0].strip("`[]") for cells in rows(text) if cells[0].startswith("`")}
    keys = {field.name for field in dataclasses.fields(Plan)} - {"rules"} | {"reject", "code"}
    assert described == keys | {fault.value for fault in Fault}


def test_the_plan_on_the_page_is_one() -> None:
    (block,) = [block for block in FENCED.findall(doc("simulator.md")) if block.startswith("```toml")]
    plan = block.removeprefix("```toml\n").removesuffix("```")
    assert tomllib.loads(plan)
    assert len(parse_plan(plan).rules) == 3


def test_the_example_of_a_kind_is_one() -> None:
    (block,) = [block for block in FENCED.findall(doc("adding-a-provider-kind.md")) if block.startswith("```python")]
    module: dict[str, Any] = {"__name__": "example"}
    exec(block.removeprefix("```python\n").removesuffix("```"), module)  # noqa: S102  # our own page
    assert module["KIND"].name == "example"
