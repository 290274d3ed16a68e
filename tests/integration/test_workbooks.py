"""Staff's workbooks in their own process: nothing a file does reaches the worker, and what it may use is bounded."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import xlsxwriter

from adapters.workbooks.guarded import Allowance, ChildWorkbooks
from formats.rules import Rules
from formats.workbook.read.grid import Mark, Workbook
from formats.workbook.read.inspection import WorkbookLimits
from formats.workbook.read.preflight import inspect
from formats.workbook.read.sheet import Sheet, judged, open_sheet
from tests.support.grids import HEADINGS, SALES, TEMPLATE
from tests.support.machine import need
from tests.support.packages import cell, custom_properties, one_sheet, packed, plain, row

GOOD = packed(plain([HEADINGS, ["A-1", "353879234252633"]]) | {"docProps/custom.xml": custom_properties("sale/2")})
SHORT = Allowance(patience=timedelta(seconds=2))


def codes(workbook: Workbook) -> list[str]:
    return [fault.code for fault in workbook.faults]


def program(code: str) -> tuple[str, str]:
    return "-c", code


def run(code: str, data: bytes = GOOD, allowance: Allowance | None = None) -> Workbook:
    """What the parent makes of a child that runs `code` instead of reading."""
    return ChildWorkbooks(allowance=allowance, program=program(code)).read(data, "Sales")


SAYS = """
import os, sys
from formats.workbook.read.grid import Workbook, encode
from formats.workbook.read.inspection import Fault
def say(*facts):
    sys.stdout.buffer.write(encode(Workbook(faults=tuple(Fault("WORKBOOK_UNREADABLE", str(fact)) for fact in facts))))
"""


def test_a_good_workbook_becomes_rows() -> None:
    workbook = ChildWorkbooks().read(GOOD, "Sales")
    assert codes(workbook) == []
    assert (workbook.sheet, workbook.template) == ("Sales", "sale/2")
    found = open_sheet(TEMPLATE, workbook, Rules())
    assert isinstance(found, Sheet)
    assert judged(SALES, found)[1].to_pylist() == [True]


def test_what_the_pre_flight_refuses_is_told() -> None:
    assert codes(ChildWorkbooks().read(packed({"xl/vbaProject.bin": b""}), "Sales")) == ["WORKBOOK_NOT_XLSX"]
    assert codes(ChildWorkbooks().read(b"a b\n", "Sales")) == ["WORKBOOK_NOT_XLSX"]
    assert codes(ChildWorkbooks().read(b"", "Sales")) == ["WORKBOOK_NOT_XLSX"]


def test_a_file_that_is_too_large_starts_no_process() -> None:
    reader = ChildWorkbooks(WorkbookLimits(packed=100), program=program("raise SystemExit(1)"))
    assert codes(reader.read(b"x" * 101, "Sales")) == ["WORKBOOK_TOO_LARGE"]


def test_a_workbook_that_makes_the_reader_abort_is_a_finding() -> None:
    """Two kilobytes, one cell far away, hidden from the count: the reader asks for a table of 700 million cells."""
    rows = row(1, *(cell(address, "x") for address in ("ZZ999999", "A1")))
    data = packed(one_sheet(rows))
    assert inspect(data).faults == ()
    workbook = ChildWorkbooks().read(data, "Sales")
    assert codes(workbook) == ["WORKBOOK_UNREADABLE"]
    assert workbook.grid is None


def test_memory_is_bounded() -> None:
    workbook = ChildWorkbooks(allowance=Allowance(memory=64 * 2**20)).read(GOOD, "Sales")
    assert codes(workbook) == ["WORKBOOK_UNREADABLE"]


def test_a_large_workbook_is_read_within_half_the_memory() -> None:
    lines = [HEADINGS, *([f"A-{number}", "", f"A{number:013}"] + ["x"] * 8 for number in range(30_000))]
    workbook = ChildWorkbooks(allowance=Allowance(memory=3 * 2**29)).read(packed(plain(lines), level=1), "Sales")
    assert codes(workbook) == []
    assert workbook.grid is not None
    assert workbook.grid.table.num_rows == len(lines)


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.abort()",
        "raise SystemExit(3)",
        "raise MemoryError",
        "print('nonsense')",
        "",
        "import os; os.kill(os.getpid(), 9)",
        "import sys; sys.stdout.buffer.write(b'\\xff' * 1000)",
    ],
)
def test_a_child_that_fails_in_any_way_is_a_finding(code: str) -> None:
    assert codes(run(code, data=GOOD * 50)) == ["WORKBOOK_UNREADABLE"]


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(600)",
        "while True: pass",
        "import os, time; os.close(1); time.sleep(600)",
        "import sys\nwhile True: sys.stdout.buffer.write(b'x')",
    ],
)
def test_a_child_that_does_not_end_is_ended(code: str) -> None:
    before = time.monotonic()
    assert codes(run(code, data=GOOD * 50, allowance=replace(SHORT, answer=10**6))) == ["WORKBOOK_UNREADABLE"]
    assert time.monotonic() - before < 120


def test_what_the_child_started_ends_with_it() -> None:
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "pid"
        sleeper = "import time; time.sleep(600)"
        code = (
            "import subprocess, sys, pathlib\n"
            f"child = subprocess.Popen([sys.executable, '-c', {sleeper!r}])\n"
            f"pathlib.Path({str(told)!r}).write_text(str(child.pid))"
        )
        assert codes(run(code, allowance=SHORT)) == ["WORKBOOK_UNREADABLE"]
        assert has_ended(int(told.read_text()))


def has_ended(process: int) -> bool:
    """Gone, or dead and only waiting for its parent to take notice."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in {"Z", "X"}:
            return True
        time.sleep(0.05)
    return False


