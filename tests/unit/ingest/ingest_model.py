"""A model of the ingest, written from its documents and not from its code: what has to be landed, row by row.

It looks at the same folder and keeps whole contents where the ingest keeps hashes. The rules it takes as given:

- A candidate goes on where an entry of the ledger stopped if it still begins with all that was read of that entry
  (packed: if it is byte for byte what was read). Entries are matched by path, then by device and inode, then by
  content; in each round the candidates come by path and the newest entry is asked first; no entry serves twice.
- A reused inode therefore never joins two files by itself: the content has to agree as well. Where it does, going on
  and reading anew differ in what is counted (duplicates), never in what is landed.
- The ledger learns of a rename with the next batch, not before.
- A file of which no complete line was read is not in the ledger. An empty plain file is not looked at.
- Files of one run are read by path. The first content of an event id stays; the same later is a duplicate, other
  content is a conflict.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from tokencost_pipeline.ingest.manifest import Counters

BOM = b"\xef\xbb\xbf"
SPACE = b" \t\r\n"


@dataclass(frozen=True)
class Event:
    """What a good line says; two lines say the same when these are equal."""

    event_id: str
    occurred_at: datetime
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal | None
    feature: str | None


@dataclass(frozen=True)
class Place:
    """Where a line was read. A generation is named by the path it was first read under, and its number."""

    path: str
    first_path: str
    generation: int
    line_no: int
    byte_offset: int


@dataclass(frozen=True)
class Entry:
    """A file generation in the ledger. `content` is all that was read of it (its packed bytes)."""

    path: str
    first_path: str
    generation: int
    inode: tuple[int, int]
    content: bytes
    next_line: int
    counters: Counters

    @property
    def packed(self) -> bool:
        return self.first_path.endswith(".gz")


@dataclass(frozen=True)
class Ran:
    """What the report of a run has to say."""

    total: Counters = field(default_factory=Counters)
    bytes_read: int = 0
    pending_bytes: int = 0
    new_files: int = 0


@dataclass(frozen=True)
class World:
    """All that is committed. Entries oldest first."""

    entries: tuple[Entry, ...] = ()
    events: dict[str, tuple[Event, Place]] = field(default_factory=dict)
    conflicts: tuple[tuple[str, Place, str], ...] = ()  # event_id, place, SHA-256 of the line
    quarantine: tuple[tuple[Place, str], ...] = ()


@dataclass(frozen=True)
class _File:
    path: str
    inode: tuple[int, int]
    content: bytes

    @property
    def packed(self) -> bool:
        return self.path.endswith(".gz")

    def goes_on(self, entry: Entry) -> bool:
        if self.packed != entry.packed:
            return False
        return self.content == entry.content if self.packed else self.content.startswith(entry.content)


class Model:
    """Knows the lines that were written (`vocabulary`, by their bytes without space around them; None: to be refused)
    and the bound of a line."""

    def __init__(self, raw: Path, line_bytes: int) -> None:
        self.vocabulary: dict[bytes, Event | None] = {}
        self._raw = raw
        self._line_bytes = line_bytes

    def after_run(self, world: World) -> tuple[World, Ran]:
        """The world once a run over the folder as it is now has come to its end."""
        files = [self._look(path) for path in sorted(self._candidates())]
        matched = _match(files, world.entries)
        writer = _Writer(world)
        for file in files:
            entry = matched.get(file.path)
            if not file.content and not file.packed:
                continue
            if entry is not None and len(entry.content) == len(file.content):
                continue
            number = entry.generation if entry else _next_generation(file.path, world.entries)
            start = entry or Entry(file.path, file.path, number, file.inode, b"", 1, Counters())
            writer.read(replace(start, path=file.path, inode=file.inode), file, self)
        moved = {
            (entry.first_path, entry.generation): replace(entry, path=path, inode=file.inode)
            for path, entry in matched.items()
            for file in files
            if file.path == path
        }
        return writer.finish(moved)

    def verdict(self, line: bytes) -> Event | str:
        """The event a line is, or 'blank' or 'bad'. `line` is without its line end."""
        if len(line) > self._line_bytes:
            return "bad"
        text = line.strip(SPACE)
        if not text:
            return "blank"
        if text not in self.vocabulary:
            assert not _is_an_object(text), text
        return self.vocabulary.get(text) or "bad"

    def _candidates(self) -> Iterator[str]:
        for place in self._raw.rglob("*"):
            if place.is_file() and place.name.endswith((".jsonl", ".jsonl.gz")):
                yield place.relative_to(self._raw).as_posix()

    def _look(self, path: str) -> _File:
        place = self._raw / path
        facts = place.stat()
        return _File(path, (facts.st_dev, facts.st_ino), place.read_bytes())


class _Writer:
    """A world being written."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._events = dict(world.events)
        self._conflicts = list(world.conflicts)
        self._quarantine = list(world.quarantine)
        self._read: dict[tuple[str, int], Entry] = {}
        self._ran = Ran()

    def read(self, entry: Entry, file: _File, model: Model) -> None:
        """The new lines of one file."""
        start, generation = len(entry.content), (entry.first_path, entry.generation)
        became: dict[str, int] = {}
        data, problem = unpacked(file.content) if file.packed else (file.content[start:], False)
        end = start
        if problem:
            self._quarantine.append((_place(entry, 0, 0), hashlib.sha256(file.content).hexdigest()))
            became = {"quarantined": 1}
        for line, offset in complete_lines(data, last=file.packed):
            whole = line
            end += len(line) + 1
            line = line.removesuffix(b"\r")
            if start + offset == 0 and line.startswith(BOM) and len(line) <= model._line_bytes:
                line, offset = line[len(BOM) :], offset + len(BOM)
            place = _place(entry, entry.next_line, (0 if file.packed else start) + offset)
            kind = self._take(model.verdict(line), place, hashlib.sha256(line).hexdigest())
            became[kind] = became.get(kind, 0) + 1
            entry = replace(entry, next_line=entry.next_line + whole.count(b"\n") + 1)
        if file.packed:
            end = len(file.content)
        counters = Counters(lines=sum(became.values()), **became)
        ran = self._ran
        self._ran = Ran(
            ran.total + counters,
            ran.bytes_read + end - start,
            ran.pending_bytes + len(file.content) - end,
            ran.new_files + (start == 0 and end > 0),
        )
        if became:
            self._read[generation] = replace(
                entry, content=file.content[:end], counters=entry.counters + counters
            )

    def _take(self, verdict: Event | str, place: Place, sha256: str) -> str:
        if verdict == "blank":
            return "ignored"
        if not isinstance(verdict, Event):
            self._quarantine.append((place, sha256))
            return "quarantined"
        if verdict.event_id not in self._events:
            self._events[verdict.event_id] = (verdict, place)
            return "events"
        if self._events[verdict.event_id][0] == verdict:
            return "duplicates"
        self._conflicts.append((verdict.event_id, place, sha256))
        return "conflicts"

    def finish(self, moved: dict[tuple[str, int], Entry]) -> tuple[World, Ran]:
        if not self._read:
            return self._world, self._ran
        known = {(entry.first_path, entry.generation): entry for entry in self._world.entries}
        entries = tuple((known | moved | self._read).values())
        return World(entries, self._events, tuple(self._conflicts), tuple(self._quarantine)), self._ran


