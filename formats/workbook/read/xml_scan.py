"""XML of a workbook, read without building anything from it: no entities, no document types, UTF-8 only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from xml.parsers import expat

from formats.workbook.read.inspection import Refused

_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']""")
_KNOWN_ENCODINGS = (b"utf-8", b"us-ascii", b"ascii")
_BANG = re.compile(rb"<!(?:[^-\[]|-[^-]|\[[^C])")  # neither comment nor CDATA
_OVERLAP = 3  # one less than the pattern is long
_DECLARATION = 1024

StartHandler = Callable[[str, dict[str, str]], None]


@lru_cache(maxsize=256)
def local(name: str) -> str:
    """The name without its namespace prefix: writers differ in prefixes."""
    return name.rpartition(":")[2]


def guarded(pieces: Iterable[bytes], part: str) -> Iterator[bytes]:
    """The pieces as they are. Raises Refused for any document type or encoding but UTF-8."""
    tail: bytes | None = None
    for piece in pieces:
        if tail is None:
            refuse_encoding(piece, part)
        seen = (tail or b"") + piece
        if _BANG.search(seen):
            raise Refused("WORKBOOK_HOSTILE", f"a document type in {part}")
        tail = seen[-_OVERLAP:]
        yield piece


def refuse_encoding(start: bytes, part: str) -> None:
    """Raises Refused unless the first bytes of a part are those of UTF-8."""
    declared = _DECLARED.match(start[:_DECLARATION].removeprefix(b"\xef\xbb\xbf"))
    unknown = declared is not None and declared[1].lower() not in _KNOWN_ENCODINGS
    if unknown or start[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in start[:_DECLARATION]:
        raise Refused("WORKBOOK_HOSTILE", f"the encoding of {part}")


def parser() -> expat.XMLParserType:
    """A parser that takes no document type. Its names have their prefixes."""
    made = expat.ParserCreate("utf-8")
    made.StartDoctypeDeclHandler = _refuse_doctype
    return made


def _refuse_doctype(*_: object) -> None:
    raise Refused("WORKBOOK_HOSTILE", "a document type")


def elements(data: bytes, part: str, start: StartHandler) -> None:
    """Call `start` with local name and attributes (local names) of every element. Raises Refused."""

    def named(name: str, attributes: dict[str, str]) -> None:
        plain = {local(key): value for key, value in attributes.items()}
        if len(plain) != len(attributes):
            raise Refused("WORKBOOK_HOSTILE", f"two attributes of one name in {part}")
        start(local(name), plain)

    walker = parser()
    walker.StartElementHandler = named
    feed(walker, guarded([data], part), part)


def feed(walker: expat.XMLParserType, pieces: Iterable[bytes], part: str) -> None:
    """Parse all of a part. Raises Refused if it is not well formed."""
    try:
        for piece in pieces:
            walker.Parse(piece, False)
        walker.Parse(b"", True)
    except expat.ExpatError as fault:
        raise Refused("WORKBOOK_DAMAGED", part) from fault
