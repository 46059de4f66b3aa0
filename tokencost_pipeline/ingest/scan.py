"""What lies in raw/, and which of it is new. Reads names, inodes and at most 8 KiB of a file."""

from __future__ import annotations

import os
import stat
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.document import reads_on
from tokencost_pipeline.ingest.identity import hash_of_head
from tokencost_pipeline.ingest.manifest import FileState
from tokencost_pipeline.ingest.sources import PACKED_SUFFIX, Source

_SETTLED_NS = 2 * 10**9
"""A file system's clock ticks some milliseconds apart: two changes within one tick have the same time."""

INVOICES = "invoices"
"""The one folder under raw/ that holds no events: see `invoices`."""


@dataclass(frozen=True)
class Candidate:
    """A raw file of a known source. `path` is relative to raw/, with '/' and printable; `where` opens it."""

    where: str
    path: str
    source: Source
    format: str
    dev: int
    inode: int
    size: int
    settled_ns: int = 0  # when its inode last changed, if that was long enough before the scan; else 0

    @property
    def place(self) -> Path:
        return Path(self.where)

    @property
    def packed(self) -> bool:
        return self.format.endswith(PACKED_SUFFIX)

    def may_continue(self, state: FileState) -> bool:
        return state.source == self.source.name and state.format == self.format


@dataclass(frozen=True)
class Found:
    """The contents of raw/."""

    candidates: tuple[Candidate, ...]
    unrecognised: tuple[str, ...]  # folders and files of no known format
    unreadable: tuple[tuple[str, str], ...]  # (path, reason) of folders that cannot be listed


@dataclass(frozen=True)
class Reading:
    """A file with bytes to read: on from `state`, or from its start as a new generation."""

    candidate: Candidate
    state: FileState | None

    @property
    def offset(self) -> int:
        return self.state.fingerprint.offset if self.state else 0


@dataclass
class Plan:
    """What to read, and where the files of the ledger are now."""

    readings: list[Reading] = field(default_factory=list)
    moved: list[tuple[FileState, Candidate]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)  # (path, reason)


def scan(raw_dir: Path, sources: dict[str, Source]) -> Found:
    """Every file under raw/, in the order of their paths. Hidden files and folders are passed over."""
    if not _is_folder(raw_dir):
        raise UserError(
            "the folder of raw logs does not exist",
            place=str(raw_dir),
            hint="create it, or point TOKENCOST_RAW_DIR at the folder that holds events/ and its like",
        )
    candidates: list[Candidate] = []
    unrecognised: list[str] = []
    unreadable: list[tuple[str, str]] = []
    root = os.fspath(raw_dir)
    try:
        top = _visible(root)
    except OSError as error:
        raise UserError("the folder of raw logs cannot be listed", place=str(raw_dir)) from error
    for where, is_folder in top:
        name = os.path.basename(where)  # noqa: PTH119 - a path for each of thousands of files costs more than the look
        if name == INVOICES and is_folder:
            continue
        source = sources.get(name)
        if source is None or not is_folder:
            unrecognised.append(printable(where, root))
            continue
        for file in files_below(where, root, unreadable):
            candidate = _candidate(file, root, source)
            if candidate is None:
                unrecognised.append(printable(file, root))
            else:
                candidates.append(candidate)
    candidates.sort(key=lambda candidate: candidate.path)
    return Found(tuple(candidates), tuple(sorted(unrecognised)), tuple(unreadable))


def plan(candidates: Iterable[Candidate], ledger: tuple[FileState, ...]) -> Plan:
    """Match files to the ledger: by path, then by inode, then by content. See `identity` for why."""
    result = Plan()
    free = {state.file_id: state for state in reversed(ledger)}  # newest generation first
    waiting = list(candidates)
    for key in (_by_path, _by_inode, _any):
        unmatched: list[Candidate] = []
        groups: defaultdict[object, list[FileState]] = defaultdict(list)
        for state in free.values():
            groups[key(state)].append(state)
        for candidate in waiting:
            likely = [
                known
                for known in groups[key(candidate)]
                if known.file_id in free and candidate.may_continue(known)
            ]
            try:
                found = _continued(candidate, likely)
            except OSError as error:
                result.unreadable.append((candidate.path, error.strerror or type(error).__name__))
                continue
            if found is None:
                unmatched.append(candidate)
                continue
            del free[found.file_id]
            result.moved.append((found, candidate))
            if candidate.size > found.fingerprint.offset:
                result.readings.append(Reading(candidate, found))
        waiting = unmatched
    result.readings += [
        Reading(candidate, None) for candidate in waiting if candidate.size or candidate.packed
    ]
    result.readings.sort(key=lambda reading: reading.candidate.path)
    return result


