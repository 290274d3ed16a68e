"""Number formats: what a cell shows of the number it holds, as Excel would write it in English.

A format has up to four sections: positive, negative, zero, text. Dates are no business of this module.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache

BUILT_IN = {
    **{1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??"},
    **{37: "#,##0;-#,##0", 38: "#,##0;-#,##0", 39: "#,##0.00;-#,##0.00", 40: "#,##0.00;-#,##0.00", 48: "##0.0E+0"},
}
"""The formats that a number stands for; others mean General, a day or a text."""

_PLAIN = ("", "general", "@")
_PARTS = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<gap>.)|\*(?P<fill>.)|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<general>General)|(?P<power>[Ee][+-])|(?P<day>[ymdhsbgYMDHSBG]|AM/PM|A/P)|(?P<digit>[0#?])|(?P<sign>[.,%/;@])"
    r"|(?P<other>.)",
    re.DOTALL | re.IGNORECASE,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?[0-9.]+)")
_HOLDS = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "=": lambda a, b: a == b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<>": lambda a, b: a != b,
}
_SIGNIFICANT = 15
_LONGEST = 255  # characters of a format
_ALL_DIGITS = Context(prec=2000)
_GENERAL_DIGITS, _SHORT = 11, 6  # General shows longer numbers with an exponent and six digits


@dataclass(frozen=True)
class _Section:
    """`parts`: kind and text of each; kinds are `digit`, `sign`, `power`, `general` and `text`."""

    parts: tuple[tuple[str, str], ...]
    condition: tuple[str, float] | None = None


def tells(form: str) -> bool:
    """Whether a number under this format may show something else than its digits; a day's format tells nothing here."""
    return form.strip().lower() not in _PLAIN and bool(_sections(form))


def shown(form: str, number: float) -> str:
    """What a cell of this format (one that `tells`) shows, without blanks at its ends or a point behind them."""
    section, signed = _chosen(_sections(form), number)
    if section is None:
        return "#"  # Excel fills the cell with them
    with localcontext(_ALL_DIGITS):
        text = _written(section, abs(_exactly(number)))
    minus = "-" if signed and number < 0 and any(sign in "123456789" for sign in text) else ""
    return (minus + text).strip().removesuffix(".").strip()


def general(number: float) -> str | None:
    """`1E+12` where General shows exactly that; None where it shows the digits, or as many as there is room for."""
    digits = _exactly(number)
    if abs(digits) < 10**_GENERAL_DIGITS or len(digits.normalize().as_tuple().digits) > _SHORT:
        return None
    mantissa, _, power = f"{digits.normalize():E}".partition("E")
    return f"{mantissa}E{int(power):+03}"


def _exactly(number: float) -> Decimal:
    return Decimal(f"{number:.{_SIGNIFICANT}g}")


@lru_cache(maxsize=512)
def _sections(form: str) -> tuple[_Section, ...]:
    """Empty for the format of a day."""
    sections: list[_Section] = []
    parts: list[tuple[str, str]] = []
    condition: tuple[str, float] | None = None
    for match in _PARTS.finditer(form[:_LONGEST]):
        kind, text = str(match.lastgroup), match[str(match.lastgroup)]
        if kind == "day":
            return ()
        if kind == "sign" and text == ";":
            sections.append(_Section(tuple(parts), condition))
            parts, condition = [], None
        elif kind == "bracket":
            if limit := _CONDITION.fullmatch(text):
                condition = limit[1], float(limit[2])
            elif re.fullmatch("[hmsHMS]+", text):
                return ()
        elif kind != "fill":
            known = kind in ("digit", "sign", "power", "general")
            parts.append((kind if known else "text", " " if kind == "gap" else text))
    return (*sections, _Section(tuple(parts), condition))[:4]


def _chosen(sections: tuple[_Section, ...], number: float) -> tuple[_Section | None, bool]:
    """The section for a number, and whether a minus sign is put before it."""
    if any(section.condition for section in sections):
        for section in sections[:3]:
            if section.condition is None or _HOLDS[section.condition[0]](number, section.condition[1]):
                return section, True
        return None, False
    numeric = sections[:3]
    if len(numeric) == 1 or number > 0:
        return numeric[0], True
    if number < 0:
        return numeric[1], False
    return (numeric[2] if len(numeric) == 3 else numeric[0]), False


