"""The ingest against a model of it: files live, rotate, tear and vanish, runs are killed, and nothing is lost or
counted twice.

`TOKENCOST_TEST_STEPS=100000` makes it run so many steps, and with another seed each time.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ingest_killer import Killer
from ingest_lab import NOW
from ingest_model import Event, Place, World
from live_files import LINE_BYTES, LiveFiles, seeds, some_lines

from tokencost_pipeline.ingest.crash import POINTS
from tokencost_pipeline.ingest.fast.parse import EventParser
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.reader import Lines
from tokencost_pipeline.ingest.run import ingest

STEPS = int(os.environ.get("TOKENCOST_TEST_STEPS", "2000"))
STEPS_EACH = 50  # more make the history longer and each look at it dearer
KILLS_EACH = 8  # or so: a kill costs as much as some tens of other steps

WAYS = {  # of cutting a file into pieces; the same rows whichever it is
    "line by line": Limits(LINE_BYTES, read_bytes=97, chunk_rows=5, least_block_bytes=10**9),
    "small blocks": Limits(LINE_BYTES, read_bytes=333, chunk_rows=5, least_block_bytes=1, block_bytes=333),
    "small chunks": Limits(LINE_BYTES, chunk_bytes=2_000, least_block_bytes=1, block_bytes=1_500),
    "large blocks": Limits(LINE_BYTES, least_block_bytes=1),
    "as shipped": Limits(LINE_BYTES),
}


class IngestedFiles(LiveFiles):
    """And runs between whatever happens to raw/."""

    did: ClassVar[Counter[str]] = Counter()
    killer: ClassVar[Killer]

    def __init__(self) -> None:
        super().__init__()
        self.did["steps"] -= 1  # the invariant is looked at before the first one too
        self.world = World()
        self.turns = 0
        self.kills = 0
        self.looked: object = None
        self.tables: dict[Path, list[dict[str, Any]]] = {}

    def teardown(self) -> None:
        try:
            self.finished_run("large blocks")
        finally:
            super().teardown()

    # ---- runs

    @invariant()
    def count(self) -> None:
        self.did["steps"] += 1

    def way(self, seed: int) -> str:
        """All ways in turn: chance alone would favour some."""
        self.turns += 1
        return sorted(WAYS)[(seed + self.turns) % len(WAYS)]

    @precondition(lambda self: self.looks() != self.looked)
    @rule(seed=seeds)
    def run(self, seed: int) -> None:
        self.finished_run(self.way(seed))

    @rule(seed=seeds, lines=some_lines)
    def write_and_run_twice(self, seed: int, lines: list[tuple[str, int, bool]]) -> None:
        self.append(self.name(seed), self.data(lines))
        self.finished_run(self.way(seed))
        before = self.manifest_bytes()
        again = ingest(self.lab.settings, now=NOW, limits=WAYS[self.way(seed)])
        assert (again.batch_seq, again.total.lines) == (None, 0)
        assert self.manifest_bytes() == before

    @precondition(lambda self: self.kills < KILLS_EACH)
    @rule(seed=seeds, lines=some_lines)
    def write_and_be_killed(self, seed: int, lines: list[tuple[str, int, bool]]) -> None:
        self.append(self.name(seed), self.data(lines))
        self.killed_run(seed)

    @precondition(lambda self: self.kills < KILLS_EACH)
    @rule(seed=seeds, lines=some_lines, times=st.integers(2, 3))
    def write_and_be_killed_again_and_again(
        self, seed: int, lines: list[tuple[str, int, bool]], times: int
    ) -> None:
        for time in range(times):
            self.append(self.name(seed), self.data(lines))
            self.killed_run(seed + time)

    def killed_run(self, seed: int) -> None:
        before, limits = self.manifest_bytes(), WAYS[self.way(seed)]
        point = POINTS[(seed + self.turns) % len(POINTS)]
        world, _ = self.model.after_run(self.world)
        death = self.killer.run(self.lab.raw, self.lab.settings.data_dir, NOW, limits, point)
        assert death.code in (0, -9), death.said
        self.kills += 1
        self.did["killed " + point if death.code else "not at that point"] += 1
        if self.manifest_bytes() != before or death.code == 0:
            self.world = world
        self.check_what_is_visible()

    def manifest_bytes(self) -> bytes:
        place = self.lab.landing / "manifest.json"
        return place.read_bytes() if place.exists() else b""

    def finished_run(self, way: str) -> None:
        self.did[way] += 1
        before, batches = self.world, len(self.lab.manifest.batches)
        self.world, ran = self.model.after_run(before)
        report = ingest(self.lab.settings, now=NOW, limits=WAYS[way])
        assert report.total == ran.total
        assert report.total.adds_up
        assert (report.bytes_read, report.pending_bytes) == (ran.bytes_read, ran.pending_bytes)
        assert (report.new_files, report.unreadable) == (ran.new_files, ())
        assert report.batch_seq == (None if self.world is before else batches + 1)
        self.check_what_is_visible()
        self.check_nothing_is_left_over()
        self.looked = self.looks()

    # ---- what has to hold

    def rows(self, table: str) -> list[dict[str, Any]]:
        """As `Lab.rows`, but a file that has landed is read once: it is never written again."""
        found = []
        for name in self.lab.manifest.table_files(table):
            place = self.lab.landing / name
            if place not in self.tables:
                self.tables[place] = pq.read_table(place).to_pylist()
            found += self.tables[place]
        return found

    def check_what_is_visible(self) -> None:
        world, manifest = self.world, self.lab.manifest
        assert [
            (
                s.path,
                s.first_path,
                s.generation,
                (s.dev, s.inode),
                s.fingerprint.offset,
                s.next_line,
                s.counters,
            )
            for s in manifest.files
        ] == [
            (e.path, e.first_path, e.generation, e.inode, len(e.content), e.next_line, e.counters)
            for e in world.entries
        ]
        generations = {state.file_id: (state.first_path, state.generation) for state in manifest.files}
        assert len(generations) == len(manifest.files)
        if manifest.batches:
            newest = pq.read_table(self.lab.landing / manifest.table_files("files")[-1]).to_pylist()
            assert [(row["file_id"], row["path"], row["lines"], row["events"]) for row in newest] == [
                (s.file_id, s.path, s.counters.lines, s.counters.events) for s in manifest.files
            ]

        def place(row: dict[str, Any]) -> Place:
            return Place(row["path"], *generations[row["file_id"]], row["line_no"], row["byte_offset"])

        events = self.rows("events")
        assert Counter((event(row), place(row)) for row in events) == Counter(world.events.values())
        good = [event for event, _ in world.events.values()]
        assert sum(row["prompt_tokens"] for row in events) == sum(event.prompt_tokens for event in good)
        assert sum(row["completion_tokens"] for row in events) == sum(
            event.completion_tokens for event in good
        )
        assert sum(row["reported_cost_usd"] or Decimal(0) for row in events) == sum(
            event.cost or Decimal(0) for event in good
        )
        assert Counter(
            (row["event_id"], place(row), row["body_sha256"]) for row in self.rows("conflicts")
        ) == Counter(world.conflicts)
        quarantine = self.rows("quarantine")
        assert Counter((place(row), row["body_sha256"]) for row in quarantine) == Counter(world.quarantine)
        assert all(row["reason"] for row in quarantine)

    def check_nothing_is_left_over(self) -> None:
        manifest = self.lab.manifest
        listed = {entry.file for batch in manifest.batches for entry in batch.tables.values()}
        listed |= {run.file for run in manifest.seen or ()}
        there = {
            str(path.relative_to(self.lab.landing)) for path in self.lab.landing.rglob("*") if path.is_file()
        }
        assert there - {"manifest.json"} == listed


def event(row: dict[str, Any]) -> Event:
    return Event(
        row["event_id"],
        row["occurred_at"],
        row["prompt_tokens"],
        row["completion_tokens"],
        row["reported_cost_usd"],
        row["feature"],
    )


def test_live_files_and_killed_runs_lose_nothing_and_count_nothing_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    did: Counter[str] = Counter()
    original = EventParser.parse

    def counted(self: EventParser, lines: Lines) -> Any:
        parsed = original(self, lines)
        did["lines read as columns"] += sum(len(read.columns.numbers) for read in parsed.reads)
        did["lines of blocks left to the gate"] += len(parsed.rest)
        return parsed

    monkeypatch.setattr(EventParser, "parse", counted)
    longer = "TOKENCOST_TEST_STEPS" in os.environ
    chosen = settings(
        max_examples=8,
        stateful_step_count=STEPS_EACH,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if longer else (Phase.generate,),  # shrinking takes minutes
    )
    first = random.SystemRandom().randrange(2**32) if longer else 4
    with Killer() as killer:
        IngestedFiles.did, IngestedFiles.killer = did, killer
        for number in itertools.count(first):
            run_state_machine_as_test(seed(number)(IngestedFiles), settings=chosen)
            if did["steps"] >= STEPS:
                break
    print(f"seeds {first} to {number}")
    print(dict(did))
    if not longer:
        assert {point for point in POINTS if did["killed " + point] < 5} == set()
        assert {way for way in WAYS if did[way] < 10} == set()
        assert min(did["lines read as columns"], did["lines of blocks left to the gate"]) > 200
