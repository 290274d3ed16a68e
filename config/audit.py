"""`make audit`: licences of what is shipped, its bill of materials, and the vulnerabilities that are known of it.

Shipped is what `requirements.lock` pins. Exit code 1 for a licence that must not be shipped or a known vulnerability;
a database that cannot be reached from here is said, and no failure.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
SBOM = ROOT / "build" / "sbom.cdx.json"
_PATIENCE = 300  # seconds; for a database that is slow
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)", re.MULTILINE)
_MISSING = "not found on PyPI"  # what pip-audit says of a package, and of every package where there is no database


def main() -> int:
    shipped = dict(_PIN.findall(LOCK.read_text(encoding="utf-8")))
    refused = _licences(shipped)
    _bill_of_materials()
    vulnerable = _vulnerabilities(len(shipped))
    return int(bool(refused or vulnerable))


def _licences(shipped: Mapping[str, str]) -> list[str]:
    """The packages that must not be shipped, after telling which licences there are."""
    argv = [_tool("pip-licenses"), "--python", sys.executable, "--from", "mixed", "--format", "json", "--packages"]
    listed = {item["Name"]: item["License"] for item in json.loads(_run([*argv, *shipped]).stdout)}
    names = {name: licences_of(text, allowed()) for name, text in listed.items()}
    refused = sorted(name for name, found in names.items() if not found)
    _say("Licences", f"{len(shipped)} packages shipped, {len(listed)} of them installed here; {len(refused)} refused")
    counted = Counter(", ".join(found) for found in names.values() if found)
    for licence, number in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        _say("", f"{number:5} {licence}")
    for name in refused:
        _say("", f"      refused: {name}: {listed[name] or 'names no licence'}")
    return refused


def allowed() -> dict[str, str]:
    """Name of a licence → the regular expression of its spellings."""
    rules: dict[str, str] = tomllib.loads((ROOT / "config/licences.toml").read_text(encoding="utf-8"))["allowed"]
    return rules


def licences_of(text: str, rules: Mapping[str, str]) -> list[str]:
    """The allowed licences under which the package may be shipped; none refuses it.

    Several classifiers (`;`) are a choice, as `OR` is; of licences that are joined by `AND` each has to be allowed.
    """
    for choice in re.split(r";| OR ", text):
        joined = [_licence(part, rules) for part in choice.split(" AND ")]
        if all(joined):
            return sorted({name for name in joined if name})
    return []


def _licence(text: str, rules: Mapping[str, str]) -> str | None:
    return next((name for name, pattern in rules.items() if re.fullmatch(pattern, text.strip().lower())), None)


def _bill_of_materials() -> None:
    SBOM.parent.mkdir(exist_ok=True)
    argv = [_tool("cyclonedx-py"), "requirements", str(LOCK), "--pyproject", str(ROOT / "pyproject.toml")]
    _run([*argv, "--output-reproducible", "--output-file", str(SBOM)])
    bill = json.loads(SBOM.read_text(encoding="utf-8"))
    version, components = bill["specVersion"], len(bill["components"])
    _say("SBOM", f"{SBOM.relative_to(ROOT)}: CycloneDX {version}, {components} components")


def _vulnerabilities(shipped: int) -> list[str]:
    argv = [_tool("pip-audit"), "--requirement", str(LOCK), "--disable-pip", "--require-hashes", "--format", "json"]
    done = _run(argv, check=False)
    report = json.loads(done.stdout) if done.stdout.startswith("{") else {"dependencies": []}
    looked_up, found = known(report["dependencies"])
    if not looked_up:
        _say("Vulnerabilities", "not looked up: no database of vulnerabilities can be reached from here")
        return []
    _say("Vulnerabilities", f"{looked_up} of {shipped} packages looked up; {len(found)} known")
    for line in found:
        _say("", f"      {line}")
    return found


def known(dependencies: Sequence[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """How many packages the database knows, and a line for each vulnerability."""
    asked = [item for item in dependencies if _MISSING not in item.get("skip_reason", "")]
    found = [
        f"{item['name']} {item['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version'}"
        for item in asked
        for fault in item.get("vulns", ())
    ]
    return len(asked), found


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _run(argv: Sequence[str], check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=check, timeout=_PATIENCE, cwd=ROOT)


def _say(what: str, text: str) -> None:
    print(f"  {what:<16} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
