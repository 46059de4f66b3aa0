"""gzip: unpacked whole to a staging file and verified to its end before a single row counts.

A broken archive can hand out thousands of good-looking rows before its checksum fails, so nothing is read
from it until the last member's trailer agrees. Several members in one file are one stream; zero bytes
after the last one are padding, anything else is an error.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.identity import Track, read_exactly
from tokencost_pipeline.ingest.limits import Limits

_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class Packed:
    """A gzip file that was read to its end. `problem` says why nothing in it counts."""

    track: Track  # of the packed bytes
    sha256: str  # of the packed bytes
    problem: str | None


class RawUnreadable(Exception):
    """The raw file cannot be read; the message is the system's reason."""


def unpack(source: BinaryIO, target: Path, *, size: int, limits: Limits) -> Packed:
    """Unpack `size` bytes of `source` into `target`. Raises RawUnreadable when `source` cannot be read."""
    track, digest = Track(), hashlib.sha256()
    problem: str | None = None
    source.seek(0)
    with target.open("wb") as unpacked:
        writer = _Members(unpacked, limits)
        while chunk := _read(source, min(limits.read_bytes, size - track.offset)):
            track.consume(chunk)
            digest.update(chunk)
            if problem is None:
                try:
                    writer.feed(chunk)
                except Refused as refusal:
                    problem = str(refusal)
    if problem is None:
        problem = writer.complaint_at_end()
    return Packed(track, digest.hexdigest(), problem)


def _read(source: BinaryIO, size: int) -> bytes:
    try:
        return read_exactly(source, size)
    except OSError as error:
        raise RawUnreadable(error.strerror or type(error).__name__) from error


class _Members:
    """The members of one gzip stream, unpacked piece by piece so that a bomb stops at the cap."""

    def __init__(self, target: BinaryIO, limits: Limits) -> None:
        self._target = target
        self._limits = limits
        self._written = 0
        self._member: zlib._Decompress | None = None
        self._members = 0

    def feed(self, data: bytes) -> None:
        full = False  # the last call stopped at its size, so more output may wait without more input
        while data or full:
            if self._member is None:
                data = data.lstrip(b"\0") if self._members else data
                if not data:
                    return
                self._member = zlib.decompressobj(_GZIP)
                self._members += 1
            try:
                out = self._member.decompress(data, self._limits.read_bytes)
            except zlib.error as error:
                header = self._members == 1 and "header check" in str(error)
                what = "not gzip" if header else "a broken gzip file"
                raise Refused(f"{what}: {error}") from None
            full = len(out) == self._limits.read_bytes and not self._member.eof
            self._written += len(out)
            if self._written > self._limits.unpacked_bytes:
                raise Refused(f"unpacks to more than {self._limits.unpacked_bytes:,} bytes")
            self._target.write(out)
            if self._member.eof:
                data, self._member = self._member.unused_data, None
            else:
                data = self._member.unconsumed_tail

    def complaint_at_end(self) -> str | None:
        if self._members == 0:
            return "not gzip: the file is empty"
        if self._member is not None:
            return "a truncated gzip file: it ends before its checksum"
        return None
