"""Arithmetic with stretches of time: union, difference, overlap. All are half-open."""

from collections.abc import Iterable

Span = tuple[int, int]


def union(spans: Iterable[Span]) -> list[Span]:
    """Return disjoint spans in order that cover the same time."""
    merged: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """Return what of the spans lies outside all taken ones."""
    gone = union(taken)
    left: list[Span] = []
    for start, end in union(spans):
        low = start
        for gone_start, gone_end in gone:
            if gone_end <= low or gone_start >= end:
                continue
            if gone_start > low:
                left.append((low, gone_start))
            low = gone_end
        if low < end:
            left.append((low, end))
    return left


def overlap(spans: Iterable[Span], start: int, end: int) -> int:
    """Return how long disjoint spans lie inside [start, end)."""
    return sum(max(0, min(high, end) - max(low, start)) for low, high in spans)
