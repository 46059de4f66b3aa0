"""A `.json` file: one JSON value, written over however many lines, or one object a line after all.

| the file | is read as |
|---|---|
| its first line is a whole JSON object or array with its line end | lines, as `.jsonl` is, and read on when it grows |
| one JSON object or array | one document, complete because it parses |
| what may still become one (it is being written) | nothing yet: left for the next run |
| anything else, too many bytes or too many values (`limits`) | refused as a file: one quarantined line, number 0 |

A document has no place to read on from: with other bytes it is another generation, read from its start, and the
deduplication absorbs what was in it before (`scan` asks `reads_on`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import orjson

from tokencost_pipeline.ingest.identity import WINDOW, read_exactly
from tokencost_pipeline.ingest.limits import MAX_DOCUMENT_VALUES
from tokencost_pipeline.ingest.reader import BOM, LineSplitter, Record

AS_LINES = ("ndjson",)
"""What the ledger keeps as the header of a `.json` file that turned out to hold lines."""

_SPACE = b" \t\r\n"
_TORN = "unexpected end of data"  # orjson's words for a document that is right so far
_TORN_CHARACTER = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")


def reads_on(file_format: str, header: tuple[str, ...] | None) -> bool:
    """Whether a file of this format that has grown is read on from where reading stopped."""
    return not file_format.startswith("document") or header == AS_LINES


def may_become_valid(data: bytes) -> bool:
    """Whether bytes that are no JSON document are the start of an object or array.

    orjson names the end of the input as the mistake if that is all there is, but for a character of which the last
    bytes are missing: that is cut off first.
    """
    start = data.removeprefix(BOM).lstrip(_SPACE)
    if not start:
        return True
    if start[:1] not in (b"{", b"["):
        return BOM.startswith(data)
    return _problem(_TORN_CHARACTER.sub(b"", start)).startswith(_TORN)


class DocumentSplitter(LineSplitter):
    """One record a file, or one a line: see the table above."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.as_lines = self.track.offset > 0 or self._begins_with_a_whole_line()

    def records(self) -> Iterator[Record]:
        if self.as_lines:
            yield from super().records()
        elif self.failure is None:
            yield from self._document()

    def _begins_with_a_whole_line(self) -> bool:
        try:
            start = read_exactly(self._stream, min(self._limits.line_bytes, self._left))
            self._stream.seek(0)
        except OSError as error:
            self.failure = error.strerror or type(error).__name__
            return False
        line, line_end, _ = start.removeprefix(BOM).lstrip(_SPACE).partition(b"\n")
        return line_end != b"" and line[:1] in (b"{", b"[") and not _problem(line)

    def _document(self) -> Iterator[Record]:
        size = self._left
        if size > self._limits.document_bytes:
            problem = f"one JSON document of {size:,} bytes; at most {self._limits.document_bytes:,} are read"
            yield from self._refused(problem)
            return
        raw = b"".join(iter(self._read, b""))
        if self.failure or len(raw) < size:
            return  # cut while it was read: the next run sees what it has become
        data = raw.removeprefix(BOM)
        problem = _problem_of_document(data)
        if problem and not self._complete_last and may_become_valid(raw):
            return
        offset, data = len(raw) - len(data), data.rstrip(b"\r\n")
        sha256 = hashlib.sha256(data).hexdigest()
        values = sum(data.count(mark) for mark in (b",", b"[", b"{"))
        if not problem and values > MAX_DOCUMENT_VALUES:
            # a value of two bytes takes a hundred once it is parsed
            yield Record(
                0, 0, sha256, None, None, f"a JSON document of more than {MAX_DOCUMENT_VALUES:,} values"
            )
        elif problem:
            yield Record(0, 0, sha256, None, None, f"not one JSON document: {problem}")
        else:
            yield Record(1, offset, sha256, data)
        self.next_line += raw.count(b"\n")
        self.track.consume(raw)

    def _refused(self, problem: str) -> Iterator[Record]:
        digest, first, last, length = hashlib.sha256(), b"", b"", 0
        while chunk := self._read():
            digest.update(chunk)
            first, last = (first + chunk)[:WINDOW], (last + chunk)[-WINDOW:]
            length += len(chunk)
        if self.failure is None:
            yield Record(0, 0, digest.hexdigest(), None, None, problem)
            self.track.consume_outline(first, last, length)


def _problem_of_document(data: bytes) -> str:
    start = data.lstrip(_SPACE)
    if not start:
        return "it is blank"
    return _problem(data) if start[:1] in (b"{", b"[") else "it is neither an object nor an array"


def _problem(data: bytes) -> str:
    """What is wrong with `data` as JSON, '' when nothing is."""
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return f"{error.msg} (byte {error.pos + 1})"
    return ""
