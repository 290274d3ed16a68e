"""Writes what we publish about the formats from their declarations: `python -m adapters.publish`.

Published are the Table Schemas in `docs/schemas/` and the column tables of two pages, each between
`<!-- columns: NAME -->` and `<!-- end -->`; the text around them is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from formats.generic.layout import HEADER, REQUEST_DETAIL, RESPONSE_DETAIL, TRAILER
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.reference import reference
from formats.table_schema import DIALECT, table_schema

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = ("generic-format-reference.md", "order-dispatch.md")

_LAYOUTS = {schema.name: schema for schema in (HEADER, REQUEST_DETAIL, RESPONSE_DETAIL, TRAILER, ORDER_DISPATCH)}
_BLOCK = re.compile(r"(<!-- columns: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def documents(docs: Path) -> Mapping[Path, str]:
    """Path and text of everything that is published, as it should be now."""
    schemas = {
        "generic_request.json": table_schema(REQUEST_DETAIL),
        "generic_response.json": table_schema(RESPONSE_DETAIL),
        "generic_dialect.json": DIALECT,
    }
    texts = {docs / "schemas" / name: _json(content) for name, content in schemas.items()}
    return texts | {docs / name: with_tables((docs / name).read_text(encoding="utf-8")) for name in PAGES}


def with_tables(page: str) -> str:
    """The page with each of its column tables made anew. Raises KeyError for a layout that is none."""
    return _BLOCK.sub(lambda block: f"{block[1]}{reference(_LAYOUTS[block[2]])}{block[3]}", page)


def main() -> None:
    """Bring every published file up to date."""
    for path, text in documents(DOCS).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    main()
