"""Sorted runs of marks: the index of every event ever landed, in flat files.

A run is MAGIC, then three columns of little-endian 64-bit words: high and low half of the key, content;
sorted by key. Behind them a Bloom filter: at least sixteen bits a key, in which each half of a key sets two. All but
one in four hundred keys that are not in the run are told so by it; the others are searched for, and each search reads
pages that nobody has read before.
Looking up costs what is looked up, not what has landed. A run is never changed: two become one in a new file.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tokencost_pipeline.ingest.content import Hashes, Marks

MAGIC = b"TCSEEN02"
_WORD = 8
_COLUMNS = 3
_BITS_PER_KEY = 16
_TOP, _INNER = np.uint64(0), np.uint64(31)
"""Where in a half the two stretches of bits begin that name its places in the filter."""


def _map_bits(rows: int) -> int:
    """The filter has 2^this bits."""
    return max(6, (rows * _BITS_PER_KEY - 1).bit_length())


class DamagedRun(Exception):
    """A file of the index is not as it was written. Nothing is lost: the index can be made again."""


@dataclass(frozen=True)
class Run:
    """Marks sorted by key, in memory or in a file."""

    rows: int
    held: Marks | None = None
    path: Path | None = None

    def open(self) -> Marks:
        """The marks; those of a file as long as they are used, so that what was touched of it is no longer counted
        as memory afterwards. Raises DamagedRun."""
        return self.held if self.held is not None else self._words()[0]

    def _words(self) -> tuple[Marks, NDArray[np.uint8]]:
        """(marks, filter) of a file."""
        assert self.path is not None
        map_bytes = (1 << _map_bits(self.rows)) // 8
        try:
            if self.path.stat().st_size != len(MAGIC) + self.rows * _WORD * _COLUMNS + map_bytes:
                raise DamagedRun(self.path)
            with self.path.open("rb") as handle:
                # not numpy's memmap: its slices cost more than what is looked up in them
                words = np.frombuffer(mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ), "<u8")
        except (OSError, ValueError) as error:
            raise DamagedRun(self.path) from error
        if words[:1].tobytes() != MAGIC:
            raise DamagedRun(self.path)
        high, low, content = (words[1 + n * self.rows : 1 + (n + 1) * self.rows] for n in range(_COLUMNS))
        return Marks(high, low, content), words[1 + _COLUMNS * self.rows :].view(np.uint8)

    def candidates(self, high: Hashes, low: Hashes) -> tuple[Marks, NDArray[np.int64]]:
        """(the marks, places of the keys that may be among them)."""
        if self.held is not None:
            return self.held, np.arange(len(high))
        marks, bits = self._words()
        likely = np.flatnonzero(_is_set(bits, high, self.rows))
        for half, shift in ((low, _TOP), (high, _INNER), (low, _INNER)):
            likely = likely[_is_set(bits, half[likely] << shift, self.rows)]
        return marks, likely


def _is_set(bits: NDArray[np.uint8], half: Hashes, rows: int) -> NDArray[np.bool_]:
    stretch = half >> np.uint64(64 - _map_bits(rows))
    found: NDArray[np.bool_] = (
        (bits[(stretch >> np.uint64(3)).astype(np.int64)] >> (stretch & np.uint64(7)).astype(np.uint8)) & 1
    ).astype(np.bool_)
    return found


def sorted_marks(marks: Marks) -> Marks:
    """The marks in the order of their keys."""
    order = np.argsort(marks.high, kind="stable")  # as good as free where two runs stand one behind the other
    high = marks.high[order]
    if (high[1:] == high[:-1]).any():
        order = np.lexsort((marks.low, marks.high))
    return marks.take(order)


def merged(runs: list[Run]) -> Run:
    """One run of all, in memory. Their keys differ."""
    opened = [run.open() for run in runs]
    marks = sorted_marks(
        Marks(
            np.concatenate([marks.high for marks in opened]),
            np.concatenate([marks.low for marks in opened]),
            np.concatenate([marks.content for marks in opened]),
        )
    )
    return Run(len(marks), marks)


def find(run: Run, high: Hashes, low: Hashes) -> tuple[NDArray[np.int64], Hashes]:
    """(places of the keys that are in the run, their contents there). Quickest for keys that are sorted."""
    marks, open_ = run.candidates(high, low)
    place = np.searchsorted(marks.high, high[open_])
    places, contents = [], []
    while len(open_):
        inside = place < run.rows
        open_, place = open_[inside], place[inside]
        same = marks.high[place] == high[open_]
        open_, place = open_[same], place[same]
        hit = marks.low[place] == low[open_]
        places.append(open_[hit])
        contents.append(marks.content[place[hit]])
        open_, place = (
            open_[~hit],
            place[~hit] + 1,
        )  # the same half of another key: a coincidence once in a lifetime
    if not places:
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    return np.concatenate(places), np.concatenate(contents)


def write_run(run: Run, path: Path) -> Run:
    """The run in a file of its own, durable; its name appears with its first byte, so nothing may refer to it before
    this returns."""
    marks = run.open()
    with path.open("wb") as handle:
        handle.write(MAGIC)
        for column in (marks.high, marks.low, marks.content):
            np.ascontiguousarray(column, "<u8").tofile(handle)
        handle.write(_filter_of(marks))
        handle.flush()
        os.fsync(handle.fileno())
    return Run(run.rows, path=path)


def _filter_of(marks: Marks) -> bytes:
    bits = _map_bits(len(marks))
    is_set = np.zeros(1 << bits, np.bool_)
    for half in (marks.high, marks.low):
        for shift in (_TOP, _INNER):
            is_set[((half << shift) >> np.uint64(64 - bits)).astype(np.int64)] = True
    return np.packbits(is_set, bitorder="little").tobytes()