def next_generation(path: str, states: Iterable[FileState]) -> int:
    """One more than any generation that was ever first read under this path."""
    return 1 + max((state.generation for state in states if state.first_path == path), default=0)


def _continued(candidate: Candidate, states: list[FileState]) -> FileState | None:
    fitting = [state for state in states if _size_fits(candidate, state)]
    if not fitting:
        return None
    for state in fitting:
        if _is_untouched(candidate, state):
            return state
    heads: dict[int, str] = {}  # most entries have a head of the same length: it is read once
    with candidate.place.open("rb", buffering=0) as handle:
        for state in fitting:
            known = state.fingerprint
            if known.window not in heads:
                heads[known.window] = hash_of_head(handle, known.window)
            if heads[known.window] == known.head_sha256 and known.still_in(handle, candidate.size):
                return state
    return None


def _size_fits(candidate: Candidate, state: FileState) -> bool:
    # a gzip file or a document is read whole: with other bytes it is another file
    offset = state.fingerprint.offset
    whole = candidate.packed or not reads_on(candidate.format, state.header)
    return candidate.size == offset if whole else candidate.size >= offset


def _by_path(one: Candidate | FileState) -> object:
    return one.path


def _by_inode(one: Candidate | FileState) -> object:
    return one.dev, one.inode


def _any(one: Candidate | FileState) -> object:
    return None


def _is_untouched(candidate: Candidate, state: FileState) -> bool:
    """Whether nothing at all was done to the file since its bytes were compared: then they need not be again. The
    time at which an inode changed cannot be set back, unlike the time of a file's last write."""
    return (
        candidate.settled_ns != 0
        and (candidate.settled_ns, candidate.size) == (state.changed_ns, state.fingerprint.offset)
        and (candidate.path, candidate.dev, candidate.inode) == (state.path, state.dev, state.inode)
    )


def _candidate(where: str, root: str, source: Source) -> Candidate | None:
    path = printable(where, root)
    file_format = source.format_of(path[path.rfind("/") + 1 :])
    try:
        facts = os.stat(where)  # noqa: PTH116
    except OSError:
        return None  # a dangling link, or gone since it was listed
    if file_format is None or not stat.S_ISREG(facts.st_mode):
        return None
    settled = facts.st_ctime_ns if time.time_ns() - facts.st_ctime_ns > _SETTLED_NS else 0
    return Candidate(where, path, source, file_format, facts.st_dev, facts.st_ino, facts.st_size, settled)


def _is_folder(place: Path) -> bool:
    try:
        return stat.S_ISDIR(place.stat().st_mode)
    except OSError:
        return False  # a dangling link, or not ours to look at


def _visible(folder: str) -> list[tuple[str, bool]]:
    """(path, is it a folder or a link to one) of the entries, by name; without the hidden ones."""
    with os.scandir(folder) as entries:
        found = [(entry.path, _leads_to_folder(entry)) for entry in entries if entry.name[0] != "."]
    return sorted(found)


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # not ours to look at


def files_below(
    folder: str,
    root: str,
    unreadable: list[tuple[str, str]],
    above: frozenset[tuple[int, int]] = frozenset(),
) -> Iterator[str]:
    """Paths of the files below a folder, through links too; a link to a folder above is not followed again."""
    try:
        facts = os.stat(folder)  # noqa: PTH116
        entries = _visible(folder)
    except OSError as error:
        unreadable.append((printable(folder, root), error.strerror or type(error).__name__))
        return
    inside = above | {(facts.st_dev, facts.st_ino)}
    if len(inside) == len(above):
        return
    for where, is_folder in entries:
        if is_folder:
            yield from files_below(where, root, unreadable, inside)
        else:
            yield where


def printable(where: str, root: str) -> str:
    """The path below `root`, with '/', whatever bytes it is made of."""
    below = where[len(root) :].lstrip(os.sep)
    return os.fsencode(below.replace(os.sep, "/")).decode("utf-8", "backslashreplace")
