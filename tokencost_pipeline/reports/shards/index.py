"""The index: for each place (the first 32 bits of a key) the days whose shards have lines there.

It is cut by age into at most three parts, so that what usually comes, more of today, rewrites the small one. A part is
cut into buckets by the top bits of the places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tokencost_pipeline.reports.shards.days import Places, bits_for

PLACES_PER_BUCKET = 2_048
"""At most so many on average: some 7 KB."""
AGES = (("recent", 8, 1 << 15), ("middle", 64, 1 << 18))
OLD = "old"
"""Name, days of a block, fewest entries. Recent are the newest blocks, as many as it takes to have these entries: so a
few rows with a day in the future are not taken for the present, and a small site has no more than one part."""
_AT_ONCE = 1 << 20  # entries: 40 million at once would be 300 MB


def by_age(sizes: Mapping[int, int]) -> dict[str, tuple[int, ...]]:
    """Part of the index -> the days in it, in order. `sizes` is number of a day -> places; parts without any are left
    out.

    Blocks are aligned, so days move into the next part by whole blocks: each entry is rewritten as old once every 64
    days, not every day.
    """
    left = sorted(number for number, size in sizes.items() if size)
    found: dict[str, tuple[int, ...]] = {}
    for name, block, enough in AGES:
        place, held = len(left), 0
        while place and held < enough:
            first = left[place - 1] // block * block
            while place and left[place - 1] >= first:
                place -= 1
                held += sizes[left[place]]
        if left[place:]:
            found[name] = tuple(left[place:])
        left = left[:place]
    if left:
        found[OLD] = tuple(left)
    return found


def buckets(days: Mapping[int, Places]) -> tuple[int, Iterator[tuple[int, bytes]]]:
    """(bits, (number, content) of each bucket that has entries). `days` is number of a day -> its places, sorted."""
    entries = sum(len(places) for places in days.values())
    bits = bits_for(entries, PLACES_PER_BUCKET)
    return bits, _buckets(days, bits, min(bits, bits_for(entries, _AT_ONCE)))


def _buckets(days: Mapping[int, Places], bits: int, slices: int) -> Iterator[tuple[int, bytes]]:
    for piece in range(1 << slices):
        entries = _entries(days, piece << 32 - slices, (piece + 1) << 32 - slices)
        place = entries >> np.uint64(16)
        bucket = place >> np.uint64(32 - bits)
        starts = np.concatenate([[0], np.flatnonzero(bucket[1:] != bucket[:-1]) + 1, [len(bucket)]])
        if not len(bucket):
            continue
        step = np.diff(place, prepend=np.uint64(0))
        step[starts[:-1]] = place[starts[:-1]] - (bucket[starts[:-1]] << np.uint64(32 - bits))
        told = np.empty((len(entries), 6), np.uint8)
        told[:, :4] = step.astype("<u4").view(np.uint8).reshape(-1, 4)
        told[:, 4:] = entries.astype("<u2").view(np.uint8).reshape(-1, 2)
        for start, end in pairwise(starts.tolist()):
            yield int(bucket[start]), told[start:end].T.tobytes()


def _entries(days: Mapping[int, Places], first: int, end: int) -> npt.NDArray[np.uint64]:
    """Place and number of a day (16 bits) of each entry with first <= place < end, sorted."""
    found = []
    for number, places in days.items():
        start = np.searchsorted(places, np.uint32(first))
        mine = places[start : np.searchsorted(places, np.uint32(end - 1), "right")].astype(np.uint64)
        found.append(mine << np.uint64(16) | np.uint64(number))
    entries = np.concatenate(found)
    entries.sort()
    return entries
