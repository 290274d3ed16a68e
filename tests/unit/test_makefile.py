"""The Makefile and its set-up script, run with stand-ins for what would be installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
PROGRAMS = (
    *("awk", "bash", "cat", "cksum", "chmod", "dirname", "env", "find", "grep", "ls", "make", "mkdir", "mktemp", "rm"),
    *("printf", "sed", "sh", "sort", "tail", "tee", "touch", "tr"),
)
# Writes down how it was called; "installs" a program muster that writes down the same.
UV = """#!/bin/sh
printf 'uv %s\\n' "$*" >>"$CALLS"
printf '#!/bin/sh\\nprintf "muster %%s\\\\n" "$*" >>"$CALLS"\\n' >.venv/bin/muster
chmod +x .venv/bin/muster
"""


class Checkout:
    """A copy of the build files in a folder with a space in its name, and a PATH of chosen programs."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "a check out"
        self.calls = place / "calls"
        self.bin = place / "bin"
        self.home = place / "home"
        for folder in (self.folder / "config", self.bin, self.home):
            folder.mkdir(parents=True)
        for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
            shutil.copy(ROOT / name, self.folder / name)
        for name in ("setup.sh", "uv.lock.txt"):
            shutil.copy(ROOT / "config" / name, self.folder / "config" / name)
        for name in PROGRAMS:
            found = shutil.which(name)
            assert found, name
            (self.bin / name).symlink_to(found)

    def program(self, name: str, text: str = "#!/bin/sh\nexit 0\n") -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def python(self, name: str = "python3") -> None:
        self.program(name, f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "HOME": str(self.home), "CALLS": str(self.calls)}
        return subprocess.run(
            ["make", *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """All that is needed is there."""
    checkout.program("gpg")
    checkout.program("uv", UV)
    checkout.python()
    return checkout


def targets() -> list[str]:
    return re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)


def test_every_target_is_phony_and_explained() -> None:
    assert {"demo", "test", "console", "lint", "fmt", "types", "bench", "lock", "clean", "help"} <= set(targets())
    assert re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE) == targets()
    assert re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE) == targets()


def test_help_lists_every_target(checkout: Checkout) -> None:
    done = checkout.make()
    assert done.returncode == 0
    assert re.findall(r"^  make ([a-z-]+) ", done.stdout, re.MULTILINE) == targets()
    assert "\x1b" not in done.stdout


def test_without_gpg_nothing_is_installed_and_one_line_says_what_to_do(checkout: Checkout) -> None:
    checkout.program("uv", UV)
    checkout.python()
    done = checkout.make("demo")
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode == 2
    assert len(said) == 1
    assert all(words in said[0] for words in ("GnuPG", "apt-get install gnupg", "dnf install", "brew install gnupg"))
    assert checkout.called() == []
    assert not (checkout.folder / ".venv").exists()


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_without_a_fitting_python_one_line_says_what_to_do(checkout: Checkout, version: tuple[int, int]) -> None:
    checkout.program("gpg")
    checkout.program("uv", UV)
    # stands in for another version: answers the version question as that version would
    fake = f"#!{sys.executable}\nimport sys\nsys.version_info = {version}\nexec(sys.argv[2])\n"
    checkout.program("python3", fake)
    done = checkout.make("demo")
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode == 2
    assert len(said) == 1
    assert "Python 3.11, 3.12 or 3.13 is needed" in said[0]
    assert checkout.called() == []


def test_a_python_that_cannot_make_environments_is_named(checkout: Checkout) -> None:
    checkout.program("gpg")
    hide = "import sys; sys.modules['ensurepip'] = None; exec(sys.argv[1])"
    checkout.program("python3", f'#!/bin/sh\nexec "{sys.executable}" -c "{hide}" "$2"\n')
    done = checkout.make("demo")
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode == 2
    assert len(said) == 1
    assert "apt-get install python3-venv" in said[0]


def test_demo_installs_what_running_needs_with_hashes_and_starts(ready: Checkout) -> None:
    done = ready.make("demo", "DEVICES=7")
    assert done.returncode == 0, done.stderr
    requirements, project, muster = ready.called()
    assert requirements.endswith("--require-hashes -r requirements.lock")
    assert project.endswith("--no-deps --no-build-isolation -e .")
    assert "--python .venv/bin/python" in requirements
    assert muster == "muster demo --devices 7"
    assert len(done.stdout.splitlines()) == 1