def _match(files: list[_File], entries: tuple[Entry, ...]) -> dict[str, Entry]:
    matched: dict[str, Entry] = {}
    free = list(reversed(entries))
    for same in (
        lambda file, entry: file.path == entry.path,
        lambda file, entry: file.inode == entry.inode,
        lambda file, entry: True,
    ):
        for file in files:
            fitting = [entry for entry in free if same(file, entry) and file.goes_on(entry)]
            if file.path not in matched and fitting:
                matched[file.path] = fitting[0]
                free.remove(fitting[0])
    return matched


def _next_generation(path: str, entries: tuple[Entry, ...]) -> int:
    return 1 + max((entry.generation for entry in entries if entry.first_path == path), default=0)


def _place(entry: Entry, line_no: int, offset: int) -> Place:
    return Place(entry.path, entry.first_path, entry.generation, line_no, offset)


def complete_lines(data: bytes, *, last: bool) -> Iterator[tuple[bytes, int]]:
    """(line without LF, its offset). `last`: what stands behind the last LF is a line too."""
    *whole, rest = data.split(b"\n")
    offset = 0
    for line in whole:
        yield line, offset
        offset += len(line) + 1
    if last and rest:
        yield rest, offset


def unpacked(packed: bytes) -> tuple[bytes, bool]:
    """(content, whether the file is broken): a broken one has no content."""
    try:
        if not packed:
            return b"", True
        return gzip.decompress(packed), False
    except (OSError, EOFError, zlib.error):
        return b"", True


def _is_an_object(text: bytes) -> bool:
    """Guards the model: what was never written whole, halves of lines, must be broken beyond doubt."""
    try:
        return isinstance(json.loads(text.decode()), dict)
    except (ValueError, RecursionError):
        return False
