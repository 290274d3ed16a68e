"""Every parser of what comes from outside, as one function of bytes that returns or raises what it may.

`tests/faults/test_parsers.py` feeds them in `make test`, `tests/support/fuzz.py` with coverage in `make fuzz`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from adapters import settings
from adapters.channels.sftp_wire import Kind, long, number, text
from adapters.openpgp import message_rule
from adapters.settings import Workspace, check
from adapters.settings.cron import cron
from adapters.settings.faults import Wrong
from adapters.settings.host_keys import host_key
from adapters.workbooks.guarded import ChildWorkbooks
from app.cli import customer_file
from formats.findings import CATALOGUE, Finding
from formats.generic import reader, response_json
from formats.generic.layout import Interface
from formats.generic.model import GenericFormatError, Read
from formats.order_dispatch.loading import Loaded, load
from formats.order_dispatch.raw import FileFault
from formats.workbook.read.grid import Workbook, decode, encode
from formats.workbook.read.inspection import Fault, WorkbookLimits
from formats.workbook.read.preflight import inspect
from formats.workbook.read.reading import read_workbook
from jobs.errors import MusterError
from tests.support import packages, scripted_server
from tests.support.bounded import Bounds
from tests.support.generic_files import small_request, small_response
from tests.support.installation import order_row
from tests.support.orders import order_text, void
from tests.support.scripted_server import answer as answered
from tests.unit import test_openpgp_rule as openpgp
from tests.unit import test_order_dispatch as test_orders
from tests.unit.test_response_json import answer
from tests.unit.test_settings_examples import GOOD, KINDS, ed25519_line

LIMITS = WorkbookLimits(packed=2**20, inflated=2**22, small=2**18, parts=50, rows=200, columns=30, spare_rows=200)
_NOW = datetime(2026, 3, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Parser:
    """`parse` returns for what it understands; for anything else it raises one of `refusals`, and nothing else.

    `starts_process`: too dear for many inputs, and its work is done elsewhere.
    """

    name: str
    parse: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]
    bounds: Bounds = field(default_factory=Bounds)
    starts_process: bool = False

    def __call__(self, data: bytes) -> None:
        try:
            self.parse(data)
        except self.refusals as refusal:
            _told(refusal)


def _told(refusal: Exception) -> None:
    """A refusal says what is wrong: findings of the catalogue, or an error's own words."""
    if isinstance(refusal, GenericFormatError | FileFault):
        assert refusal.findings
        _in_catalogue(refusal.findings)
    elif isinstance(refusal, MusterError):
        assert refusal.code
        assert refusal.what.isprintable()
        assert len(refusal.what) < 2_000
    elif isinstance(refusal, Wrong):
        assert refusal.remedy
        assert len(refusal.what) < 2_000


def _in_catalogue(findings: tuple[Finding, ...] | list[Finding]) -> None:
    for finding in findings:
        assert finding.kind.remedy
        assert all(len(str(fact)) < 500 for fact in finding.facts.values()), finding.code


def _generic(interface: Interface, data: bytes) -> None:
    _answer(reader.read(data, interface))


def _answer(read: Read) -> None:
    _in_catalogue(list(read.findings))


def _orders(data: bytes) -> None:
    loaded: Loaded = load(data)
    assert loaded.rows.num_rows == len(loaded.passed) <= loaded.read
    failed = set(loaded.findings["row"].to_pylist())
    assert loaded.read - sum(loaded.passed.to_pylist()) <= len(failed)  # what did not pass has a finding
    assert set(loaded.findings["code"].to_pylist()) <= set(CATALOGUE)


def _status(data: bytes) -> None:
    lines = data.decode("utf-8", "replace").splitlines()
    errors: list[MusterError] = []
    for judged in (
        partial(message_rule.judge, allowed={openpgp.SIGNER}, own={openpgp.OWN}, now=_NOW),
        message_rule.judge_sealed,
    ):
        try:
            judged(lines, 0)
        except MusterError as error:
            errors.append(error)
    assert errors, "one text cannot be both a message that was opened and one that was sealed"


def _listing(data: bytes) -> None:
    scripted_server.session(data).list("in")


def _file_answers(data: bytes) -> None:
    """Attributes, and the bytes of a file."""
    with tempfile.TemporaryDirectory() as folder:
        scripted_server.session(data).fetch("in", "a.pgp", Path(folder, "a.pgp"), 100_000)


@cache
def _home() -> Workspace:
    """A workspace that every input is written into, one after the other."""
    made = Workspace(Path(tempfile.mkdtemp(prefix="parsers")))
    made.create()
    return made


def _settings(data: bytes, *, provider: bool) -> None:
    home = _home()
    home.config.write_bytes(b"" if provider else data)
    (home.providers / "acme.toml").write_bytes(data if provider else GOOD.encode())
    for fault in check(home, KINDS):
        assert fault.remedy
        assert len(str(fault)) < 2_000


def _template(name: str) -> bytes:
    return (Path(settings.__file__).parent / "templates" / name).read_bytes()


