"""Has this event been seen? Asked once for every event, over all batches ever landed.

Same event_id and same mapped content: a duplicate. Same event_id and other content: a conflict, the first
one stays. What is known of an event is some 26 bytes in `landing/seen/`, in runs whose sizes grow like powers of
two up to FULL: a new run takes in its smaller neighbours, so there are few, and each mark is written again a
dozen times at most. The manifest names the runs in force. They are derived from what has landed: should one
be missing or damaged, all are made anew (`seen_index`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tokencost_pipeline.atomic import sync_directory
from tokencost_pipeline.ingest.content import Marks
from tokencost_pipeline.ingest.crash import crash_point
from tokencost_pipeline.ingest.manifest import SEEN, RunEntry
from tokencost_pipeline.ingest.seen_runs import Run, find, merged, sorted_marks, write_run

FULL = 1 << 21
"""Events of a run that is merged no more: what one hour may cost when its marks meet the largest run."""

VERDICTS = ("event", "duplicate", "conflict")
NEW, DUPLICATE, CONFLICT = range(len(VERDICTS))
Verdicts = NDArray[np.int8]


class SeenEvents:
    """What is known of earlier events: the runs of the manifest, and what this run of the ingest adds."""

    def __init__(
        self, landing_dir: Path, entries: Iterable[RunEntry], staging: Path, *, full: int = FULL
    ) -> None:
        """`staging` holds what does not fit into memory; `full` is for tests."""
        self._landing = landing_dir
        self._staging = staging
        self._full = full
        self._spilled = 0
        self._runs = [Run(entry.rows, path=landing_dir / entry.file) for entry in entries]

    def classify(self, marks: Marks, order: NDArray[np.int64] | None = None) -> Verdicts:
        """NEW, DUPLICATE or CONFLICT for each event. `order` ranks them where that is not their order here: the
        first of a key is the one that counts. New ones are known from then on. Raises DamagedRun."""
        if not len(marks):
            return np.zeros(0, np.int8)
        by_key = np.argsort(marks.high)
        high = marks.high[by_key]
        if (high[1:] == high[:-1]).any():
            rank = np.arange(len(marks)) if order is None else order
            by_key = np.lexsort((rank, marks.low, marks.high))
            high = marks.high[by_key]
        low, content = marks.low[by_key], marks.content[by_key]
        is_first = np.ones(len(marks), np.bool_)
        is_first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
        known, valid = self._known(high[is_first], low[is_first])
        self._add(Marks(high[is_first], low[is_first], content[is_first]).take(np.flatnonzero(~known)))
        # what each key stands for: the content that was known before, else that of its first event here
        valid = np.where(known, valid, content[is_first])
        group = np.cumsum(is_first) - 1
        sorted_verdicts = np.where(content == valid[group], DUPLICATE, CONFLICT).astype(np.int8)
        sorted_verdicts[np.flatnonzero(is_first)[~known]] = NEW
        verdicts = np.empty(len(marks), np.int8)
        verdicts[by_key] = sorted_verdicts
        return verdicts

    def look(self, marks: Marks) -> Verdicts:
        """`classify` for events that are not to be known afterwards: each against what was known before."""
        known, content = self._known(marks.high, marks.low)
        return np.where(known, np.where(content == marks.content, DUPLICATE, CONFLICT), NEW).astype(np.int8)

    def check(self) -> None:
        """Raises DamagedRun when a run of the manifest is not there, or not as long as it should be."""
        for run in self._runs:
            run.open()

    def learn(self, marks: Marks) -> None:
        """Take in marks of events that have landed, all of them different: for making the index anew."""
        self._add(sorted_marks(marks))

    def finish(self, seq: int) -> tuple[RunEntry, ...]:
        """Put all runs into `landing/seen/`, durable, and return them for the manifest. They are in force once it
        names them. `seq` is the batch's number."""
        folder = self._landing / SEEN
        entries, written = [], False
        for number, run in enumerate(self._runs):
            place = run.path
            if place is None or place.parent != folder:
                if not folder.exists():
                    folder.mkdir(parents=True)
                    sync_directory(self._landing)
                place = folder / f"{seq:08d}-{number}.run"
                write_run(run, place)
                crash_point("mid_index")
                written = True
            entries.append(RunEntry(f"{SEEN}/{place.name}", run.rows))
        if written:
            sync_directory(folder)
        return tuple(entries)

    def _known(
        self, high: NDArray[np.uint64], low: NDArray[np.uint64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.uint64]]:
        known = np.zeros(len(high), np.bool_)
        content = np.zeros(len(high), np.uint64)
        for run in self._runs:
            found, there = find(run, high, low)
            known[found] = True
            content[found] = there
        return known, content

    def _add(self, marks: Marks) -> None:
        """`marks` are sorted by key."""
        if not len(marks):
            return
        group = [Run(len(marks), marks)]
        rows = len(marks)
        while self._runs and self._runs[-1].rows < self._full and self._runs[-1].rows <= 2 * rows:
            group.append(self._runs.pop())
            rows += group[-1].rows
        run = merged(group) if len(group) > 1 else group[0]
        self._runs.append(self._spill(run) if run.rows >= self._full else run)

    def _spill(self, run: Run) -> Run:
        self._spilled += 1
        self._staging.mkdir(parents=True, exist_ok=True)
        return write_run(run, self._staging / f"{self._spilled}.run")
