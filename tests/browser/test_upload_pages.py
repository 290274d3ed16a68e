"""The pages of bulk uploads in a real browser: every width, dark and light, by keyboard, nothing fetched or run."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.browser import Tab, open_tab
from tests.support.upload_pages import ALL, FINDINGS, HELD, HOSTILE, NASTY, NO_FINDINGS

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
ZONE = ZoneInfo("Asia/Kolkata")
WIDTHS = (320, 390, 720, 1000, 1280)


@pytest.fixture(scope="module")
def pages() -> Any:
    sys.path.append(str(PLUGINS))
    return importlib.import_module("muster_upload_pages")


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with open_tab(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def history(pages: Any, uploads: Any = ALL, **remarks: str) -> str:
    viewer = pages.Viewer("ada@example.com", "token")
    limits = pages.UploadBounds(50_000_000, 200_000)
    return str(pages.uploads_page(uploads, True, pages.Wanted(), viewer, limits, ZONE, pages.Remarks(**remarks)))


def one(pages: Any, upload: Any, findings: Any = FINDINGS, refusal: str = "") -> str:
    viewer = pages.Viewer("ada@example.com", "token", refusal)
    return str(pages.upload_page(upload, findings, viewer, ZONE, pages.Remarks(note="A note.", error="A fault.")))


def test_no_width_needs_sideways_scrolling(pages: Any, tab: Tab) -> None:
    shown = [history(pages, note="A note.", error="A fault."), history(pages, ())]
    shown += [one(pages, upload) for upload in ALL]
    for width in WIDTHS:
        tab.look(width)
        for page in shown:
            tab.show(page)
            assert tab.value("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("dark", [False, True])
def test_everything_can_be_read_in_the_dark_and_in_the_light(pages: Any, tab: Tab, dark: bool) -> None:
    tab.look(1280, dark)
    for page in (history(pages, note="A note."), one(pages, HELD), one(pages, NASTY)):
        tab.show(page)
        assert tab.value("getComputedStyle(document.body).backgroundColor") == (
            "rgb(20, 24, 31)" if dark else "rgb(255, 255, 255)"
        )
        faint = [text for text, contrast in tab.value(CONTRASTS) if contrast < 4.5]
        assert faint == []


CONTRASTS = """
(() => {
  const light = colour => {
    const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3).map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    const colour = getComputedStyle(element).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" && element.parentElement ? ground(element.parentElement) : colour;
  };
  const texts = [...document.body.querySelectorAll("*")].filter(
    element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  return texts.map(element => {
    const [low, high] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => a - b);
    return [element.textContent, (high + 0.05) / (low + 0.05)];
  });
})()
"""


def test_markup_that_people_typed_neither_runs_nor_fetches(pages: Any, tab: Tab) -> None:
    before = len(tab.requests)
    for page in (history(pages), one(pages, NASTY)):
        tab.show(page)
        assert tab.value("document.querySelectorAll('script, img').length") == 0
    assert HOSTILE in tab.value("document.body.innerText")
    assert tab.requests[before:] == []


def test_the_chosen_template_alone_says_what_it_is_for_and_can_be_downloaded(pages: Any, tab: Tab) -> None:
    shown = "[...document.querySelectorAll('.about')].filter(part => part.offsetHeight).map(part => part.id).join()"
    tab.look(1280)
    tab.show(history(pages))
    assert tab.value(shown) == ""
    tab.value("document.querySelector('form select').value = 'leases'")
    assert tab.value(shown) == "about-leases"
    assert tab.value("document.querySelector('#about-leases a').getAttribute('href')") == "uploads/template/leases"


def test_the_name_of_the_chosen_file_is_shown_and_nothing_is_sent_without_one(
    pages: Any, tab: Tab, tmp_path: Path
) -> None:
    tab.look(1280)
    tab.show(history(pages))
    valid = "document.querySelector('form').checkValidity()"
    tab.value("document.querySelector('form select').value = 'leases'")
    assert tab.value(valid) is False
    path = tmp_path / "march.xlsx"
    path.write_bytes(b"a workbook")
    tab.choose_file("document.querySelector('input[type=file]')", path)
    assert tab.value("document.querySelector('input[type=file]').files[0].name") == "march.xlsx"
    assert tab.value(valid) is True


def test_a_decision_needs_its_reason_and_the_typed_word(pages: Any, tab: Tab) -> None:
    tab.show(one(pages, HELD))
    valid = "document.querySelector('form').checkValidity()"
    tab.value("document.querySelector('[name=reason]').value = 'checked with sales'")
    for typed, fits in (("", False), ("yes", False), ("confirm", True), (" Confirm ", True)):
        tab.value(f"document.querySelector('[name=confirm]').value = {typed!r}")
        assert tab.value(valid) is fits, typed


def test_the_keyboard_reaches_everything_and_shows_where_it_is(pages: Any, tab: Tab) -> None:
    tab.look(1280)
    tab.show(one(pages, HELD))
    reached = []
    for _ in range(7):
        tab.press("Tab")
        reached.append(tab.value("document.activeElement.textContent.trim() || document.activeElement.name"))
        assert tab.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached[:6] == ["← Bulk upload", "reason", "confirm", "Apply the 1,177 good rows", "reason", "Discard"]


def test_who_may_not_decide_is_offered_no_decision(pages: Any, tab: Tab) -> None:
    tab.show(one(pages, HELD, refusal="You may look, but not upload."))
    assert tab.value("document.forms.length") == 0
    assert "you may only read it" in tab.value("document.body.innerText")


def test_a_page_without_findings_says_nothing_of_them(pages: Any, tab: Tab) -> None:
    tab.show(one(pages, HELD, NO_FINDINGS))
    assert "What was found" not in tab.value("document.body.innerText")