def _written(section: _Section, number: Decimal) -> str:
    parts = section.parts
    kinds = [kind for kind, _ in parts]
    if "general" in kinds:
        return "".join(_plain(number) if kind == "general" else text for kind, text in parts)
    if "digit" not in kinds:
        return "".join(_plain(number) if text == "@" else text for _, text in parts)
    if ("sign", "/") in parts:
        return _fraction(parts, number)
    number *= Decimal(100) ** parts.count(("sign", "%"))
    if "power" in kinds:
        return _scientific(parts, number)
    return _fixed(parts, number)


def _plain(number: Decimal) -> str:
    return general(float(number)) or format(number.normalize(), "f")


def _fixed(parts: tuple[tuple[str, str], ...], number: Decimal) -> str:
    """Digits into their places from the right; commas group, or divide by a thousand behind the last digit."""
    point = parts.index(("sign", ".")) if ("sign", ".") in parts else len(parts)
    whole = [at for at, (kind, _) in enumerate(parts[:point]) if kind == "digit"]
    broken = [at for at, (kind, _) in enumerate(parts) if kind == "digit" and at > point]
    last = max(whole + broken)
    commas = [at for at, part in enumerate(parts) if part == ("sign", ",")]
    number /= Decimal(1000) ** sum(at > last or (bool(whole) and max(whole) < at < point) for at in commas)
    grouped = bool(whole) and any(whole[0] < at < whole[-1] for at in commas)
    rounded = number.quantize(Decimal(1).scaleb(-len(broken)), ROUND_HALF_UP)
    left, _, right = format(rounded, "f").partition(".")
    said = _whole_digits(parts, whole, left.lstrip("0"), grouped) | _broken_digits(parts, broken, right)
    return "".join(
        said.get(at, "") if kind == "digit" else "" if (kind, text) == ("sign", ",") else text
        for at, (kind, text) in enumerate(parts)
    )


def _whole_digits(parts: tuple[tuple[str, str], ...], places: list[int], digits: str, grouped: bool) -> dict[int, str]:
    said: dict[int, str] = {}
    count = 0
    for step, at in enumerate(reversed(places)):
        mine = digits[-1:] if step < len(places) - 1 else digits
        digits = digits[:-1] if step < len(places) - 1 else ""
        mine = mine or {"0": "0", "?": " ", "#": ""}[parts[at][1]]
        text = ""
        for sign in reversed(mine):
            text = sign + ("," if grouped and count and count % 3 == 0 and sign.isdigit() else "") + text
            count += 1
        said[at] = text
    return said


def _broken_digits(parts: tuple[tuple[str, str], ...], places: list[int], digits: str) -> dict[int, str]:
    said: dict[int, str] = {}
    needed = len(digits.rstrip("0"))
    for step, at in enumerate(places):
        optional = step >= needed and all(parts[later][1] != "0" for later in places[step:])
        said[at] = (" " if parts[at][1] == "?" else "") if optional else digits[step]
    return said


def _scientific(parts: tuple[tuple[str, str], ...], number: Decimal) -> str:
    at = next(place for place, (kind, _) in enumerate(parts) if kind == "power")
    mantissa, rest = parts[:at], parts[at + 1 :]
    point = mantissa.index(("sign", ".")) if ("sign", ".") in mantissa else len(mantissa)
    step = max(1, sum(kind == "digit" for kind, _ in mantissa[:point]))
    places = sum(kind == "digit" for kind, _ in mantissa[point:])
    power = number.adjusted() // step * step if number else 0
    if number and number.scaleb(-power).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) >= 10**step:
        power += step
    head = _fixed(mantissa, number.scaleb(-power))
    digits = sum(kind == "digit" for kind, _ in rest)
    sign = "-" if power < 0 else "+" if "+" in parts[at][1] else ""
    return f"{head}E{sign}{abs(power):0{digits}}" + "".join(text for kind, text in rest if kind != "digit")


def _fraction(parts: tuple[tuple[str, str], ...], number: Decimal) -> str:
    slash = parts.index(("sign", "/"))
    fixed = "".join(text for kind, text in parts[slash + 1 :] if kind == "text" and text.isdecimal())
    below = sum(kind == "digit" for kind, _ in parts[slash + 1 :])
    mixed = ("text", " ") in parts[:slash]
    exact = Fraction(number)
    whole = int(exact) if mixed else 0
    if not below:
        bottom = int(fixed or 1) or 1
        top = round((exact - whole) * bottom)
    else:
        near = (exact - whole).limit_denominator(10**below - 1)
        top, bottom = near.numerator, near.denominator
    if mixed and top == bottom:
        whole, top = whole + 1, 0
    if mixed and top == 0:
        return str(whole)
    return f"{whole} {top}/{bottom}" if whole else f"{top}/{bottom}"
