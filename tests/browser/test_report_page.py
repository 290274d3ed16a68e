"""The run report in a real browser: fits every width, runs and fetches nothing, prints."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path

import pytest

from adapters.report import render_html
from jobs.runs import RunReport
from tests.support import run_reports
from tests.support.browser import FLAGS
from tests.support.machine import need

SAMPLES = (
    run_reports.rich(),
    run_reports.not_conserved(),
    run_reports.dry_run(),
    run_reports.empty(),
    run_reports.hostile(),
)
WIDTHS = (390, 721, 1041, 1280)  # a phone, a desk, and where the layouts change
DARK = "--blink-settings=preferredColorScheme=0"


class Browser:
    """Headless Chromium with a profile of its own."""

    def __init__(self, folder: Path) -> None:
        self._program = need("chromium")
        self.folder = folder

    def run(self, page: str, *flags: str) -> str:
        """Open `page` (HTML) from a file; returns what Chromium prints."""
        source = self.folder / "page.html"
        source.write_text(page, encoding="utf-8")
        command = [str(self._program), *FLAGS, f"--user-data-dir={self.folder / 'profile'}", *flags, source.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


def test_no_width_needs_sideways_scrolling(browser: Browser) -> None:
    sizes = _measure(browser, [(report, width) for report in SAMPLES for width in WIDTHS])
    assert [size["scroll"] for size in sizes] == [width for _ in SAMPLES for width in WIDTHS]
    assert all(size["height"] > 500 for size in sizes)


def test_dark_and_light_follow_the_reader(browser: Browser) -> None:
    light = _measure(browser, [(run_reports.rich(), 1280)])[0]
    dark = _measure(browser, [(run_reports.rich(), 1280)], DARK)[0]
    assert (light["ground"], light["ink"]) == ("rgb(244, 246, 248)", "rgb(23, 32, 43)")
    assert (dark["ground"], dark["ink"]) == ("rgb(14, 19, 24)", "rgb(229, 234, 240)")


def test_markup_in_names_neither_runs_nor_fetches(browser: Browser) -> None:
    log = browser.folder / "network.json"
    page = browser.run(render_html(run_reports.hostile()), f"--log-net-log={log}", "--dump-dom")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.search(r"<(script|img)\b", page)
    assert page.count("onerror") == page.count("src=https://example.com/x.png onerror")
    events = log.read_text(encoding="utf-8")
    assert '"events"' in events
    assert "example.com" not in events


def test_it_prints_with_the_folded_parts_open(browser: Browser) -> None:
    folded, unfolded = browser.folder / "folded.pdf", browser.folder / "unfolded.pdf"
    page = render_html(run_reports.rich())
    browser.run(page, f"--print-to-pdf={folded}", "--no-pdf-header-footer")
    browser.run(page.replace("<details>", "<details open>"), f"--print-to-pdf={unfolded}", "--no-pdf-header-footer")
    assert folded.read_bytes().startswith(b"%PDF-")
    assert _pages(folded) == _pages(unfolded) > 1


def _measure(browser: Browser, cases: list[tuple[RunReport, int]], *flags: str) -> list[dict[str, int | str]]:
    """Lay each report out in a frame of the given width; what the browser made of it."""
    frames = "".join(
        f'<iframe style="border:0;width:{width}px;height:600px" srcdoc="{html.escape(render_html(report))}"></iframe>'
        for report, width in cases
    )
    script = """
      addEventListener("load", () => {
        const sizes = [...document.querySelectorAll("iframe")].map(frame => {
          const root = frame.contentDocument.documentElement, body = getComputedStyle(frame.contentDocument.body);
          return {scroll: root.scrollWidth, height: root.scrollHeight, ground: body.backgroundColor, ink: body.color};
        });
        document.body.textContent = JSON.stringify(sizes);
      });
    """
    page = f"<!DOCTYPE html><meta charset=utf-8><script>{script}</script><body>{frames}</body>"
    dom = browser.run(page, *flags, "--dump-dom", "--window-size=1400,900")
    found = re.search(r"<body>(.*)</body>", dom, re.DOTALL)
    assert found, "the page was not laid out"
    sizes: list[dict[str, int | str]] = json.loads(html.unescape(found[1]))
    return sizes


def _pages(pdf: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes()))
