"""`make audit`: which licences may be shipped, and what a database of vulnerabilities said."""

from __future__ import annotations

import pytest

from config.audit import allowed, known, licences_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT License", ["MIT"]),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", ["0BSD", "BSD", "CC0-1.0", "MIT", "Zlib"]),
        ("EPL-2.0 OR GPL-2.0-or-later", ["EPL-2.0"]),
        ("Artistic License; GNU General Public License (GPL); GNU General Public License v2 or later", ["Artistic"]),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", ["LGPL"]),
        ("The Unlicense (Unlicense)", ["Unlicense"]),
    ],
)
def test_a_licence_that_may_be_shipped(text: str, expected: list[str]) -> None:
    assert licences_of(text, allowed()) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("GPL-3.0-only", "GNU General Public License v3 (GPLv3)", "AGPL-3.0-or-later", "LicenseRef-Proprietary"),
        *("MIT AND GPL-3.0-only", "Business Source License 1.1", "SSPL-1.0", "UNKNOWN", "", "MIT-like"),
        "GNU Affero General Public License v3 or later (AGPLv3+)",
    ],
)
def test_a_licence_that_must_not(text: str) -> None:
    assert licences_of(text, allowed()) == []


def test_a_database_that_knows_no_package_was_not_reached() -> None:
    assert known([{"name": "a", "skip_reason": "Dependency not found on PyPI and could not be audited: a (1)"}]) == (
        0,
        [],
    )


def test_known_vulnerabilities_are_named_with_what_mends_them() -> None:
    vulnerable = {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
    unmended = {"name": "b", "version": "1", "vulns": [{"id": "CVE-2", "fix_versions": []}]}
    found = ["a 1: CVE-1, mended in 2", "b 1: CVE-2, mended in no version"]
    assert known([vulnerable, unmended, {"name": "c", "version": "1", "vulns": []}]) == (3, found)
