"""The parts of a workbook around its sheets: what kinds there are, how they hang together, what they say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from posixpath import normpath

from formats.workbook.layout import TEMPLATE_PROPERTY
from formats.workbook.read.inspection import Refused, SheetFacts
from formats.workbook.read.package import Package
from formats.workbook.read.style_forms import read_forms
from formats.workbook.read.xml_scan import elements, feed, guarded, local, parser

WORKBOOK = "xl/workbook.xml"
_TYPES = "[content_types].xml"
_PROPERTIES = "docprops/custom.xml"
_MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_PROPERTY_LENGTH = 255
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument."

# of part names, content types and relationship types, all in lower case
_MACROS = re.compile(r"vbaproject|vbadata|macrosheet|dialogsheet|macroenabled|activex|/control$|attachedtoolbars")
_EXTERNAL = re.compile(
    r"externallink|/connections|querytable|webextension|oleobject|/embeddings/|/package$|/model/|volatiledependencies"
)
_POWER_QUERY = (b"DataMashup", "DataMashup".encode("utf-16-le"), "DataMashup".encode("utf-16-be"))
QUERY_LENGTH = max(len(mark) for mark in _POWER_QUERY)
_ESCAPED = re.compile("%([0-9A-Fa-f]{2})")
_TRUE = ("1", "true")


@dataclass
class Contents:
    """`sheets`: worksheets only, in their order, nothing counted yet."""

    sheets: list[SheetFacts] = field(default_factory=list)
    date1904: bool = False
    template: str = ""
    forms: tuple[str, ...] = ()  # as `Inspection.forms`


def read_contents(package: Package) -> Contents:
    """Raises Refused."""
    if _TYPES not in package.parts or WORKBOOK not in package.parts:
        raise Refused("WORKBOOK_NOT_XLSX", _other_kind(package))
    for name in package.parts:
        refuse_kind(f"/{name}")
    _read_types(package)
    targets: dict[str, str] = {}
    for name in package.parts:
        if name.endswith(".rels"):
            _read_relationships(package, name, targets)
    contents = _read_workbook(package, targets)
    contents.forms = read_forms(package, targets.values())
    if _PROPERTIES in package.parts:
        contents.template = _property(package)
    return contents


def _other_kind(package: Package) -> str:
    """What a zip file is that has not the parts of an Excel workbook."""
    if "mimetype" in package.parts and package.read("mimetype").startswith(_OPEN_DOCUMENT):
        return "an OpenDocument file such as .ods"
    if "xl/workbook.bin" in package.parts:
        return "a binary workbook (.xlsb)"
    return "a zip file that holds no Excel workbook"


def refuse_kind(name: str) -> None:
    """Raises Refused if a part name, content type or relationship type is of a kind that acts or fetches."""
    if _MACROS.search(name.lower()):
        raise Refused("WORKBOOK_MACROS", name[-80:])
    if _EXTERNAL.search(name.lower()):
        raise Refused("WORKBOOK_EXTERNAL", name[-80:])


def refuse_query(data: bytes, part: str) -> None:
    """Raises Refused for a part of `customXml` that holds Power Query's connections."""
    if any(mark in data for mark in _POWER_QUERY):
        raise Refused("WORKBOOK_EXTERNAL", part)


def _read_types(package: Package) -> None:
    found: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        kind = attributes.get("ContentType", "")
        if _declares_a_part(package, attributes):
            refuse_kind(kind)
        is_workbook = attributes.get("PartName", "").lower() == f"/{WORKBOOK}"
        if is_workbook or attributes.get("Extension", "").lower() == "xml":
            found.append(kind)

    elements(package.read(_TYPES), _TYPES, start)
    if _MAIN not in found:
        raise Refused("WORKBOOK_NOT_XLSX", "a zip file that holds no Excel workbook")


def _decoded(name: str) -> str:
    """Part names may have their characters written as `%2E`."""
    return _ESCAPED.sub(lambda code: chr(int(code[1], 16)), name).lower()


def _declares_a_part(package: Package, attributes: dict[str, str]) -> bool:
    """Whether a content type is that of a part which is there: some programs declare kinds of which they have none."""
    names = {_decoded(name) for name in package.parts}
    if "PartName" in attributes:
        return _decoded(_absolute("", attributes["PartName"])) in names
    ending = f".{attributes.get('Extension', '').lower()}"
    return any(name.endswith(ending) for name in names)


def _read_relationships(package: Package, rels: str, targets: dict[str, str]) -> None:
    """Looks at every relationship; those of the workbook go to `targets`: id → part name in lower case."""
    own = rels == "xl/_rels/workbook.xml.rels"

    def start(name: str, attributes: dict[str, str]) -> None:
        if name != "Relationship":
            return
        kind, target = attributes.get("Type", ""), attributes.get("Target", "")
        refuse_kind(kind)
        if attributes.get("TargetMode", "").lower() == "external" and not kind.endswith("/hyperlink"):
            raise Refused("WORKBOOK_EXTERNAL", kind.rpartition("/")[2][:80])
        if rels == "_rels/.rels" and kind.endswith("/officeDocument") and _absolute("", target) != WORKBOOK:
            raise Refused("WORKBOOK_HOSTILE", "the workbook is not where it belongs")
        if own and attributes.get("Id"):
            if attributes["Id"] in targets:
                raise Refused("WORKBOOK_HOSTILE", "two relationships of one id")
            targets[attributes["Id"]] = f"{kind.rpartition('/')[2]}:{_absolute('xl', target)}"

    elements(package.read(rels), rels, start)


def _absolute(folder: str, target: str) -> str:
    return normpath(target.lstrip("/") if target.startswith("/") else f"{folder}/{target}").lower().lstrip("/")


def _read_workbook(package: Package, targets: dict[str, str]) -> Contents:
    contents, names = Contents(), set()

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "workbookPr" and attributes.get("date1904", "").lower() in _TRUE:
            contents.date1904 = True
        if name != "sheet":
            return
        title = attributes.get("name", "")
        if title.lower() in names or not title:
            raise Refused("WORKBOOK_HOSTILE", "two sheets of one name")
        names.add(title.lower())
        kind, _, part = targets.get(attributes.get("id", ""), "").partition(":")
        if kind == "worksheet":
            visible = attributes.get("state", "visible") == "visible"
            contents.sheets.append(SheetFacts(title, part, visible))

    elements(package.read(WORKBOOK), WORKBOOK, start)
    parts = [sheet.part for sheet in contents.sheets]
    if len(set(parts)) != len(parts) or not set(parts) <= set(package.parts):
        raise Refused("WORKBOOK_DAMAGED", "a sheet is missing or stands twice")
    return contents


def _property(package: Package) -> str:
    """The text of the custom property, whatever type it has."""
    inside, text = [False], []

    def start(name: str, attributes: dict[str, str]) -> None:
        if local(name) == "property":
            inside[0] = attributes.get("name") == TEMPLATE_PROPERTY

    walker = parser()
    walker.StartElementHandler = start
    walker.CharacterDataHandler = lambda data: text.append(data) if inside[0] else None
    feed(walker, guarded([package.read(_PROPERTIES)], _PROPERTIES), _PROPERTIES)
    return "".join(text).strip()[:_PROPERTY_LENGTH]
