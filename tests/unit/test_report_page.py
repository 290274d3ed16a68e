"""The run report page: complete, escaped, self-contained, accessible; and its store."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

import adapters.report
from adapters.report import ReportStore, charts, render_html, to_json
from formats.findings import CATALOGUE
from jobs.errors import PathUnusable
from jobs.runs import BatchFacts, Bucket, Conservation, FileFacts, FindingCount, RunReport, RunStatus
from tests.support import run_reports

SAMPLES = {
    "rich": run_reports.rich(),
    "not_conserved": run_reports.not_conserved(),
    "dry_run": run_reports.dry_run(),
    "empty": run_reports.empty(),
    "hostile": run_reports.hostile(),
}
CSS = (Path(adapters.report.__file__).parent / "templates" / "run_report.css").read_text()


class Page(HTMLParser):
    """What a browser would see: elements with attributes, and the text outside style."""

    def __init__(self, report: RunReport) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.source = render_html(report)
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def tags(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in names]


@pytest.fixture(params=SAMPLES, scope="module")
def page(request: pytest.FixtureRequest) -> Page:
    return Page(SAMPLES[request.param])


def test_nothing_is_loaded_and_nothing_runs(page: Page) -> None:
    assert page.tags("script", "link", "img", "iframe", "object", "embed", "form", "base") == []
    for tag, attributes in page.elements:
        assert not {"src", "srcset", "data", "action", "style"} & attributes.keys(), tag
        assert not [name for name in attributes if name.startswith("on")], tag
    assert "default-src 'none'" in page.source
    assert not re.search(r"url\(|@import|@font-face", CSS)


def test_links_lead_to_sections_of_the_page(page: Page) -> None:
    ids = {attributes.get("id") for _, attributes in page.elements}
    links = [str(attributes["href"]) for _, attributes in page.elements if "href" in attributes]
    assert all(link.startswith("#") and link[1:] in ids for link in links)


@pytest.mark.parametrize("name", ["rich", "not_conserved", "dry_run", "empty"])
def test_the_source_names_no_other_place(name: str) -> None:
    assert "//" not in render_html(SAMPLES[name])


def test_it_can_be_read_without_seeing_it(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.tags("table")) == len(page.tags("caption"))
    assert all(cell["scope"] in ("col", "row") for cell in page.tags("th"))
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in page.tags("svg"))
    assert page.tags("html") == [{"lang": "en"}]


def test_markup_in_names_is_shown_as_text() -> None:
    page = Page(run_reports.hostile())
    assert page.tags("script", "img") == []
    assert "<script>" not in page.source
    assert page.text.count("<script>alert(1)</script>\"'><img") >= 15


def test_everything_of_a_run_is_on_the_page() -> None:
    text = Page(run_reports.rich()).text
    for part in (
        "Device enrolment response – Northwind Enrolment",
        "! Partly failed",
        "5 Mar 2026, 14:30:00 UTC",
        "1 min 12 s",
        "12,480 Read",
        "95,504 instructions, each in exactly one place.",
        "Enrolled 70,412 73.7 %",
        "Sealed 0 0.0 %",
        "NORTHWIND-000232 northwind-OUT-000232.pgp Answered 3,150 77",
        "Not answered 764",
        "21463857130221",
        "SIGNER_NOT_ALLOWED: a good signature",
        "45 times The line is in review; find out what the code means.",
        "rows 5, 6, 8, 12, 13 and 37 more",
        "Value lengths to be between message 2,568 18",
        "5 expectations were met",
        "2 files opened and verified, 1 set aside",
        "1 batch may or may not have arrived",
        "1 file was set aside",
        "49 errors were found in the data",
        "Muster 0.",
    ):
        assert part in text
    assert "Dry run" not in text


def test_a_digest_is_shown_short() -> None:
    source = render_html(run_reports.rich())
    assert run_reports.DIGEST[:12] in source
    assert run_reports.DIGEST[:13] not in source


def test_errors_stand_before_warnings_and_the_frequent_before_the_rare() -> None:
    page = render_html(run_reports.rich())
    places = [
        page.index(f"<code>{code}</code>")
        for code in ("ANSWER_LINE_UNKNOWN", "CELL_LENGTH", "ANSWER_CODE_UNKNOWN", "ANSWER_SEQUENCE_GAP")
    ]
    assert places == sorted(places)


def test_a_dry_run_says_so() -> None:
    assert "Dry run. Nothing was sent, applied or recorded" in Page(run_reports.dry_run()).text


def test_a_count_that_does_not_add_up_cannot_be_missed() -> None:
    text = Page(run_reports.not_conserved()).text
    assert "✗ The count of devices does not add up. Stop the jobs" in text
    assert "31,204 31,202 ✗ does not hold" in text
    assert "each in exactly one place" not in text


def test_empty_sections_say_so() -> None:
    text = Page(run_reports.empty()).text
    for line in (
        "This run counted nothing.",
        "Nothing in this run needs a person.",
        "No instruction is on record.",
        "No identity was checked in this run.",
        "This run worked on no batch.",
        "This run read no file.",
        "No faults and no warnings were found.",
        "No table was validated in this run.",
        "This run took no step.",
    ):
        assert line in text


@pytest.mark.parametrize("status", list(RunStatus))
def test_every_status_has_its_words(status: RunStatus) -> None:
    report = run_reports.empty()
    text = Page(replace(report, run=replace(report.run, status=status))).text
    assert status.value.capitalize() in text
    ended_badly = status in (RunStatus.FAILED, RunStatus.PARTLY)
    assert ("Nothing in this run needs a person" in text) == (not ended_badly)


def test_every_finding_of_the_catalogue_can_be_shown() -> None:
    found = [FindingCount("orders.csv", code, 1, (2,)) for code in CATALOGUE]
    text = Page(replace(run_reports.empty(), findings=found)).text
    assert all(kind.title in text and kind.remedy in text for kind in CATALOGUE.values())


def test_bars_fill_their_width_and_hide_nothing() -> None:
    counts = (("enrolled", 1_000_000), ("rejected", 1), ("review", 0), ("elsewhere", 2))
    bar = charts.conservation_bar(Conservation([Bucket(*pair) for pair in counts], ()))
    assert [part.name for part in bar.segments] == ["enrolled", "rejected", "elsewhere"]
    assert min(part.width for part in bar.segments) > 0.5
    assert sum(part.width for part in bar.segments) == pytest.approx(100)
    assert [part.left for part in bar.parts][1] == pytest.approx(bar.parts[0].width)
    assert bar.text == "Instructions: enrolled 1,000,000, rejected 1, elsewhere 2; total 1,000,003"


def test_file_bars_share_one_scale_and_stop_at_twelve() -> None:
    files = [FileFacts(f"f{rows:02d}", "APPLIED", "", rows, rows, 0, 0) for rows in range(20)]
    bars = charts.file_bars(files)
    assert [bar.name for bar in bars] == [f"f{rows:02d}" for rows in range(19, 7, -1)]
    assert [sum(part.width for part in bar.parts) for bar in bars] == pytest.approx(
        [100 * n / 19 for n in range(19, 7, -1)]
    )


def test_lines_without_an_outcome_count_as_not_answered() -> None:
    bar = charts.batch_bar(BatchFacts("B", "SENT", 10, 1, 0, "", "", {"ENROLLED": 4}))
    assert [(part.name, part.count) for part in bar.parts] == [("ENROLLED", 4), ("not answered", 6)]


def test_every_text_has_contrast() -> None:
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]
    )
    fills = set(re.findall(r"\.c-([a-z]+) \{ color", CSS))
    assert len(fills) == 14
    for theme in (light, dark):
        pairs = [(ink, ground) for ink in ("ink", "muted") for ground in ("page", "card")]
        pairs += [
            (tone, ground) for tone in ("good", "bad", "warn", "info") for ground in ("page", "card", f"{tone}-soft")
        ]
        pairs += [("on-pale" if fill == "pale" else "on", fill) for fill in fills] + [
            ("ink", "calm-soft"),
            ("ink", "track"),
        ]
        assert [pair for pair in pairs if _contrast(theme[pair[0]], theme[pair[1]]) < 4.5] == []


def test_the_json_is_plain_and_says_what_it_amounts_to() -> None:
    document = to_json(run_reports.not_conserved())
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert list(document)[:2] == ["version", "run"]
    assert document["conservation"]["holds"] is False
    assert [check["holds"] for check in document["conservation"]["checks"]] == [True, True, False]


def test_the_store_writes_page_and_document(tmp_path: Path) -> None:
    report = run_reports.rich()
    page = ReportStore(tmp_path / "reports").write(report)
    assert page == tmp_path / "reports/2026-03-05/device_enrolment_response-scheduled-20260305T143000.html"
    document = page.with_suffix(".json")
    assert page.read_text(encoding="utf-8") == render_html(report)
    assert json.loads(document.read_text(encoding="utf-8")) == to_json(report)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (page, document)} == {0o640}
    assert sorted(page.parent.iterdir()) == [page, document]


def test_a_report_is_replaced_whole(tmp_path: Path) -> None:
    store = ReportStore(tmp_path)
    first = store.write(run_reports.rich())
    earlier = first.stat().st_ino
    assert store.write(replace(run_reports.rich(), title="Second attempt")) == first
    assert "Second attempt" in first.read_text(encoding="utf-8")
    assert first.stat().st_ino != earlier  # a new file under the name, not the old one rewritten


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    in_the_way = tmp_path / "2026-03-05/device_enrolment_response-scheduled-20260305T143000.html"
    in_the_way.mkdir(parents=True)
    with pytest.raises(PathUnusable, match="directory"):
        ReportStore(tmp_path).write(run_reports.rich())
    assert not list(in_the_way.parent.glob(".report-*"))


def test_a_run_id_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    report = run_reports.rich()
    page = ReportStore(tmp_path).write(replace(report, run=replace(report.run, id="../../etc/x y:1+2")))
    assert page.parent == tmp_path / "2026-03-05"
    assert page.name == "device_enrolment_response-.._.._etc_x_y_1_2.html"


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two #rrggbb colours."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
