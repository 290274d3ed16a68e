"""The process that reads one workbook: its limits are set before anything of the file is looked at.

`python -m adapters.workbooks.child <request>`: the file on standard input, `grid.encode`'s message on
standard output. The request is JSON: title of the sheet, limits of the reader, of memory and of processor time.
"""

from __future__ import annotations

import json
import resource
import sys


def main() -> None:
    request = json.loads(sys.argv[1])
    for kind, most in (
        (resource.RLIMIT_AS, request["memory"]),
        (resource.RLIMIT_CPU, request["seconds"]),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, request["files"]),
    ):
        resource.setrlimit(kind, (most, most))
    from formats.workbook.read.grid import encode
    from formats.workbook.read.inspection import WorkbookLimits
    from formats.workbook.read.reading import read_workbook

    workbook = read_workbook(sys.stdin.buffer.read(), request["title"], WorkbookLimits(**request["limits"]))
    sys.stdout.buffer.write(encode(workbook))


if __name__ == "__main__":
    main()