def _text_rule(rule: Callable[[str], object], data: bytes) -> None:
    rule(data.decode("utf-8", "replace"))


def _inspected(data: bytes) -> None:
    _faults(inspect(data, LIMITS).faults)


def _part(name: str, data: bytes) -> None:
    """The workbook is sound but for one part."""
    _inspected(packages.packed({**packages.plain([["A", "B"], ["1", "2"]]), name: data}, level=1))


def _faults(faults: tuple[Fault, ...]) -> None:
    for fault in faults:
        assert fault.code in CATALOGUE
        assert len(fault.fact) < 500


def _guarded(data: bytes) -> None:
    _faults(ChildWorkbooks(LIMITS).read(data, "Sales").faults)


def _message(data: bytes) -> None:
    _faults(decode(data).faults)


def _sheets(name: str) -> tuple[bytes, ...]:
    odd = packages.one_sheet(
        '<row r="1" hidden="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1" t="e"><v>#N/A</v></c></row>',
        before='<cols><col min="1" max="2" hidden="1"/></cols>',
        after='<mergeCells><mergeCell ref="A1:B2"/></mergeCells>',
    )
    return packages.plain([["A", "B"], ["1", "2"]])[name], odd[name]


def _attributes(extended: bytes = b"") -> bytes:
    """Size, mode and times; with `extended`, the count and the pairs of what a server may add."""
    flags = 0x8000000D if extended else 0x0D
    return number(flags) + long(9) + number(0o100644) + number(0) + number(0) + extended


def _entry(name: bytes, extended: bytes = b"") -> bytes:
    return text(name) + text(b"-") + _attributes(extended)


_ORDERS = [order_row(10), order_row(11, imei="356938035643809"), void("SO-0001")]
_ATTRIBUTES = answered(Kind.ATTRS, _attributes())
_HANDLE = answered(Kind.HANDLE, text(b"h"))
_END = answered(Kind.STATUS, number(1) + text(b"") + text(b""))
_DONE = answered(Kind.STATUS, number(0) + text(b"") + text(b""))
_NAMES = answered(Kind.NAME, number(2) + _entry(b"a.pgp") + _entry(b"b\xff.pgp", number(1) + text(b"x") + text(b"y")))
_ENDLESS = answered(Kind.NAME, number(1) + _entry(b"a.pgp", b"\xff\xff\xff\xff"))
_BYTES = answered(Kind.DATA, text(b"123456789"))

PARSERS = (
    Parser("generic request", partial(_generic, Interface.REQUEST), (GenericFormatError,), (small_request(),)),
    Parser("generic response", partial(_generic, Interface.RESPONSE), (GenericFormatError,), (small_response(),)),
    Parser("answer as JSON", lambda data: _answer(response_json.read(data)), (GenericFormatError,), (answer(),)),
    Parser("orders as text", _orders, (FileFault,), (order_text(_ORDERS).encode(), order_text(_ORDERS[:1]).encode())),
    Parser("orders as JSON", _orders, (FileFault,), (test_orders.as_json(test_orders.ORDER),)),
    Parser(
        "customers file",
        lambda data: customer_file.read(data, ["acme"]),
        (customer_file.CustomerFileRefused,),
        (b"account,name,provider,organisation_id\nC-1,Example Schools,acme,ORG-1\nC-2,,other,\n",),
    ),
    Parser("status lines of gpg", _status, (), ("\n".join(openpgp.REMARKS + openpgp.STEPS).encode(),)),
    Parser("listing", _listing, (MusterError,), (_HANDLE + _NAMES + _END + _DONE, _HANDLE + _ENDLESS)),
    Parser("file answers", _file_answers, (MusterError,), (_ATTRIBUTES + _HANDLE + _BYTES + _DONE + _ATTRIBUTES,)),
    Parser("muster.toml", partial(_settings, provider=False), (), (_template("muster.toml"),)),
    Parser(
        "provider file",
        partial(_settings, provider=True),
        (),
        (GOOD.encode(), _template("provider.toml")),
    ),
    Parser("cron", partial(_text_rule, cron), (Wrong,), (b"*/15 * * * *", b"0 6 * jan-mar,5 1-5")),
    Parser("host key", partial(_text_rule, host_key), (Wrong,), (ed25519_line().encode(),)),
    Parser("workbook", _inspected, (), (packages.packed(packages.plain([["A"], ["1"]])),)),
    *(
        Parser(f"workbook part {name}", partial(_part, name), (), _sheets(name))
        for name in ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "[Content_Types].xml")
    ),
    Parser(
        "message of the workbook reader",
        _message,
        (ValueError,),
        (
            bytes(encode(Workbook(faults=(Fault("WORKBOOK_DAMAGED"),)))),
            bytes(encode(read_workbook(packages.packed(packages.plain([["A"], ["1"]])), "Sales", LIMITS))),
        ),
    ),
    Parser("guarded workbook", _guarded, (), (packages.packed(packages.plain([["A"], ["1"]])),), starts_process=True),
)
