"""How our workbooks look. Colours always come with a word, a mark or a border: they are seen in grey, too."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from xlsxwriter import Workbook
from xlsxwriter.format import Format

from formats.schema import Kind

FONT: dict[str, object] = {"font_name": "Calibri", "font_size": 11, "valign": "top"}
_LINE: dict[str, object] = {"border": 1, "border_color": "#BFC5CC"}
_WRAP: dict[str, object] = {"text_wrap": True}
_DARK = "#1F3A5F"

NUMBER_FORMATS = {Kind.DATE: "yyyy-mm-dd", Kind.INTEGER: "0", Kind.DECIMAL: "General"}
TEXT_FORMAT = "@"
_ALIGNED = {Kind.DATE: "left", Kind.INTEGER: "right", Kind.DECIMAL: "right"}  # texts and numbers alike


class Look(StrEnum):
    """What a cell's colour says of its row, or of itself."""

    PLAIN = "plain"
    PASSED = "passed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    SAMPLE = "sample"
    WARNING = "warning"
    ERROR = "error"
    HIDDEN = "hidden"


_LOOKS: dict[Look, dict[str, object]] = {
    Look.PLAIN: {},
    Look.PASSED: _LINE | {"bg_color": "#EEF7EE"},
    Look.UNCHANGED: _LINE | {"bg_color": "#F4F5F6", "font_color": "#4A5058"},
    Look.FAILED: _LINE | {"bg_color": "#FDF0EE"},
    Look.SAMPLE: {"italic": True, "font_color": "#7A828C", "bg_color": "#F4F5F6"},
    Look.WARNING: {"bg_color": "#FFE9A8", "border": 4, "border_color": "#8A6100", "italic": True},
    Look.ERROR: {"bg_color": "#F6B8AE", "border": 2, "border_color": "#9C1C0C", "bold": True, "font_color": "#6B1206"},
    Look.HIDDEN: {"pattern": 14, "bg_color": "#FFFFFF", "fg_color": "#7A828C"},  # hatched
}

_TABLE: dict[str, object] = _LINE | _WRAP | {"align": "left", "indent": 1}
_NAMED: dict[str, dict[str, object]] = {
    "text": {"num_format": TEXT_FORMAT},
    "wrapped": _WRAP | {"num_format": TEXT_FORMAT},
    "required": _LINE | {"bold": True, "font_color": "#FFFFFF", "bg_color": _DARK, "text_wrap": True},
    "optional": _LINE | {"bold": True, "font_color": _DARK, "bg_color": "#D5E0EE", "text_wrap": True},
    "answer": _LINE | {"bold": True, "font_color": "#FFFFFF", "bg_color": "#4A5058", "text_wrap": True},
    "title": {"bold": True, "font_size": 18, "font_color": _DARK},
    "chapter": {"bold": True, "font_size": 13, "font_color": _DARK, "bottom": 1, "bottom_color": _DARK},
    "label": _WRAP | {"bold": True, "num_format": TEXT_FORMAT},
    "alert": _WRAP
    | {"bold": True, "bg_color": "#FFE9A8", "num_format": TEXT_FORMAT, "left": 5, "left_color": "#8A6100"},
    "head": _TABLE | {"bold": True, "font_color": "#FFFFFF", "bg_color": _DARK},
    "box": _TABLE | {"num_format": TEXT_FORMAT},
}


class Styles:
    """The formats of one workbook, each made once, however it is asked for."""

    def __init__(self, workbook: Workbook) -> None:
        self._workbook = workbook
        self._made: dict[tuple[tuple[str, object], ...], Format] = {}

    def __getitem__(self, name: str) -> Format:
        """A style by its name, such as `title`."""
        return self._format(FONT | _NAMED[name])

    def cell(self, kind: Kind, look: Look = Look.PLAIN, wrapped: bool = False) -> Format:
        """The style of a data cell: identifiers and other texts keep their digits and zeros."""
        shown: dict[str, object] = {"num_format": NUMBER_FORMATS.get(kind, TEXT_FORMAT)}
        if kind in _ALIGNED:
            shown["align"] = _ALIGNED[kind]
        return self._format(FONT | shown | _LOOKS[look] | (_WRAP if wrapped else {}))

    def conditional(self, look: Look) -> Format:
        """The look alone, for a conditional format."""
        return self._format(_LOOKS[look])

    def __iter__(self) -> Iterator[Format]:
        return iter(self._made.values())

    def _format(self, options: dict[str, object]) -> Format:
        """Two formats of the same options would share a number, and only one of them would know it."""
        key = tuple(sorted(options.items()))
        if key not in self._made:
            self._made[key] = self._workbook.add_format(options)
        return self._made[key]