def test_demo_enrols_a_thousand_devices_unless_told(ready: Checkout) -> None:
    ready.make("demo")
    assert ready.called()[-1] == "muster demo --devices 1000"


def test_the_second_call_installs_nothing(ready: Checkout) -> None:
    ready.make("demo")
    before = len(ready.called())
    done = ready.make("demo")
    assert ready.called()[before:] == ["muster demo --devices 1000"]
    assert done.stdout == ""


def test_a_changed_lock_file_is_installed(ready: Checkout) -> None:
    ready.make("runtime")
    before = len(ready.called())
    with (ready.folder / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    ready.make("runtime")
    assert len(ready.called()) == before + 2


def test_a_moved_checkout_gets_a_new_environment(ready: Checkout) -> None:
    ready.make("runtime")
    ready.folder = ready.folder.rename(ready.folder.parent / "moved")
    before = len(ready.called())
    ready.make("runtime")
    assert len(ready.called()) == before + 2
    assert str(ready.folder) in (ready.folder / ".venv/bin/activate").read_text()


def test_an_interrupted_set_up_is_done_again(ready: Checkout) -> None:
    ready.program("uv", UV + "exit 3\n")
    assert ready.make("runtime").returncode != 0
    ready.program("uv", UV)
    assert ready.make("runtime").returncode == 0
    assert not (ready.folder / ".venv/.muster-dev").exists()
    assert (ready.folder / ".venv/.muster-runtime").exists()


def test_testing_installs_the_development_set(ready: Checkout) -> None:
    ready.make("dev")
    assert ready.called()[0].endswith("--require-hashes -r requirements-dev.lock")


def test_without_uv_the_locked_one_is_brought_into_the_environment(checkout: Checkout) -> None:
    checkout.program("gpg")
    # `-m venv` makes an environment whose python writes down how it is called
    fake = """#!/bin/sh
case "$*" in
  "-m venv .venv")
    mkdir -p .venv/bin && cp "$0" .venv/bin/python && printf '%s\\n' "$PWD/.venv" >.venv/bin/activate ;;
  "-m pip install"*)
    printf 'pip %s\\n' "$*" >>"$CALLS" && cp "$UV" .venv/bin/uv ;;
  "-m pip config"*) exit 1 ;;
esac
"""
    (checkout.bin / "cp").symlink_to(str(shutil.which("cp")))
    kept = checkout.bin.parent / "uv"
    kept.write_text(UV)
    kept.chmod(0o755)
    checkout.program("python3", fake.replace('"$UV"', f"'{kept}'"))
    done = checkout.make("runtime")
    assert done.returncode == 0, done.stderr
    pip, requirements, _ = checkout.called()
    assert pip.endswith("--require-hashes -r config/uv.lock.txt")
    assert requirements.endswith("--require-hashes -r requirements.lock")


def make_workspace(folder: Path, *providers: str) -> Path:
    workspace = folder / ".muster"
    for name in providers:
        (workspace / "providers").mkdir(parents=True, exist_ok=True)
        (workspace / "providers" / f"{name}.toml").touch()
    (workspace / "simulator/acme").mkdir(parents=True)
    (workspace / "muster.toml").touch()
    return workspace


def test_clean_demo_removes_the_demo(checkout: Checkout) -> None:
    workspace = make_workspace(checkout.folder, "acme")
    assert checkout.make("clean-demo").returncode == 0
    assert not workspace.exists()
    assert checkout.make("clean-demo").returncode == 0


def test_clean_demo_leaves_an_installation_alone(checkout: Checkout) -> None:
    workspace = make_workspace(checkout.folder, "acme", "northwind")
    done = checkout.make("clean-demo")
    assert done.returncode != 0
    assert "nothing was removed" in done.stderr
    assert (workspace / "providers/northwind.toml").exists()


def test_the_scripts_are_sound() -> None:
    for script in (ROOT / "config/setup.sh", ROOT / ".ci/run"):
        assert os.access(script, os.X_OK)
        assert "set -euo pipefail" in script.read_text()
        assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def test_the_set_up_script_keeps_to_what_macos_has() -> None:
    text = (ROOT / "config/setup.sh").read_text()
    newer = (
        r"\bdeclare -A|\bmapfile\b|\breadarray\b|\$\{\w+(,,|\^\^)|\bsed -i\b|\breadlink -f\b|\brealpath\b|\bgrep -P\b"
    )
    assert re.findall(newer, text) == []
