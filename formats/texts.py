"""The one spelling of a text, wherever texts are compared (ADR 0020).

Texts are NFC with two foldings: every blank that is not a line's end becomes a plain one, and full width letters,
digits and signs the ones of the keyboard. Identifiers are NFKC: what has the same meaning there is the same.
"""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

_BLANKS = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_FOLDED = _FULL_WIDTH | {ord(blank): " " for blank in _BLANKS}
_FOLDS = f"[{_BLANKS}\uff01-\uff5e]"


def folded(text: str) -> str:
    """One text as `plain_texts` spells it."""
    return unicodedata.normalize("NFC", text.translate(_FOLDED))


def plain_texts(values: pa.StringArray) -> pa.StringArray:
    """NFC, with blanks and full width characters folded."""
    if pc.all(pc.string_is_ascii(values)).as_py() is not False:
        return values
    hit = pc.match_substring_regex(values, _FOLDS)
    if pc.any(hit).as_py():
        spelled = pa.array([text.translate(_FOLDED) for text in values.filter(hit).to_pylist()], pa.string())
        values = pc.replace_with_mask(values, pc.fill_null(hit, False), spelled)
    return pc.utf8_normalize(values, form="NFC")


def identifier_texts(values: pa.StringArray) -> pa.StringArray:
    """NFKC."""
    if pc.all(pc.string_is_ascii(values)).as_py() is not False:
        return values
    return pc.utf8_normalize(values, form="NFKC")


def character(sign: str) -> str:
    """What a person is told of a character: `en dash (U+2013)`."""
    code = f"U+{ord(sign):04X}"
    name = unicodedata.name(sign, "").lower()
    return f"{name} ({code})" if name else code
