"""Every boundary between this process and what outlives it, found in the code: the ports, their methods, the steps.

The ports' own annotations say what is wrapped: a port that is handed out by another one, in a block, a sequence or a
record, is watched, too. So a new port, method, step or transaction is a boundary without a word here.
A boundary is `Port.method:moment`, of a transaction `transaction in module:function:moment`, of a step
`step name:moment`.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache, partial
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from adapters.audit_anchor import AuditAnchor
from adapters.channels import session
from adapters.channels.session import FileCalls
from adapters.report import ReportStore
from jobs import ports, registry, upload, upload_ledger
from jobs.catalogue import STEPS
from jobs.registry import Registry, Transaction

ROOT = Path(__file__).resolve().parents[2]
MODULES = (ports, registry, upload, upload_ledger, session)
QUIET = {"Clock", "Workbooks"}
"""Ports behind which nothing outlives the process."""

WRITERS = ((AuditAnchor, "mend"), (AuditAnchor, "keep"), (ReportStore, "write"))
"""What the application itself leaves behind at the begin and at the end of a run."""

_OPENS = ("transaction", "change")
_PASSED_BY = ("transaction", "change", "still_alone")  # these open a transaction for their caller
Tell = Callable[[str], None]


def is_port(kind: Any) -> bool:
    return inspect.isclass(kind) and getattr(kind, "_is_protocol", False) and kind.__module__.split(".")[0] in _ROOMS


_ROOMS = ("jobs", "adapters")


def port_methods(module: ModuleType) -> Iterator[tuple[type, str]]:
    """Every port that is declared in the module, with each of its methods."""
    for kind in vars(module).values():
        if is_port(kind) and kind.__module__ == module.__name__:
            yield from (
                (kind, name) for name, member in vars(kind).items() if inspect.isfunction(member) and name[0] != "_"
            )


def outside(moments: Sequence[str]) -> list[str]:
    """Each moment once, without those that differ from their neighbours only inside a transaction or while reading."""
    quiet = re.compile(rf"({'|'.join(inside())})\.|view |rehearsal |transaction .*:(before|opened)$")
    return [moment for moment in dict.fromkeys(moments) if not quiet.match(moment)]


@cache
def inside() -> set[str]:
    """The ports of a transaction: what is done through them is there when it is committed, and not before."""
    kinds = (_result(Transaction, name) for name, member in vars(Transaction).items() if isinstance(member, property))
    return {kind.__name__ for kind in kinds}


def boundaries() -> set[str]:
    """The boundaries there are, without their moments."""
    methods = {
        f"{kind.__name__}.{name}"
        for module in MODULES
        for kind, name in port_methods(module)
        if kind is not Registry and kind.__name__ not in {*QUIET, *inside()}
    }
    steps = {f"step {name}" for names in STEPS.values() for name in names}
    own = {f"{writer.__name__}.{method}" for writer, method in WRITERS}
    return methods | steps | own | {f"transaction in {place}" for place in transactions()}


def transactions() -> Iterator[str]:
    """Every function of the use cases and of the application that opens a transaction."""
    for path in (*sorted((ROOT / "jobs").rglob("*.py")), ROOT / "app/bootstrap.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name, function in _functions(ast.parse(path.read_text(encoding="utf-8")).body, ""):
            if name.rpartition(".")[2] not in _PASSED_BY and _opens(function):
                yield f"{module}:{name}"


def _functions(body: Sequence[ast.stmt], within: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{within}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield f"{within}{node.name}", node


def _opens(function: ast.FunctionDef) -> bool:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(isinstance(call, ast.Attribute) and call.attr in _OPENS for call in calls)


def watched(thing: Any, hint: Any, tell: Tell) -> Any:
    """`thing`, which the code declares as `hint`, with every port in it telling of each call."""
    if thing is None or isinstance(thing, _Watched) or not _holds_ports(hint):
        return thing
    if is_port(hint):
        return _Watched(thing, hint, tell)
    if dataclasses.is_dataclass(hint):
        parts = {name: watched(getattr(thing, name), part, tell) for name, part in _fields(hint).items()}
        return dataclasses.replace(thing, **parts)
    inner = next(item for item in get_args(hint) if _holds_ports(item))
    if get_origin(hint) in (Union, UnionType):
        return watched(thing, inner, tell)
    return type(thing)(watched(item, inner, tell) for item in thing)


class _Watched:
    """Stands before an adapter and tells of each call of its port before and after."""

    def __init__(self, thing: Any, port: type, tell: Tell) -> None:
        self._thing, self._port, self._tell = thing, port, tell
        if hasattr(thing, "_calls"):  # the session's own remote calls
            thing._calls = _Watched(thing._calls, FileCalls, tell)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._thing, name)
        member = inspect.getattr_static(self._port, name, None)
        if isinstance(member, property):
            return watched(value, _result(self._port, name), self._tell)
        if not inspect.isfunction(member) or self._port.__name__ in QUIET:
            return value
        return partial(self._call, name, value)

    def _call(self, name: str, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        hint = _result(self._port, name)
        if get_origin(hint) is AbstractContextManager:
            what = f"{name} in {_caller()}" if self._port is Registry else f"{self._port.__name__}.{name}"
            return _Block(
                method(*arguments, **named), get_args(hint)[0], partial(_moment, self._tell, what), self._tell
            )
        self._tell(f"{self._port.__name__}.{name}:before")
        result = method(*arguments, **named)
        self._tell(f"{self._port.__name__}.{name}:after")
        return watched(result, hint, self._tell)


class _Block(AbstractContextManager[Any]):
    """A `with` block that a port hands out."""

    def __init__(self, block: AbstractContextManager[Any], hint: Any, moment: Tell, tell: Tell) -> None:
        self._block, self._hint, self._moment, self._tell = block, hint, moment, tell

    def __enter__(self) -> Any:
        self._moment("before")
        thing = watched(self._block.__enter__(), self._hint, self._tell)
        self._moment("opened")
        return thing

    def __exit__(self, *error: Any) -> bool | None:
        self._moment("closing")
        swallowed = self._block.__exit__(*error)
        self._moment("closed")
        return swallowed


def _moment(tell: Tell, what: str, moment: str) -> None:
    tell(f"{what}:{moment}")


def _caller() -> str:
    """The function of ours that opened a transaction."""
    frame = sys._getframe(1)
    while True:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in ("jobs", "app"):
            name = frame.f_code.co_qualname
            if name.rpartition(".")[2] not in (*_PASSED_BY, "view", "rehearsal"):
                return ".".join(path.relative_to(ROOT).with_suffix("").parts) + f":{name}"
        assert frame.f_back is not None
        frame = frame.f_back


@cache
def _fields(kind: type) -> Mapping[str, Any]:
    return {name: hint for name, hint in get_type_hints(kind).items() if _holds_ports(hint)}


@cache
def _holds_ports(hint: Any) -> bool:
    if is_port(hint):
        return True
    if dataclasses.is_dataclass(hint):
        return any(_holds_ports(part) for part in get_type_hints(hint).values())
    return get_origin(hint) is not AbstractContextManager and any(_holds_ports(item) for item in _items(hint))


def _items(hint: Any) -> tuple[Any, ...]:
    """The types inside a union or a sequence; what a function takes or gives back is not watched."""
    origin = get_origin(hint)
    is_sequence = inspect.isclass(origin) and issubclass(origin, Sequence)
    return get_args(hint) if origin in (Union, UnionType) or is_sequence else ()


def _result(port: type, name: str) -> Any:
    member = inspect.getattr_static(port, name)
    return get_type_hints(member.fget if isinstance(member, property) else member).get("return")
