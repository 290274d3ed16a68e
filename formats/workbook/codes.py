"""Which findings a template can give, from its declaration and the code of its plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType, ModuleType

from formats.checks import checks_of, code_of
from formats.findings import CATALOGUE
from formats.schema import RecordSchema
from formats.template import Template
from formats.upload_findings import UPLOAD_KINDS

_PACKAGE = "formats.templates"
_FILE = ("WORKBOOK_", "SHEET_", "TEMPLATE_", "HEADING_", "UPLOAD", "SCOPE_TEMPLATE")
_CELL = ("EXCEL_", "CELL_")


def schema_codes(schema: RecordSchema) -> set[str]:
    """Those of the judge."""
    return {code_of(check) for check in checks_of(schema)}


def plan_codes(template: Template) -> set[str]:
    """Those that the plan, or a function of the templates it calls, names."""
    return set(_named(template.plan, set()))


def template_codes(template: Template) -> Sequence[str]:
    """Those of a template's rows, in the order of the catalogue."""
    return _in_order(schema_codes(template.schema) | plan_codes(template))


def upload_codes(templates: Sequence[Template]) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Those of the file as a whole, of cells and of rows, for all these templates."""
    every = {kind.code for kind in UPLOAD_KINDS}.union(*map(template_codes, templates))
    file = {code for code in every if code.startswith(_FILE)}
    cell = {code for code in every if code.startswith(_CELL) or code.endswith("_INVALID")}
    return _in_order(file), _in_order(cell), _in_order(every - file - cell)


def _in_order(codes: set[str]) -> Sequence[str]:
    return tuple(code for code in CATALOGUE if code in codes)


def _named(function: object, seen: set[object]) -> Iterator[str]:
    """Codes among the constants of a function, and of the functions it names."""
    if not isinstance(function, FunctionType) or function in seen:
        return
    seen.add(function)
    for code in _code_objects(function.__code__):
        yield from _texts(code.co_consts)
        for name in code.co_names:
            yield from _of_global(function.__globals__.get(name), code.co_names, seen)


def _of_global(found: object, names: Sequence[str], seen: set[object]) -> Iterator[str]:
    if isinstance(found, ModuleType) and found.__name__.startswith(_PACKAGE):
        for name in names:
            yield from _of_global(vars(found).get(name), (), seen)
    elif getattr(found, "__module__", "").startswith(_PACKAGE):
        members = vars(found).values() if isinstance(found, type) else (found,)
        for member in members:
            yield from _named(member, seen)
    else:
        yield from _texts((found,))


def _code_objects(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_objects(constant)


def _texts(values: Sequence[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and value in CATALOGUE:
            yield value
        elif isinstance(value, (tuple, frozenset)):
            yield from _texts(tuple(value))
        elif isinstance(value, dict):
            yield from _texts((*value, *value.values()))
