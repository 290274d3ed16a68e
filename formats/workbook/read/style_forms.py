"""The number formats of a workbook's styles, as far as they tell something of a number."""

from __future__ import annotations

from collections.abc import Iterable

from formats.workbook.read.number_form import BUILT_IN, tells
from formats.workbook.read.package import Package
from formats.workbook.read.xml_scan import elements

_STYLES = "styles:"
_PARTS = ("numFmts", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs")
_MOST_STYLES = 100_000  # Excel allows 65,490


def read_forms(package: Package, targets: Iterable[str]) -> tuple[str, ...]:
    """By the number of a style: its format if it `tells`, else empty. `targets`: `kind:part` of the workbook."""
    part = next((target.removeprefix(_STYLES) for target in targets if target.startswith(_STYLES)), "")
    if part not in package.parts:
        return ()
    codes: dict[str, str] = {str(number): form for number, form in BUILT_IN.items()}
    styles: list[str] = []
    inside = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        if name in _PARTS:
            inside = name
        elif name == "numFmt" and inside == "numFmts":
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "xf" and inside == "cellXfs" and len(styles) < _MOST_STYLES:
            form = codes.get(attributes.get("numFmtId", "0"), "")
            styles.append(form if tells(form) else "")

    elements(package.read(part), part, start)
    return tuple(styles)
