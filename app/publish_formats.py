"""Writes what we publish about the formats from their declarations: `python -m app.publish_formats`.

Published are the Table Schemas in `docs/schemas/`, the pages of the templates in `docs/templates/`, and tables of
other pages, each between `<!-- columns: NAME -->` or `<!-- codes: NAME -->` and `<!-- end -->`; the text around them
is written by hand.
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
from formats.templates import all_templates
from formats.upload_findings import CELL_KINDS, FILE_KINDS, ROW_KINDS
from formats.workbook.reference import codes_table, template_page, templates_index

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = ("generic-format-reference.md", "order-dispatch.md", "bulk-upload.md")

_LAYOUTS = {schema.name: schema for schema in (HEADER, REQUEST_DETAIL, RESPONSE_DETAIL, TRAILER, ORDER_DISPATCH)}
_CODES = {"file": FILE_KINDS, "cells": CELL_KINDS, "rows": ROW_KINDS}
_BLOCK = re.compile(r"(<!-- (columns|codes): (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def documents(docs: Path) -> Mapping[Path, str]:
    """Path and text of everything that is published, as it should be now."""
    schemas = {
        "generic_request.json": table_schema(REQUEST_DETAIL),
        "generic_response.json": table_schema(RESPONSE_DETAIL),
        "generic_dialect.json": DIALECT,
    }
    texts = {docs / "schemas" / name: _json(content) for name, content in schemas.items()}
    texts |= {docs / "templates" / f"{template.name}.md": template_page(template) for template in all_templates()}
    texts[docs / "templates" / "README.md"] = templates_index(all_templates())
    return texts | {docs / name: with_tables((docs / name).read_text(encoding="utf-8")) for name in PAGES}


def with_tables(page: str) -> str:
    """The page with each of its tables made anew. Raises KeyError for a table that is none."""
    return _BLOCK.sub(lambda block: f"{block[1]}{_table(block[2], block[3])}{block[4]}", page)


def _table(kind: str, name: str) -> str:
    if kind == "columns":
        return reference(_LAYOUTS[name])
    return codes_table(_CODES[name]) + "\n"


def main() -> None:
    """Bring every published file up to date."""
    for path, text in documents(DOCS).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    main()
