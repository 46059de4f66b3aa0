"""Which file is which: by what was read from it, not by its name.

Gateways append, rotate, rename and truncate under us. A file is *the same generation* as one in the
ledger when the first and the last bytes that were read from that one (up to 4 KiB each) are still where
they were; then reading goes on at the offset. Otherwise it is a new generation, read from byte 0, and the
deduplication of events absorbs what both have in common. A file and the ledger's entries are matched by
path, then by device and inode (renamed), then by content alone (rotated by copy); no entry is given to
two files, so a copy laid beside its original is a file of its own and its events become duplicates.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO

WINDOW = 4096


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of the first and the last bytes before an offset."""

    offset: int
    head_sha256: str
    tail_sha256: str

    @property
    def window(self) -> int:
        return min(WINDOW, self.offset)

    def still_in(self, handle: BinaryIO, size: int) -> tuple[bytes, bytes] | None:
        """(head, tail) when `handle` (unbuffered) still begins as it did up to the offset, else None."""
        if size < self.offset:
            return None
        handle.seek(0)
        head = read_exactly(handle, self.window)
        if hashlib.sha256(head).hexdigest() != self.head_sha256:
            return None
        handle.seek(self.offset - self.window)
        tail = read_exactly(handle, self.window)
        if hashlib.sha256(tail).hexdigest() != self.tail_sha256:
            return None
        return head, tail


class Track:
    """Rolling head and tail of consumed bytes.

    Hashed from what was read, never from the file read a second time: it may be another one by then.
    """

    def __init__(self, offset: int = 0, head: bytes = b"", tail: bytes = b"") -> None:
        self.offset = offset
        self._head = head
        self._tail = tail

    @property
    def head(self) -> bytes:
        """The first bytes consumed, at most WINDOW."""
        return self._head

    def consume(self, data: bytes) -> None:
        self.consume_outline(data[:WINDOW], data[-WINDOW:], len(data))

    def consume_outline(self, first: bytes, last: bytes, length: int) -> None:
        """Consume `length` bytes of which only the first and last WINDOW are at hand."""
        if len(self._head) < WINDOW:
            self._head = (self._head + first)[:WINDOW]
        self._tail = (self._tail + last)[-WINDOW:]
        self.offset += length

    def fingerprint(self) -> Fingerprint:
        return Fingerprint(
            self.offset, hashlib.sha256(self._head).hexdigest(), hashlib.sha256(self._tail).hexdigest()
        )


def file_id(path: str, generation: int, first_record_sha256: str) -> str:
    """Key of a file generation: the same whatever the pieces in which the file was read."""
    return hashlib.sha256(f"{path}\0{generation}\0{first_record_sha256}".encode()).hexdigest()[:16]


def hash_of_head(handle: BinaryIO, size: int) -> str:
    """SHA-256 of the first `size` bytes."""
    handle.seek(0)
    return hashlib.sha256(read_exactly(handle, size)).hexdigest()


def read_exactly(handle: BinaryIO, size: int) -> bytes:
    """`size` bytes, fewer only at the end of the file (an unbuffered read may stop early)."""
    parts = []
    while size > 0 and (part := handle.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
