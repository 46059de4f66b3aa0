"""Bytes to records: only complete ones, from a byte offset, in bounded memory.

A record is complete when its line end is there (`complete_last` is for unpacked gzip, where the trailer
proves the end). What comes after the last line end is left for the next run: a torn number, `12` of
`1234`, is valid JSON. Lines are split at LF alone, a CR before it belongs to the line end; a byte order
mark is skipped at byte 0. Files that hold one JSON value are read by `document`, lines of plain
text by `text_lines`.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from tokencost_pipeline.ingest.identity import WINDOW, Track, read_exactly
from tokencost_pipeline.ingest.limits import Limits

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `data` (without line end) is None when `problem` says why it was not kept or could not
    be split."""

    line_no: int  # 1-based physical line where it starts
    byte_offset: int
    sha256: str
    data: bytes | None
    columns: tuple[str, ...] | None = None  # of a CSV record
    problem: str | None = None
    line_key: str | None = None  # of a line of text: the same in every copy of its file

    @property
    def blank(self) -> bool:
        return self.data is not None and not self.data.strip(b" \t\r\n")


class Splitter(ABC):
    """Common part of the readers: a bounded stream, the place in it, and the track of what is consumed.

    `size` is the file's size at the scan: bytes that arrive while we read are the next run's.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        size: int,
        limits: Limits,
        track: Track | None = None,
        next_line: int = 1,
        complete_last: bool = False,
    ) -> None:
        self.track = track or Track()
        self.next_line = next_line
        self.failure: str | None = None  # why the file could not be read to its end
        self._stream = stream
        self._limits = limits
        self._complete_last = complete_last
        self._left = size - self.track.offset
        stream.seek(self.track.offset)

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """The records from the start of the stream on."""

    def _read(self, size: int | None = None) -> bytes:
        try:
            data = read_exactly(self._stream, min(size or self._limits.read_bytes, self._left))
        except OSError as error:
            # what was consumed before stands; the rest is tried again at the next run
            self.failure = error.strerror or type(error).__name__
            data = b""
        self._left -= len(data)
        return data

    def _whole_record(
        self,
        raw: bytes,
        offset: int,
        columns: tuple[str, ...] | None = None,
        problem: str | None = None,
    ) -> Record:
        """The next record, from its bytes without LF."""
        record = self.record_at(raw, offset, self.next_line, columns, problem)
        self.next_line += raw.count(b"\n") + 1
        return record

    def record_at(
        self,
        raw: bytes,
        offset: int,
        line_no: int,
        columns: tuple[str, ...] | None = None,
        problem: str | None = None,
    ) -> Record:
        """A record from its bytes without LF."""
        data = raw.removesuffix(b"\r")
        if len(data) > self._limits.line_bytes:
            problem = self._length_problem(len(raw) + 1)
        elif offset == 0 and data.startswith(BOM):
            data, offset = data[len(BOM) :], len(BOM)
        sha256 = hashlib.sha256(data).hexdigest()
        return Record(line_no, offset, sha256, None if problem else data, columns, problem)

    def _too_long(self, incomplete: bytes) -> bool:
        return len(incomplete) > self._limits.line_bytes + 1  # one more: it may be the CR of the line end

    def _length_problem(self, size: int) -> str:
        return f"longer than {self._limits.line_bytes:,} bytes ({size:,} with its line end)"

    def _stream_past(self, start: bytes) -> tuple[Record | None, bytes]:
        """Skip a line too long to hold; `start` is what is read of it. Returns (record, bytes after the
        line), or (None, b"") when the file ends first."""
        digest, held = hashlib.sha256(), b""

        def feed(piece: bytes) -> None:
            # a CR at the end is held back: it is part of the line end if LF follows
            nonlocal held
            piece = held + piece
            held = piece[-1:] if piece.endswith(b"\r") else b""
            digest.update(piece.removesuffix(b"\r"))

        feed(start)
        offset, first, last, length = self.track.offset, start[:WINDOW], start[-WINDOW:], len(start)
        while True:
            chunk = self._read()
            body, line_end, rest = chunk.partition(b"\n")
            feed(body)
            body += line_end
            first = (first + body)[:WINDOW]
            last = (last + body)[-WINDOW:]
            length += len(body)
            if line_end or (not chunk and self._complete_last):
                break
            if not chunk:
                return None, b""
        self.track.consume_outline(first, last, length)
        record = Record(self.next_line, offset, digest.hexdigest(), None, None, self._length_problem(length))
        self.next_line += 1
        return record, rest


MARGIN = 256
"""Bytes that may be read, though they mean nothing, before and behind the lines of a block."""

_MARGIN = b" " * MARGIN


@dataclass
class Lines:
    """Complete lines, each with its line feed (the last one without, if the file's end is its end): `buffer` from
    MARGIN to `end`. At least MARGIN bytes stand before and behind them."""

    buffer: bytes
    end: int
    offset: int  # of the first one in the file, in bytes
    line_no: int  # of the first one
    count: int | None = None  # of the lines, if somebody has counted them

    @property
    def size(self) -> int:
        return self.end - MARGIN

    @property
    def data(self) -> bytes:
        return self.buffer[MARGIN : self.end]


class LineSplitter(Splitter):
    """One record a line."""

    def records(self) -> Iterator[Record]:
        for found in self.blocks():
            if isinstance(found, Record):
                yield found
            else:
                yield from self.split(found)

    def split(self, lines: Lines) -> Iterator[Record]:
        """The records of a block."""
        offset, line_no = lines.offset, lines.line_no
        for line in lines.data.removesuffix(b"\n").split(b"\n"):
            yield self.record_at(line, offset, line_no)
            offset += len(line) + 1
            line_no += 1

    def blocks(self, size: int | None = None) -> Iterator[Lines | Record]:
        """The file in pieces of about `size` bytes (default: one read), cut at line ends; a line that is too
        long to hold as a record. What was yielded counts as consumed once the next one is asked for."""
        rest = b""
        while chunk := self._read(size):
            while True:
                buffer = b"".join((_MARGIN, rest, chunk, _MARGIN))
                end = buffer.rfind(b"\n") + 1
                if end:
                    yield from self._consumed(buffer, end)
                rest = buffer[max(end, MARGIN) : -MARGIN]
                if not self._too_long(rest):
                    break
                record, chunk = self._stream_past(rest)
                if record is None:
                    return
                yield record
                rest = b""
        if rest and self._complete_last:
            yield from self._consumed(b"".join((_MARGIN, rest, _MARGIN)), MARGIN + len(rest))

    def _consumed(self, buffer: bytes, end: int) -> Iterator[Lines]:
        lines = Lines(buffer, end, self.track.offset, self.next_line)
        yield lines
        if lines.count is None:
            lines.count = buffer.count(b"\n", MARGIN, end) + (buffer[end - 1 : end] != b"\n")
        self.next_line += lines.count
        edge = min(WINDOW, lines.size)
        self.track.consume_outline(buffer[MARGIN : MARGIN + edge], buffer[end - edge : end], lines.size)


class CsvSplitter(Splitter):
    """RFC 4180 records: a line end inside quotes belongs to the record.

    Strict, so that a broken record cannot swallow its neighbours: a quote inside a plain field, or
    anything but a comma or a line end after a closing quote, refuses the physical line where the record
    began, and splitting starts anew at the next line. The same holds for a record that grows beyond the
    limit.
    """

    _QUOTED = re.compile(rb'"((?:[^"]++|"")*+)"')
    _PLAIN = re.compile(rb'[^",\r\n]*+')

    def records(self) -> Iterator[Record]:
        buffer, finished = b"", False
        while True:
            position = 0
            while (found := self._next(buffer, position, finished)) is not None:
                end, columns, problem = found
                raw = buffer[position:end]
                yield self._whole_record(raw.removesuffix(b"\n"), self.track.offset, columns, problem)
                self.track.consume(raw)
                position = end
            buffer = buffer[position:]
            if self._too_long(buffer) and b"\n" not in buffer:
                record, buffer = self._stream_past(buffer)
                if record is None:
                    return
                yield record
                continue
            chunk = self._read()
            if not chunk:
                if finished or not (self._complete_last and buffer):
                    return
                finished = True
            buffer += chunk

    def _next(
        self, buffer: bytes, position: int, finished: bool
    ) -> tuple[int, tuple[str, ...] | None, str | None] | None:
        """(end, columns, problem) of the record at `position`; None when more bytes are needed."""
        if position == len(buffer):
            return None
        end, columns, problem = self._split(buffer, position, finished)
        if end is None and problem is None and self._too_long(buffer[position:]):
            problem = f"a record longer than {self._limits.line_bytes:,} bytes"
        if end is not None and end - position > self._limits.line_bytes + 2:
            end, problem = None, f"a record longer than {self._limits.line_bytes:,} bytes"
        if end is None and problem is not None:
            end = self._line_end(buffer, position, finished)
        return None if end is None else (end, columns, problem)

    @staticmethod
    def _line_end(buffer: bytes, position: int, finished: bool) -> int | None:
        found = buffer.find(b"\n", position)
        if found >= 0:
            return found + 1
        return len(buffer) if finished else None

    def _split(
        self, buffer: bytes, position: int, finished: bool
    ) -> tuple[int | None, tuple[str, ...] | None, str | None]:
        """(end of the record, its columns, problem). All None: more bytes are needed."""
        start, size = position, len(buffer)
        if start == 0 and self.track.offset == 0 and buffer.startswith(BOM):
            position += len(BOM)
        values: list[bytes] = []
        while True:
            if position < size and buffer[position] == 0x22:
                match = self._QUOTED.match(buffer, position)
                if match is None:
                    return (None, None, "a quote is opened and never closed" if finished else None)
                values.append(match[1].replace(b'""', b'"'))
            else:
                match = self._PLAIN.match(buffer, position)
                assert match is not None  # the pattern matches the empty text
                values.append(match[0])
            position = match.end()
            follower = buffer[position : position + 2]
            if not follower:
                if not finished:
                    return None, None, None
                break
            if follower[:1] == b",":
                position += 1
            elif follower[:1] == b"\n":
                position += 1
                break
            elif follower == b"\r\n":
                position += 2
                break
            elif follower == b"\r" and not finished:
                return None, None, None
            else:
                return None, None, "not a CSV record: a quote or carriage return where a comma was expected"
        try:
            return position, tuple(value.decode() for value in values), None
        except UnicodeDecodeError:
            return position, None, "not valid UTF-8"
