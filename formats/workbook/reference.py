"""The pages about templates and what may be found in an upload, in Markdown, derived from the declarations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from formats.finding_kinds import FindingKind, Severity
from formats.rules import Rules
from formats.schema import Column
from formats.template import Template
from formats.workbook.layout import heading
from formats.workbook.write import wording

_MADE = "Made from the declaration by `python -m app.publish_formats`; a test holds the two equal."
_RULES = Rules()  # the pages show the rules as they are without any setting


def template_page(template: Template) -> str:
    """The page of one template, for those who fill it in."""
    parts = [
        f"# {template.title}",
        f"Template `{template.name}`, version {template.version}. {_MADE}",
        template.purpose,
        "## Columns",
        "A blank cell keeps the value on record; `CLEAR` empties it. A column with a star must be filled.",
        _columns(template),
        *_listed("## Rules", wording.rule_texts(template.schema)),
        *_listed("## Good to know", template.hints),
        "## What may be found",
        "Faults of cells and rows, and what to do about each: [bulk upload](../bulk-upload.md#what-may-be-found).",
    ]
    return "\n\n".join(parts) + "\n"


def templates_index(templates: Iterable[Template]) -> str:
    """The page that lists them."""
    rows = [
        (f"[{template.title}]({template.name}.md)", f"`{template.name}`", str(template.version), template.purpose)
        for template in templates
    ]
    table = _table(("template", "name", "version", "what it is for"), rows)
    how = "How to fill one in and send it: [bulk upload](../bulk-upload.md)."
    return f"# Templates\n\n{how} {_MADE}\n\n{table}\n"


def codes_table(kinds: Iterable[FindingKind]) -> str:
    """Findings by code: what is wrong and what to do. A warning does not stop its row."""
    rows = [
        (f"`{kind.code}`", f"{'Warning: ' if kind.severity is Severity.WARNING else ''}{kind.title}", kind.remedy)
        for kind in kinds
    ]
    return _table(("code", "what is wrong", "what to do"), rows)


def _columns(template: Template) -> str:
    rows = [
        (
            heading(column).replace("*", "\\*"),
            column.description + _other_headings(column),
            wording.form(column, _RULES),
            "" if column.secret or not column.example else f"`{column.example}`",
            wording.allowed_text(column, _RULES),
        )
        for column in template.schema.columns
    ]
    return _table(("column", "what it holds", "form", "example", "allowed values"), rows)


def _other_headings(column: Column) -> str:
    """The headings that are taken for this one, each in one spelling."""
    names = {name.casefold(): name for name in (*reversed(column.aliases), column.heading)}
    names.pop(column.heading.casefold())
    return f" (also headed {', '.join(reversed(names.values()))})" if names else ""


def _listed(title: str, texts: Sequence[str]) -> Sequence[str]:
    return (title, "\n".join(f"* {text}" for text in texts)) if texts else ()


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).replace("|  |", "| |").replace("|  |", "| |")
