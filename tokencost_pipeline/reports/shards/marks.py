"""What is remembered of each export file: for each of its lines a digest and the place in the shards.

With them a run knows which lines a changed file lost and gained, after the old file is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

_CHECK = 16


@dataclass(frozen=True)
class Marks:
    """Of each line its 64-bit digest and the first 32 bits of its key, in any order."""

    digest: npt.NDArray[np.uint64]
    place: npt.NDArray[np.uint32]

    def to_bytes(self) -> bytes:
        body = self.digest.astype("<u8").tobytes() + self.place.astype("<u4").tobytes()
        return blake2b(body, digest_size=_CHECK).digest() + body

    @staticmethod
    def from_bytes(data: bytes) -> Marks:
        """Raises ValueError for what `to_bytes` did not write, or not wholly."""
        check, body = data[:_CHECK], data[_CHECK:]
        if blake2b(body, digest_size=_CHECK).digest() != check or len(body) % 12:
            raise ValueError("marks are damaged")
        rows = len(body) // 12
        return Marks(
            np.frombuffer(body, "<u8", rows).astype(np.uint64),
            np.frombuffer(body, "<u4", rows, rows * 8).astype(np.uint32),
        )

    @staticmethod
    def together(several: list[Marks]) -> Marks:
        if not several:
            return Marks(np.empty(0, np.uint64), np.empty(0, np.uint32))
        return Marks(
            np.concatenate([it.digest for it in several]), np.concatenate([it.place for it in several])
        )


def difference(old: Marks, new: Marks) -> Marks | None:
    """The lines whose number differs between `old` and `new`, each once; None when there are none."""
    digest = np.concatenate([old.digest, new.digest])
    if not len(digest):
        return None
    place = np.concatenate([old.place, new.place])
    change = np.concatenate([np.full(len(old.digest), -1), np.full(len(new.digest), 1)])
    order = np.argsort(digest, kind="stable")
    digest, place, change = digest[order], place[order], change[order]
    starts = np.flatnonzero(np.concatenate([[True], digest[1:] != digest[:-1]]))
    moved = starts[np.add.reduceat(change, starts) != 0]
    return Marks(digest[moved], place[moved]) if len(moved) else None


def write_marks(folder: Path, key: str, marks: Marks) -> None:
    """Keep the marks of the export file `key`. A torn file is found out by whoever reads it, so nobody waits for
    the disk here."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{key}.new"
    beside.write_bytes(marks.to_bytes())
    beside.replace(folder / key)


def read_marks(folder: Path, key: str) -> Marks:
    """Raises OSError when there are none, ValueError when they are damaged."""
    return Marks.from_bytes((folder / key).read_bytes())


def forget_marks(folder: Path, kept: set[str]) -> None:
    """Drop the marks of all files but `kept`."""
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)
