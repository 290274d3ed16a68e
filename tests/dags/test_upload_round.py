"""Bulk uploads through the real console: Airflow's four components, their own processes, and a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.settings import Workspace
from app.bootstrap import Muster
from app.loopback import free_port
from formats.templates import template
from tests.dags.test_console import RUN, linux
from tests.support.browser import Tab, open_tab
from tests.support.installation import make_installation
from tests.support.uploads import filled, location, read_back

pytestmark = linux
PATIENCE = 120.0
BY_HAND = {"request": "", "response": ""}


@dataclass(frozen=True)
class Running:
    """A console for one workspace, and how to log in."""

    workspace: Workspace
    url: str
    password: str

    def token(self) -> str:
        import httpx

        answer = httpx.post(f"{self.url}/auth/token", json={"username": "admin", "password": self.password})
        return str(answer.json()["access_token"])


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Nothing runs by schedule: what is uploaded goes on because the page triggers the DAG, or not at all."""
    home = tmp_path_factory.mktemp("round") / "workspace"
    workspace = make_installation(home, free_port(), schedules=BY_HAND).workspace
    text = workspace.config.read_text(encoding="utf-8")
    for table in ("[inbox]\n", "[uploads]\n"):
        text = text.replace(table, f"{table}schedule = ''\n", 1)
    workspace.config.write_text(text, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    start = [sys.executable, "-c", RUN, str(home), "0"]
    with subprocess.Popen(start, stdout=subprocess.PIPE, text=True, env=environment) as launcher:
        try:
            assert launcher.stdout
            lines: list[str] = []
            while not lines or not (lines[-1].startswith("UP") or lines[-1] == ""):
                lines.append(launcher.stdout.readline())
            assert lines[-1].startswith("UP"), lines
            _, port, password = lines[-1].split()
            yield Running(workspace, f"http://127.0.0.1:{port}", password)
        finally:
            launcher.terminate()
            launcher.communicate(timeout=60)


@pytest.fixture
def person(console: Running) -> Iterator[Any]:
    """A client with a session cookie, as a browser has it."""
    import httpx

    with httpx.Client(base_url=console.url, cookies={"_token": console.token()}, timeout=60) as client:
        until = time.monotonic() + PATIENCE
        while "is not there yet" in client.get("/muster/uploads").text:
            assert time.monotonic() < until, "the DAG bulk_upload does not come"
            time.sleep(0.5)
        yield client


def until(person: Any, path: str, state: str) -> str:
    """The page of the upload, as soon as it is in that state."""
    end = time.monotonic() + PATIENCE
    while True:
        page = str(person.get(path).text)
        found = re.search(r'<span class="status \w+">([A-Z ]+)</span>', page)
        assert found, page
        if found[1] == state:
            return page
        assert found[1] == "IN PROGRESS", page
        assert time.monotonic() < end, page
        time.sleep(0.5)


def form(page: str, ending: str) -> str:
    (action,) = re.findall(rf'action="({ending}\?token=[\w-]+)"', page)
    return f"/muster/{action}" if action.startswith("uploads") else f"/muster/uploads/{action}"


def test_a_workbook_is_uploaded_previewed_confirmed_and_answered(person: Any, console: Running) -> None:
    data = filled("locations", location("Pune"), location("Delhi", latitude="95"), location("Mysuru"))
    sent = person.post(
        form(person.get("/muster/uploads").text, "uploads"),
        data={"template": "locations"},
        files={"file": ("places.xlsx", data)},
    )
    assert sent.status_code == 303, sent.text
    path = f"/muster/{sent.headers['location'].partition('?')[0]}"
    page = until(person, path, "HELD")
    for text in ("<b>2</b> new", "<b>1</b> failed", "Apply the 2 good rows", "E4"):
        assert text in page
    assert cities(console) == []

    said = person.post(form(page, r"\d+/commit"), data={"reason": "checked with sales", "confirm": "confirm"})
    assert said.status_code == 303, said.text
    page = until(person, path, "COMPLETED")
    assert cities(console) == ["Mysuru", "Pune"]
    assert "Updated By</dt><dd>admin<" in page

    rows = read_back(template("locations"), person.get(f"{path}/answer").content)
    assert [(row["City *"], row["Result"]) for row in rows if row["Result"]][-3:] == [
        ("Pune", "Passed: new"),
        ("Delhi", "Failed"),
        ("Mysuru", "Passed: new"),
    ]
    failed = read_back(template("locations"), person.get(f"{path}/failed").content)
    assert [row["City *"] for row in failed] == ["Delhi"]
    report = re.search(r'href="\.\./(reports/[^"]+)"', page)
    assert report
    assert person.get(f"/muster/{report[1]}").status_code == 200


def cities(console: Running) -> list[str]:
    """Locations in the registry."""
    with Muster.open(console.workspace) as app, app.registry.view() as tx:
        return sorted(tx.records.offers("locations"))


def test_a_person_uploads_and_discards_inside_the_console(person: Any, console: Running, tmp_path: Path) -> None:
    """In Airflow's sandboxed frame, where a form's origin and the page's policy are the browser's to enforce."""
    book = tmp_path / "wrong month.xlsx"
    book.write_bytes(filled("locations", location("Nowhere")))
    frame = "document.querySelector('iframe').contentDocument"
    with open_tab(tmp_path) as tab:
        tab.look(1280)
        tab.call("Network.setCookie", url=console.url, name="_token", value=person.cookies["_token"])
        tab.open(f"{console.url}/plugin/bulk-upload")
        tab.wait(f"{frame}.querySelector('input[type=file]') !== null")
        tab.value(f"{frame}.querySelector('select').value = 'locations'")
        tab.choose_file(f"{frame}.querySelector('input[type=file]')", book)
        click(tab, f"{frame}.querySelector('button.main')")
        tab.wait(f"{frame}.body.innerText.includes('Nothing is applied yet')")
        assert "wrong month.xlsx" in tab.value(f"{frame}.body.innerText")
        tab.value(f"{frame}.forms[1].reason.value = 'wrong month'")
        click(tab, f"{frame}.querySelector('button.grave')")
        tab.wait(f"{frame}.body.innerText.includes('was discarded')")
        outside = [url for url in tab.requests if not url.startswith((console.url, "data:", "blob:", "about:"))]
        assert outside == []
    assert "Nowhere" not in cities(console)


def click(tab: Tab, element: str) -> None:
    tab.value(f"{element}.click()")
