"""raw/ as gateways, log rotation and people treat it: one rule of a hypothesis state machine for each thing they do."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from ingest_lab import Lab
from ingest_lines import STYLES, new_event, other_content, refused, written
from ingest_model import Event, Model

LINE_BYTES = 700
KINDS = ("new", "new", "new", "duplicate", "conflict", "refused", "blank", "at the bound", "beyond it")
seeds = st.integers(0, 2**20)
some_lines = st.lists(st.tuples(st.sampled_from(KINDS), seeds, st.booleans()), min_size=1, max_size=6)


class LiveFiles(RuleBasedStateMachine):
    """Writes events to raw/ in every way. `model` learns what each line means."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.lab = Lab(self.root)
        self.folder = self.lab.raw / "events"
        self.folder.mkdir()
        self.model = Model(self.lab.raw, LINE_BYTES)
        self.known: list[Event] = []
        self.numbers = 0
        self.halves: dict[bytes, bytes] = {}  # what a torn line says -> what is missing of it

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    # ---- what is written

    def line(self, kind: str, seed: int) -> bytes:
        self.numbers += 1
        if kind == "blank":
            return (b"", b"  ", b"\t")[seed % 3]
        if kind == "refused":
            return self.note(refused(seed, self.numbers), None)
        if kind in ("duplicate", "conflict") and self.known:
            event = self.known[seed % len(self.known)]
            if kind == "conflict":
                event = other_content(event, seed)
            return self.note(written(event, seed % STYLES), event)
        event = new_event(self.numbers, seed)
        self.known.append(event)
        text = self.note(written(event, seed % STYLES), event)
        bound = {"at the bound": LINE_BYTES, "beyond it": LINE_BYTES + 1}.get(kind, 0)
        return text.ljust(bound)

    def note(self, text: bytes, event: Event | None) -> bytes:
        self.model.vocabulary[text.strip(b" \t")] = event
        return text

    def data(self, lines: list[tuple[str, int, bool]]) -> bytes:
        return b"".join(self.line(kind, seed) + (b"\r\n" if crlf else b"\n") for kind, seed, crlf in lines)

    # ---- where it is written

    def files(self, suffix: str = ".jsonl") -> list[Path]:
        return sorted(path for path in self.folder.rglob("*" + suffix) if path.is_file())

    def any_file(self, seed: int, suffix: str = ".jsonl") -> Path:
        files = self.files(suffix)
        return files[seed % len(files)]

    def name(self, seed: int, suffix: str = ".jsonl") -> Path:
        """One of a few names, so that they are used again."""
        place = self.folder / (("a", "b", "c", "sub/d", "e 1", "a.1")[seed % 6] + suffix)
        place.parent.mkdir(exist_ok=True)
        return place

    def free_name(self, seed: int, suffix: str = ".jsonl") -> Path:
        place = self.name(seed, suffix)
        place.unlink(missing_ok=True)
        return place

    def looks(self) -> object:
        facts = {path: path.stat() for path in self.files() + self.files(".jsonl.gz")}
        return {path: (fact.st_ino, fact.st_size, fact.st_mtime_ns) for path, fact in facts.items()}

    def has_files(self) -> bool:
        return bool(self.files())

    def append(self, place: Path, data: bytes) -> None:
        with place.open("ab") as handle:
            handle.write(data)

    @rule(seed=seeds, lines=some_lines, mark=st.booleans())
    def write_a_new_file(self, seed: int, lines: list[tuple[str, int, bool]], mark: bool) -> None:
        place = self.free_name(seed)
        place.write_bytes(
            (b"\xef\xbb\xbf" if mark and "bound" not in lines[0][0] else b"") + self.data(lines)
        )

    @precondition(has_files)
    @rule(seed=seeds, lines=some_lines)
    def append_lines(self, seed: int, lines: list[tuple[str, int, bool]]) -> None:
        self.append(self.any_file(seed), self.data(lines))

    @precondition(has_files)
    @rule(seed=seeds, count=st.integers(10, 60), style=st.integers(0, 3))
    def append_many_lines_alike(self, seed: int, count: int, style: int) -> None:
        kinds = ["new"] * count
        kinds[seed % count] = KINDS[seed % len(KINDS)]
        lines = [(kind, seed - seed % 12 + style + 12 * number, False) for number, kind in enumerate(kinds)]
        self.append(self.any_file(seed), self.data(lines))

    @precondition(has_files)
    @rule(seed=seeds, lines=some_lines, cut=seeds)
    def append_half_a_line(self, seed: int, lines: list[tuple[str, int, bool]], cut: int) -> None:
        place, data = self.any_file(seed), self.data(lines)
        end = data.rfind(b"\n", 0, -1) + 1
        middle = end + cut % (len(data) - end)
        self.append(place, data[:middle])
        self.halves[data[end:middle]] = data[middle:]

    def torn(self) -> list[tuple[Path, bytes]]:
        """Files that end with half a line, and what would make it whole."""
        ends = {path: path.read_bytes().rpartition(b"\n")[2] for path in self.files()}
        return [(path, self.halves[end]) for path, end in ends.items() if end and end in self.halves]

    @precondition(lambda self: self.torn())
    @rule(seed=seeds)
    def finish_the_half_line(self, seed: int) -> None:
        torn = self.torn()
        self.append(*torn[seed % len(torn)])

    # ---- what happens to it

    @precondition(has_files)
    @rule(seed=seeds, to=seeds, lines=some_lines)
    def rotate(self, seed: int, to: int, lines: list[tuple[str, int, bool]]) -> None:
        place = self.any_file(seed)
        place.rename(self.name(to))
        self.name(seed)  # its folder
        place.unlink(missing_ok=True)
        place.write_bytes(self.data(lines))

    @precondition(has_files)
    @rule(seed=seeds, to=seeds)
    def rename(self, seed: int, to: int) -> None:
        self.any_file(seed).rename(self.name(to))

    @precondition(has_files)
    @rule(seed=seeds, to=seeds, lines=some_lines, wait=st.booleans())
    def copy_and_truncate(self, seed: int, to: int, lines: list[tuple[str, int, bool]], wait: bool) -> None:
        place, data = self.any_file(seed), self.any_file(seed).read_bytes()
        copy = self.name(to)
        if copy.is_symlink() or (copy.exists() and copy.samefile(place)):
            return
        copy.write_bytes(data)
        place.write_bytes(b"" if wait else self.data(lines))

    @precondition(has_files)
    @rule(seed=seeds, at=seeds)
    def truncate(self, seed: int, at: int) -> None:
        place = self.any_file(seed)
        os.truncate(place, at % (place.stat().st_size + 1))

    @precondition(has_files)
    @rule(seed=seeds, lines=some_lines)
    def truncate_and_grow_past_the_offset(self, seed: int, lines: list[tuple[str, int, bool]]) -> None:
        place = self.any_file(seed)
        size = place.stat().st_size
        os.truncate(place, 0)
        while place.stat().st_size <= size:
            self.append(place, self.data(lines))

    @precondition(has_files)
    @rule(seed=seeds, lines=some_lines, same=st.booleans())
    def delete_and_recreate(self, seed: int, lines: list[tuple[str, int, bool]], same: bool) -> None:
        place = self.any_file(seed)
        data = place.read_bytes() if same else b""
        place.unlink()
        place.write_bytes(data + self.data(lines))

    @precondition(has_files)
    @rule(seed=seeds, to=seeds)
    def copy_under_another_name(self, seed: int, to: int) -> None:
        data = self.any_file(seed).read_bytes()
        self.free_name(to).write_bytes(data)

    @precondition(has_files)
    @rule(
        seed=seeds, to=seeds, how=st.sampled_from(["whole", "whole", "members", "torn", "garbage", "nothing"])
    )
    def pack_a_copy(self, seed: int, to: int, how: str) -> None:
        data = self.any_file(seed).read_bytes()
        packed = gzip.compress(data, mtime=0)
        if how == "members":
            packed = gzip.compress(data[: seed % (len(data) + 1)]) + gzip.compress(
                data[seed % (len(data) + 1) :]
            )
        packed = {"torn": packed[:-1], "garbage": packed + b"x", "nothing": b""}.get(how, packed)
        self.free_name(to, ".jsonl.gz").write_bytes(packed)

    @precondition(has_files)
    @rule(seed=seeds, to=seeds, hard=st.booleans())
    def link(self, seed: int, to: int, hard: bool) -> None:
        place, link = self.any_file(seed), self.name(to)
        if not os.path.lexists(link):
            link.hardlink_to(place) if hard else link.symlink_to(place)

    @precondition(has_files)
    @rule(seed=seeds)
    def delete(self, seed: int) -> None:
        self.any_file(seed).unlink()

    @precondition(lambda self: self.files(".jsonl.gz"))
    @rule(seed=seeds, to=seeds, gone=st.booleans())
    def move_a_packed_file(self, seed: int, to: int, gone: bool) -> None:
        place = self.any_file(seed, ".jsonl.gz")
        place.unlink() if gone else place.rename(self.name(to, ".jsonl.gz"))