def test_the_child_gets_no_secrets_and_no_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CANARY", "canary")
    with tempfile.NamedTemporaryFile() as open_file:
        os.set_inheritable(open_file.fileno(), True)
        code = (
            SAYS
            + "say(' '.join(os.environ), len(os.listdir('/proc/self/fd')), os.getcwd(), os.getsid(0) == os.getpid())"
        )
        names, files, folder, leads = [fault.fact for fault in run(code).faults]
    assert set(names.split()) - {"LC_CTYPE"} == {
        *("ARROW_DEFAULT_MEMORY_POOL", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LC_ALL", "PYTHONPATH")
    }
    assert int(files) <= 4  # its three and the folder that is listed
    assert (folder, leads) == ("/", "True")


def test_the_child_may_write_no_file_and_has_its_limits() -> None:
    code = SAYS + (
        "import resource, runpy\n"
        "import formats.workbook.read.reading as reading\n"
        "def read(data, title, limits):\n"
        "    kinds = [getattr(resource, f'RLIMIT_{name}') for name in ('AS', 'CPU', 'FSIZE', 'CORE', 'NOFILE')]\n"
        "    told = [Fault('WORKBOOK_UNREADABLE', str(resource.getrlimit(kind))) for kind in kinds]\n"
        "    told.append(Fault('WORKBOOK_UNREADABLE', str((title, limits.rows, len(data)))))\n"
        "    return Workbook(faults=tuple(told))\n"
        "reading.read_workbook = read\n"
        "runpy.run_module('adapters.workbooks.child', run_name='__main__')"
    )
    allowance = Allowance(memory=2**31, processor=timedelta(seconds=77))
    workbook = ChildWorkbooks(WorkbookLimits(rows=5), allowance, program(code)).read(GOOD, "Sales")
    expected = [(2**31, 2**31), (77, 77), (0, 0), (0, 0), (64, 64), ("Sales", 5, len(GOOD))]
    assert [fault.fact for fault in workbook.faults] == [str(limit) for limit in expected]


def test_the_request_holds_nothing_of_the_file() -> None:
    code = SAYS + "say(sys.argv[-1])"
    (fault,) = run(code).faults
    assert set(json.loads(fault.fact)) == {"title", "limits", "memory", "seconds", "files"}


def test_spoilt_workbooks_never_hurt() -> None:
    """Characters of the parts the value reader reads, changed at random; those only that the pre-flight lets pass."""
    good, dice, tried = written_book(), random.Random(5), 0
    reader = ChildWorkbooks()
    while tried < 12:
        spoilt = dict(good)
        part = dice.choice([name for name in good if name.startswith("xl/") and name.endswith(".xml")])
        data = bytearray(spoilt[part])
        for _ in range(dice.randint(1, 3)):
            data[dice.randrange(len(data))] = dice.choice(b"<>\"'& =019-A\xc3")
        spoilt[part] = bytes(data)
        if inspect(packed(spoilt)).faults:
            continue
        tried += 1
        workbook = reader.read(packed(spoilt), "Sales")
        assert workbook.grid is not None or codes(workbook) or not workbook.sheets


def written_book() -> dict[str, bytes]:
    import zipfile

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Sales")
        for number in range(30):
            sheet.write_row(number, 0, [f"A-{number}", number * 1.5, True])
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# --- what LibreOffice makes of numbers -------------------------------------------------------


@contextmanager
def office(name: str, text: str) -> Iterator[bytes]:
    """A text table opened in LibreOffice, the way staff open one, and saved as a workbook."""
    with tempfile.TemporaryDirectory(prefix="office") as folder:
        source = Path(folder) / name
        source.write_text(text, encoding="utf-8")
        profile = f"-env:UserInstallation={(Path(folder) / 'profile').as_uri()}"
        form = "xlsx:Calc MS Excel 2007 XML"
        argv = [need("soffice"), profile, "--headless", "--norestore", "--convert-to", form, "--outdir", folder, source]
        done = subprocess.run(argv, capture_output=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        yield source.with_suffix(".xlsx").read_bytes()


def test_the_damage_of_a_spreadsheet_program_is_named() -> None:
    rows = [
        ",".join(HEADINGS),
        "A-1,353879234252633,,2024-03-05,,12.97,3,New,9876543210,123456,",
        "A-2,8944110068123456789,,=TODAY(),,=1+1,,used,,012345,",
        "3-4,,A0000000000001,45356,,,,,,,",
    ]
    with office("book.csv", "\n".join(rows)) as data:
        workbook = ChildWorkbooks().read(data, "Sales")
    assert workbook.sheet == "book"
    found = open_sheet(TEMPLATE, workbook, Rules())
    assert isinstance(found, Sheet)
    assert workbook.grid is not None
    assert workbook.grid.marks(1)[1] == Mark.NUMBER
    findings, passed = judged(SALES, found)
    told = {(item["row"], item["column"], item["code"]) for item in findings.to_pylist()}
    assert {(3, "imei", "EXCEL_ROUNDED"), (3, "pin", "EXCEL_ZEROS_LOST"), (4, "sold", "EXCEL_SERIAL_DATE")} <= told
    assert passed.to_pylist()[:2] == [True, False]
    assert found.table["sold"].to_pylist()[0] == "2024-03-05"
    assert found.table["sold"].to_pylist()[2] == "2024-03-05"
