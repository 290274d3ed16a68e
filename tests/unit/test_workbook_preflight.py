"""The pre-flight: what is refused as a whole, under which code, and what passes."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from formats.findings import CATALOGUE
from formats.workbook.read.inspection import Inspection, WorkbookLimits, key
from formats.workbook.read.package import PIECE
from formats.workbook.read.preflight import inspect
from tests.support.packages import (
    DECLARATION,
    SPREADSHEET,
    Parts,
    bomb,
    cell,
    custom_properties,
    one_sheet,
    packed,
    parts,
    plain,
    relationship,
    rels,
    row,
    sheet_xml,
    types,
    with_raw_part,
)

SHEET = "xl/worksheets/sheet1.xml"
GOOD = plain([["Order number", "IMEI"], ["A-1", "353879234252633"]])
FEW = WorkbookLimits(packed=10**6, inflated=10**6, small=10**5, parts=30, rows=50, columns=20, spare_rows=50, ranges=10)


def code(data: bytes, limits: WorkbookLimits | None = None) -> str:
    faults = inspect(data, limits or WorkbookLimits()).faults
    assert len(faults) < 2
    assert all(fault.code in CATALOGUE for fault in faults)
    return faults[0].code if faults else ""


def changed(**replaced: bytes) -> bytes:
    return packed(GOOD | {name: data for name, data in replaced.items()})


def with_part(name: str, data: bytes) -> bytes:
    return packed(GOOD | {name: data})


def with_rows(rows: str, before: str = "", after: str = "") -> bytes:
    return packed(one_sheet(rows, before, after))


def facts(data: bytes) -> Inspection:
    found = inspect(data)
    assert found.faults == ()
    return found


def test_a_good_workbook_passes() -> None:
    found = facts(packed(GOOD))
    (sheet,) = found.sheets
    assert (sheet.name, sheet.visible, sheet.has_data, sheet.last_row) == ("Sales", True, True, 2)
    assert not any((sheet.formulas, sheet.errors, sheet.merged, sheet.hidden_rows, sheet.hidden_columns))


# --- other files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"", "an empty file"),
        (b" \r\n", "an empty file"),
        (b"Order;IMEI\nA;1\n", "a text file such as CSV"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html></html>", "a web page"),
        (b"<table><tr><td>1</td></tr></table>", "a web page"),
        (b"<?xml version='1.0'?><Workbook/>", "an XML file"),
        (b"%PDF-1.7", "a PDF file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "an old .xls file"),
        (b"\x00\x01\x02", "another kind of file"),
        (packed({}), "an empty zip file"),
        (packed({"word/document.xml": b"<w/>", "[Content_Types].xml": types()}), "a zip file that holds no Excel"),
        (packed({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}), "an OpenDocument file such as .ods"),
        (packed({"mimetype": b"application/epub+zip"}), "a zip file that holds no Excel"),
        (packed({"xl/workbook.bin": b"", "[Content_Types].xml": types()}), "a binary workbook (.xlsb)"),
        (packed(GOOD | {"[Content_Types].xml": types("application/octet-stream")}), "a zip file that holds no Excel"),
    ],
)
def test_other_files_are_named(data: bytes, fact: str) -> None:
    (fault,) = inspect(data).faults
    assert fault.code == "WORKBOOK_NOT_XLSX"
    assert fault.fact.startswith(fact)


def test_an_encrypted_workbook_needs_its_password_removed() -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 512 + "EncryptedPackage".encode("utf-16-le")
    assert code(ole) == "WORKBOOK_ENCRYPTED"
    flagged = bytearray(packed(GOOD))
    flagged[flagged.index(b"PK\x01\x02") + 8] |= 1
    assert code(bytes(flagged)) == "WORKBOOK_ENCRYPTED"


# --- macros and what fetches ---------------------------------------------------------------

MACRO_BOOK = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"


@pytest.mark.parametrize(
    "data",
    [
        with_part("xl/vbaProject.bin", b"\x00"),
        with_part("xl/VBAPROJECT.BIN", b"\x00"),
        with_part("xl/macrosheets/sheet1.xml", b"<m/>"),
        with_part("xl/macrosheets/intlsheet1.xml", b"<m/>"),
        with_part("xl/dialogsheets/sheet1.xml", b"<m/>"),
        with_part("xl/activeX/activeX1.xml", b"<m/>"),
        with_part("[Content_Types].xml", types(MACRO_BOOK)),
        packed(
            GOOD
            | {
                "[Content_Types].xml": types(
                    more='<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/>'
                ),
                "xl/x.bin": b"\x00",
            }
        ),
        with_part("xl/worksheets/_rels/sheet1.xml.rels", rels(relationship(1, "control", "../a/a.xml"))),
        with_part(
            "xl/_rels/workbook.xml.rels",
            rels(
                relationship(1, "worksheet", "worksheets/sheet1.xml"),
                "<Relationship Id='r9' Target='x.bin'"
                "  Type = 'http://schemas.microsoft.com/office/2006/relationships/vbaProject' />",
            ),
        ),
    ],
)
def test_macros_are_refused(data: bytes) -> None:
    assert code(data) == "WORKBOOK_MACROS"


@pytest.mark.parametrize(
    "data",
    [
        with_part("xl/externalLinks/externalLink1.xml", b"<e/>"),
        with_part("xl/connections.xml", b"<e/>"),
        with_part("xl/queryTables/queryTable1.xml", b"<e/>"),
        with_part("xl/embeddings/oleObject1.bin", b"\x00"),
        with_part("xl/embeddings/Document.docx", b"\x00"),
        with_part("xl/webextensions/webextension1.xml", b"<e/>"),
        with_part("xl/model/item.data", b"\x00"),
        with_part("xl/volatileDependencies.xml", b"<e/>"),
        with_part("customXml/item1.xml", "<DataMashup/>".encode("utf-16-le")),
        with_part("customXml/item1.xml", b"<DataMashup/>"),
        with_part("xl/worksheets/_rels/sheet1.xml.rels", rels(relationship(1, "oleObject", "../x.bin"))),
        with_part("xl/worksheets/_rels/sheet1.xml.rels", rels(relationship(1, "package", "../x.docx"))),
        with_part(
            "xl/drawings/_rels/drawing1.xml.rels",
            rels(relationship(1, "image", "http://example.com/x.png", ' TargetMode="External"')),
        ),
        with_part(
            "xl/drawings/_rels/drawing1.xml.rels",
            rels(relationship(1, "image", "file:///x.png", " TargetMode = 'external'")),
        ),
        with_part("_rels/.rels", rels(relationship(1, "externalLinkPath", "a.xlsx"))),
    ],
)
def test_what_fetches_is_refused(data: bytes) -> None:
    assert code(data) == "WORKBOOK_EXTERNAL"


@pytest.mark.parametrize("cut", [1, 5, 9])
def test_a_query_is_seen_across_pieces(cut: int) -> None:
    part = b"<a>" + b" " * (PIECE - 3 - cut) + b"DataMashup</a>"
    assert code(packed(GOOD | {"customXml/item1.xml": part}, level=0)) == "WORKBOOK_EXTERNAL"


def test_a_hyperlink_is_only_a_link() -> None:
    link = rels(relationship(1, "hyperlink", "https://example.com/", ' TargetMode="External"'))
    assert code(with_part("xl/worksheets/_rels/sheet1.xml.rels", link)) == ""


# --- names, containers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../evil.xml", "xl/../../evil.xml", "/etc/passwd", "C:/x", "xl\\x.xml", "xl/\x07.xml"]
)
def test_part_names_that_are_paths_are_refused(name: str) -> None:
    assert code(with_part(name, b"<a/>")) == "WORKBOOK_HOSTILE"


@pytest.mark.parametrize("name", [SHEET, "xl/worksheets/SHEET1.xml"])
def test_a_part_that_stands_twice_is_refused(name: str) -> None:
    assert code(packed([*GOOD.items(), (name, GOOD[SHEET])])) == "WORKBOOK_HOSTILE"


def test_a_part_has_one_name() -> None:
    data = packed(GOOD)
    at = data.index(SHEET.encode())  # the name in front of the part; the directory is behind
    assert code(data[:at] + SHEET.replace("1", "2").encode() + data[at + len(SHEET) :]) == "WORKBOOK_HOSTILE"


def test_overlapping_parts_are_refused() -> None:
    data = bytearray(packed(GOOD))
    at = data.rindex(b"PK\x01\x02")
    data[at + 20 : at + 24] = len(data).to_bytes(4, "little")
    assert code(bytes(data)) == "WORKBOOK_HOSTILE"


def test_bytes_around_the_zip_file_are_refused() -> None:
    assert code(packed(GOOD, comment=b"more")) == "WORKBOOK_HOSTILE"
    assert code(packed(GOOD) + b"more") == "WORKBOOK_HOSTILE"
    assert code(b"PK\x03\x04 something else " + packed(GOOD)) == "WORKBOOK_HOSTILE"


def test_an_unusual_packing_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        for name, data in GOOD.items():
            archive.writestr(name, data)
    assert code(buffer.getvalue()) == "WORKBOOK_HOSTILE"


def test_a_checksum_that_is_wrong_is_damage() -> None:
    for signature, offset in ((b"PK\x01\x02", 16), (b"PK\x01\x02", 24)):
        data = bytearray(packed(GOOD))
        at = data.rindex(signature)
        data[at + offset] ^= 1
        assert code(bytes(data)) in {"WORKBOOK_DAMAGED", "WORKBOOK_TOO_LARGE"}


def test_two_things_of_one_name_are_refused() -> None:
    both = parts(("Sales", sheet_xml("")), ("SALES", sheet_xml("")))
    assert code(packed(both)) == "WORKBOOK_HOSTILE"
    book = both["xl/workbook.xml"].replace(b'"SALES"', b'"Other"')
    assert code(packed(both | {"xl/workbook.xml": book})) == ""
    assert code(packed(both | {"xl/workbook.xml": book.replace(b"r:id=", b'id="rId2" r:id=')})) == "WORKBOOK_HOSTILE"
    doubled = rels(*[relationship(1, "worksheet", f"worksheets/sheet{at}.xml") for at in (1, 2)])
    assert code(packed(both | {"xl/workbook.xml": book, "xl/_rels/workbook.xml.rels": doubled})) == "WORKBOOK_HOSTILE"
    same = rels(*[relationship(at, "worksheet", "worksheets/sheet1.xml") for at in (1, 2)])
    assert code(packed(both | {"xl/workbook.xml": book, "xl/_rels/workbook.xml.rels": same})) == "WORKBOOK_DAMAGED"


def test_the_workbook_has_to_be_in_its_place() -> None:
    elsewhere = rels(relationship(1, "officeDocument", "xl/other.xml"))
    assert (
        code(packed(GOOD | {"_rels/.rels": elsewhere, "xl/other.xml": GOOD["xl/workbook.xml"]})) == "WORKBOOK_HOSTILE"
    )


# --- XML -----------------------------------------------------------------------------------

LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
XXE = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
PARAMETER = b'<!DOCTYPE r [<!ENTITY % p SYSTEM "http://example.com/x.dtd"> %p;]>'
UNUSED = b"<!DOCTYPE worksheet>"
XML_PARTS = ["[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", SHEET]


@pytest.mark.parametrize("declared", [LAUGHS, XXE, PARAMETER, UNUSED, UNUSED.lower(), b"<!ENTITY a 'b'>", b"<!\n"])
@pytest.mark.parametrize(
    "part", [*XML_PARTS, "xl/sharedStrings.xml", "xl/styles.xml", "docProps/custom.xml", "xl/a.vml"]
)
def test_a_document_type_is_refused_in_any_part(declared: bytes, part: str) -> None:
    good = GOOD.get(part, b"<a/>")
    head, body = (DECLARATION.encode(), good.removeprefix(DECLARATION.encode()))
    assert code(with_part(part, head + declared + body)) == "WORKBOOK_HOSTILE"


@pytest.mark.parametrize("cut", range(12))
def test_a_document_type_is_seen_across_pieces(cut: int) -> None:
    start = DECLARATION.encode() + b"<!--"
    filler = b"x" * (PIECE - len(start) - len("-->") - cut)
    part = start + filler + b"-->" + UNUSED + b"<a/>"
    assert part[PIECE - cut : PIECE - cut + len(UNUSED)] == UNUSED
    data = packed(GOOD | {"xl/styles.xml": part}, level=0)
    assert code(data) == "WORKBOOK_HOSTILE"
    assert code(packed(GOOD | {"xl/styles.xml": part.replace(UNUSED, b"<!-- DOCTYPE --><![CDATA[ ]]>")})) == ""


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("part", [*XML_PARTS, "xl/sharedStrings.xml"])
def test_only_utf8_is_read(encoding: str, part: str) -> None:
    text = GOOD.get(part, b"<a/>").decode().replace("UTF-8", encoding[:6].upper())
    assert code(with_part(part, text.encode(encoding))) == "WORKBOOK_HOSTILE"


@pytest.mark.parametrize(
    "declaration",
    [
        '<?xml version="1.0" encoding="UTF-7"?>',
        "<?xml version='1.0' encoding = 'EBCDIC-CP-US' ?>",
        '\ufeff<?xml version="1.0"\n encoding="iso-8859-1"?>',
        '<?xml version="1.0" encoding=""?>',
    ],
)
def test_other_declared_encodings_are_refused(declaration: str) -> None:
    part = GOOD[SHEET].replace(DECLARATION.encode(), declaration.encode())
    assert code(with_part(SHEET, part)) == "WORKBOOK_HOSTILE"


@pytest.mark.parametrize("declaration", ["", "<?xml version='1.0' encoding='utf-8'?>", "\ufeff" + DECLARATION])
def test_utf8_may_be_declared_in_any_way(declaration: str) -> None:
    part = GOOD[SHEET].replace(DECLARATION.encode(), declaration.encode())
    assert code(with_part(SHEET, part)) == ""


@pytest.mark.parametrize("part", XML_PARTS)
def test_xml_that_is_not_well_formed_is_damage(part: str) -> None:
    assert code(with_part(part, GOOD[part][:-5])) == "WORKBOOK_DAMAGED"
    assert code(with_part(part, GOOD[part] + b"<more/>")) == "WORKBOOK_DAMAGED"


def test_bytes_that_are_no_utf8_are_damage() -> None:
    assert code(with_part(SHEET, GOOD[SHEET].replace(b"IMEI", b"\xff\xfe"))) in {"WORKBOOK_DAMAGED", ""}
    assert code(with_part("xl/workbook.xml", GOOD["xl/workbook.xml"].replace(b"Sales", b"\xff"))) == "WORKBOOK_DAMAGED"


# --- sizes ---------------------------------------------------------------------------------


def spaces(part: str, times: int) -> bytes:
    start, _, end = GOOD.get(part, b"<sst><si/></sst>").partition(b"<row")
    return bomb(part, start, b" " * 2**20, times, b"<row" + end, GOOD)


@pytest.mark.parametrize("part", [SHEET, "xl/sharedStrings.xml", "xl/media/image1.png"])
def test_a_zip_bomb_is_refused_by_its_ratio(part: str) -> None:
    assert code(spaces(part, 32)) == "WORKBOOK_TOO_LARGE"


def test_a_zip_bomb_is_refused_by_its_size() -> None:
    loose = WorkbookLimits(ratio=10**6, inflated=16 * 2**20)
    assert code(spaces(SHEET, 32), loose) == "WORKBOOK_TOO_LARGE"
    assert code(spaces(SHEET, 8), loose) == ""


def test_a_part_that_is_larger_than_it_says_is_refused() -> None:
    honest = spaces("xl/media/image1.png", 4)
    at = honest.rindex(b"PK\x01\x02")
    lying = honest[: at + 24] + (1000).to_bytes(4, "little") + honest[at + 28 :]
    assert code(lying) == "WORKBOOK_TOO_LARGE"


def test_the_tenth_of_a_bomb_behind_the_end_of_a_part_is_seen() -> None:
    from zlib import compressobj, crc32

    engine = compressobj(9, 8, -15)
    body = engine.compress(b"<a/>") + engine.flush()
    twice = with_raw_part(packed(GOOD), "xl/styles.xml", body * 2, crc32(b"<a/>"), 4)
    assert code(twice) == "WORKBOOK_HOSTILE"
    assert code(with_raw_part(packed(GOOD), "xl/styles.xml", body, crc32(b"<a/>"), 4)) == ""
    assert code(with_raw_part(packed(GOOD), "xl/styles.xml", body[:-1], crc32(b"<a/>"), 4)) == "WORKBOOK_DAMAGED"


def test_a_file_that_is_too_large_is_not_opened() -> None:
    assert code(b"PK" + b"\x00" * FEW.packed, FEW) == "WORKBOOK_TOO_LARGE"


def test_too_many_parts_are_refused() -> None:
    many: Parts = {f"xl/media/{number}.png": b"" for number in range(40)}
    assert code(packed(GOOD | many), FEW) == "WORKBOOK_TOO_LARGE"


def test_a_million_empty_rows_with_a_format_are_refused() -> None:
    empty = "".join(f'<row r="{number}" s="1" customFormat="1"/>' for number in range(1, 102))
    assert code(with_rows(empty), FEW) == "WORKBOOK_TOO_LARGE"
    assert code(with_rows(empty[: empty.rindex("<row")]), FEW) == ""


def test_too_many_rows_are_counted_where_values_are() -> None:
    def with_last(number: int) -> bytes:
        return with_rows(row(1, cell("A1", "x")) + f'<row r="{number}"><c r="A{number}"><v>1</v></c></row>')

    assert code(with_last(51), FEW) == ""
    assert code(with_last(52), FEW) == "WORKBOOK_TOO_MANY_ROWS"
    assert code(with_rows('<row r="52"><c r="A52" s="3"/></row>'), FEW) == ""
    filled = "".join(row(number, cell(f"A{number}", "x")) for number in range(1, 1_000))
    assert code(with_rows(filled), FEW) == "WORKBOOK_TOO_MANY_ROWS"  # and not empty ones with a format


@pytest.mark.parametrize("form", ['<c r="{0}"><v>1</v></c>', "<c r='{0}'><v>1</v></c>", '<c r="{0}"><f>A1</f></c>'])
def test_too_many_columns_are_refused(form: str) -> None:
    assert code(with_rows(row(1, form.format("T1"))), FEW) == ""
    assert code(with_rows(row(1, form.format("U1"))), FEW) == "WORKBOOK_TOO_WIDE"
    assert code(with_rows(row(1, *['<c t="b"><v>1</v></c>'] * 21)), FEW) == "WORKBOOK_TOO_WIDE"


def test_merged_ranges_are_not_collected_without_end() -> None:
    ranges = "".join(f'<mergeCell ref="A{number}:B{number}"/>' for number in range(1, 12))
    assert code(with_rows("", after=f"<mergeCells>{ranges}</mergeCells>"), FEW) == "WORKBOOK_TOO_LARGE"


def test_formulas_are_not_collected_without_end() -> None:
    formulas = row(1, *["<c><f>A1</f></c>"] * 6)
    assert code(with_rows(formulas), WorkbookLimits(odd_cells=5)) == "WORKBOOK_TOO_LARGE"


@pytest.mark.parametrize("address", ["XFD1048576", "A1048576"])
def test_one_cell_at_the_edge_of_the_sheet_is_refused(address: str) -> None:
    number = address.lstrip("XFDA")
    assert code(with_rows(row(int(number), f'<c r="{address}"><v>1</v></c>'))) == "WORKBOOK_TOO_MANY_ROWS"


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="1"><c r="ZZZZZZ1"><v>1</v></c></row>',
        '<row r="1"><c r="XFE1"><v>1</v></c></row>',
        '<row r="1"><c r="A1048577"><v>1</v></c></row>',
        '<row r="4294967295"><c r="A4294967295"><v>1</v></c></row>',
        '<row r="4294967295"/>',
        '<row r="1"><c r="A0"><v>1</v></c></row>',
        '<row r="0"><c r="A1"><v>1</v></c></row>',
        '<row r="-1"/>',
        '<row r="1"><c r=""><v>1</v></c></row>',
        '<row r="1"><c r="1A"><v>1</v></c></row>',
        '<row r="1"><c r="A1:B2"><v>1</v></c></row>',
        '<row r="1"><c r="A٣"><v>1</v></c></row>',
    ],
)
def test_absurd_addresses_are_refused(rows: str) -> None:
    assert code(with_rows(rows)) == "WORKBOOK_HOSTILE"


def test_a_lying_dimension_is_harmless() -> None:
    assert code(with_rows(row(1, cell("A1", "x")), before='<dimension ref="A1:XFD1048576"/>')) == ""


# --- facts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        '<c r="B2"><f>1+1</f><v>2</v></c>',
        "<c r='B2'><f>1+1</f></c>",
        '<c  s="1"   r="B2"  ><f >1+1</f ></c >',
        '<c s="1" t="str" r="B2"><v>2</v><f/></c>',
        '<c r="B2"><!-- <c r="B2"><v>1</v></c> --><f>A1</f><v>1</v></c>',
        '<x:c r="B2"><x:f>A1</x:f><x:v>1</x:v></x:c>',
        '<c r="B2"><f t="shared" si="0"/><v>1</v></c>',
        '<c r="A2"><v>1</v></c><c r="B2"><f>cmd|\'/c calc\'!A0</f><v>1</v></c>',
        '<c r="A2"/><c><f>A1</f></c>',
        '<c r="A2" t="inlineStr"><is><t>&lt;f></t></is></c><c r="B2"><f><![CDATA[<v>]]></f></c>',
    ],
)
def test_formulas_are_found_however_they_are_written(written: str) -> None:
    sheet = sheet_xml(row(1, cell("A1", "x")) + row(2, written)).replace(
        "<worksheet ", f'<worksheet xmlns:x="{SPREADSHEET}" '
    )
    (found,) = facts(packed(parts(("Sales", sheet)))).sheets
    assert list(found.formulas) == [key(2, 1)]
    assert found.has_data


@pytest.mark.parametrize("tail", ["<!-- <f>A1</f> -->", '<c r="B2" t="str"><v>&lt;f&gt;</v></c>'])
def test_what_only_looks_like_a_formula_is_none(tail: str) -> None:
    (found,) = facts(with_rows(row(2, '<c r="A2"><v>1</v></c>' + tail))).sheets
    assert list(found.formulas) == []


def test_formulas_of_extensions_are_none() -> None:
    extension = '<extLst><ext><x:f xmlns:x="x">Lists!$A$1</x:f></ext></extLst>'
    (found,) = facts(with_rows(row(1, cell("A1", "x")), after=extension)).sheets
    assert list(found.formulas) == []


def test_array_formulas_and_errors_are_found() -> None:
    rows = row(2, '<c r="A2"><f t="array" ref="A2:B4">X</f><v>1</v></c>', '<c r="C2" t="e"><v>#N/A</v></c>')
    (found,) = facts(with_rows(rows)).sheets
    assert found.array_formulas == [(2, 0, 4, 1)]
    assert list(found.errors) == [key(2, 2)]


def test_what_is_hidden_or_merged_is_found() -> None:
    rows = '<row r="2" hidden="1"><c r="A2"><v>1</v></c></row><row r="3" hidden="false"/><row hidden="true"/>'
    before = '<cols><col min="2" max="3" hidden="1"/><col min="5" max="5" hidden="0"/></cols>'
    (found,) = facts(with_rows(rows, before, '<mergeCells><mergeCell ref="A2:$B$3"/></mergeCells>')).sheets
    assert list(found.hidden_rows) == [2, 4]
    assert found.hidden_columns == [(1, 2)]
    assert found.merged == [(2, 0, 3, 1)]


def test_sheets_come_in_order_with_their_state() -> None:
    some = sheet_xml(row(1, cell("A1", "x")))
    book = parts(("Lists", some, "veryHidden"), ("Sales", some), ("Notes", sheet_xml(""), "hidden"))
    assert [(sheet.name, sheet.visible, sheet.has_data) for sheet in facts(packed(book)).sheets] == [
        ("Lists", False, True),
        ("Sales", True, True),
        ("Notes", False, False),
    ]


def test_a_chart_sheet_is_no_sheet_of_rows() -> None:
    book = parts(("Chart", sheet_xml("")), ("Sales", sheet_xml("")))
    book["xl/_rels/workbook.xml.rels"] = rels(
        relationship(1, "chartsheet", "worksheets/sheet1.xml"),
        relationship(2, "worksheet", "/xl/worksheets/sheet2.xml"),
    )
    assert [sheet.name for sheet in facts(packed(book)).sheets] == ["Sales"]


@pytest.mark.parametrize("value", ["1", "true"])
def test_the_dates_of_old_macs_are_known(value: str) -> None:
    book = parts(("Sales", sheet_xml("")), book=f'<workbookPr date1904="{value}"/>')
    assert facts(packed(book)).date1904
    assert not facts(packed(GOOD)).date1904


@pytest.mark.parametrize(("prefix", "kind"), [("", "vt:lpwstr"), ("p:", "vt:lpwstr"), ("", "vt:bstr")])
def test_the_template_s_name_is_read(prefix: str, kind: str) -> None:
    data = with_part("docProps/custom.xml", custom_properties(" sale/3 ", prefix, kind))
    assert facts(data).template == "sale/3"
    assert facts(packed(GOOD)).template == ""


# --- noise ---------------------------------------------------------------------------------


def test_a_truncated_file_is_refused() -> None:
    data = packed(GOOD)
    for length in range(len(data)):
        assert code(data[:length]) in {"WORKBOOK_NOT_XLSX", "WORKBOOK_DAMAGED", "WORKBOOK_HOSTILE"}


def test_flipped_bits_never_raise() -> None:
    data, dice = packed(GOOD | {"docProps/custom.xml": custom_properties("sale/1")}), random.Random(7)
    for _ in range(1500):
        flipped = bytearray(data)
        for _ in range(dice.randint(1, 4)):
            flipped[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        inspect(bytes(flipped))


def test_flipped_characters_of_a_sheet_never_raise() -> None:
    sheet, dice = GOOD[SHEET], random.Random(11)
    for _ in range(500):
        flipped = bytearray(sheet)
        flipped[dice.randrange(len(sheet))] = dice.choice(b"<>\"'&/ =!-[]?c0AZ\x00\xff")
        inspect(packed(GOOD | {SHEET: bytes(flipped)}))
