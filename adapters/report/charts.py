"""Geometry of the page's charts: horizontal stacked bars, in per cent of the drawing's width.

The template draws them as inline SVG, so that every text passes its autoescape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jobs.runs import BatchFacts, Conservation, FileFacts

LABEL_FITS = 9.0
"""A segment this wide (per cent) has room for its number, on a phone, too."""

_COLOURS = {
    "enrolled": "green",
    "passed": "green",
    "complete": "green",
    "unenrolled": "teal",
    "unchanged": "olive",
    "sent": "blue",
    "in_progress": "blue",
    "sealed": "indigo",
    "waiting": "slate",
    "rejected": "red",
    "failed": "red",
    "error": "red",
    "review": "amber",
    "uncertain": "amber",
    "complete_with_errors": "amber",
    "cancelled": "grey",
    "duplicate": "grey",
    "not answered": "pale",
}
_OTHERS = ("violet", "brown", "cyan", "rose")
_MOST_FILES = 12
_VISIBLE = 0.6  # no part that holds something is drawn thinner (per cent): one reject in a million shows


@dataclass(frozen=True)
class Segment:
    """One part of a bar: `left`, `width` and `share` (of the bar's own total) in per cent."""

    name: str
    count: int
    colour: str
    left: float
    width: float
    share: float


@dataclass(frozen=True)
class Bar:
    """One bar; `segments` leaves out parts of size 0, `parts` has them all (for the legend)."""

    name: str
    total: int
    parts: tuple[Segment, ...]

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(part for part in self.parts if part.count)

    @property
    def text(self) -> str:
        """The bar in words, for those who cannot see it."""
        parts = ", ".join(f"{part.name} {part.count:,}" for part in self.segments) or "nothing"
        return f"{self.name}: {parts}; total {self.total:,}"


def conservation_bar(conservation: Conservation) -> Bar:
    """Where every instruction is."""
    return _bar("Instructions", ((bucket.name, bucket.count) for bucket in conservation.buckets))


def batch_bar(batch: BatchFacts) -> Bar:
    """The outcomes of a batch; lines without one count as not answered."""
    waiting = max(0, batch.lines - sum(batch.outcomes.values()))
    return _bar(batch.number, (*batch.outcomes.items(), ("not answered", waiting)))


def file_bars(files: Iterable[FileFacts]) -> tuple[Bar, ...]:
    """The largest files, on one scale: rows passed, failed, known already."""
    largest = sorted(files, key=lambda file: (-_rows(file), file.name))[:_MOST_FILES]
    scale = max((_rows(file) for file in largest), default=0)
    return tuple(_bar(file.name, _outcome(file).items(), scale) for file in largest if _rows(file))


def _outcome(file: FileFacts) -> Mapping[str, int]:
    return {"passed": file.passed, "failed": file.failed, "duplicate": file.duplicate}


def _rows(file: FileFacts) -> int:
    return sum(_outcome(file).values())


def _bar(name: str, counts: Iterable[tuple[str, int]], scale: int = 0) -> Bar:
    parts = tuple(counts)
    total = sum(count for _, count in parts)
    shares = [100 * count / max(total, 1) for _, count in parts]
    drawn = [max(share, _VISIBLE) if share else 0.0 for share in shares]
    # the thin ones' extra width is taken from all, so that the bar keeps its length
    stretch = total / max(scale, total, 1) * 100 / max(sum(drawn), 1)
    segments, left = [], 0.0
    for position, ((part, count), share, width) in enumerate(zip(parts, shares, drawn, strict=True)):
        colour = _COLOURS.get(part.casefold(), _OTHERS[position % len(_OTHERS)])
        segments.append(Segment(part, count, colour, left, width * stretch, share))
        left += width * stretch
    return Bar(name, total, tuple(segments))
