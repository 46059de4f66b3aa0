"""Days that the retention has closed: what is known is recognised, what comes too late is refused with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from ingest_lab import Lab, line

from tokencost_pipeline.ingest.closed import ArchivedRows, Retention
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.manifest import Counters, commit, sweep

CUT = datetime(2026, 11, 20, tzinfo=UTC)
REASON = "its day was closed by retention on 2026-11-25; its rollup stands"
BY_LINES = Limits(least_block_bytes=1 << 40)


def close(lab: Lab, removing: frozenset[str] = frozenset()) -> None:
    archive = {"agg_hourly": (ArchivedRows("closed/kept.parquet", 3),)}
    closed = Retention(CUT, date(2026, 11, 19), date(2026, 11, 25), archive, removing, removing)
    commit(lab.landing, replace(lab.manifest, retention=closed))


def old(number: int, **fields: object) -> str:
    return line(number, timestamp="2026-11-19T23:59:59.999999Z", **fields)


def test_the_manifest_keeps_what_was_closed(lab: Lab) -> None:
    close(lab, frozenset({"batches/00000001/events.parquet"}))
    before = lab.manifest.retention
    lab.put("events/a.jsonl", line(1))
    lab.run()
    assert lab.manifest.retention == before
    assert before is not None
    assert before.closed_before == CUT


@pytest.mark.parametrize("limits", [Limits(), BY_LINES], ids=["by columns", "by lines"])
def test_late_events_are_refused_and_known_ones_recognised(lab: Lab, limits: Limits) -> None:
    lab.put("events/first.jsonl", old(1) + old(2))
    lab.run(limits=limits)
    close(lab)
    text = "".join(old(number) if number % 7 == 0 else line(number) for number in range(100, 700))
    lab.put(
        "events/again.jsonl",
        old(1) + old(2, latency_ms=9) + line(50, timestamp="2026-11-20T00:00:00Z") + text,
    )
    report = lab.run(limits=limits)
    late = len(range(105, 700, 7))
    assert report.total == Counters(603, 601 - late, 1, 1, late, 0)
    refused = lab.rows("quarantine")
    assert {row["reason"] for row in refused} == {REASON}
    assert [row["line_no"] for row in refused] == [number - 100 + 4 for number in range(105, 700, 7)]
    assert json.loads(refused[0]["body"])["event_id"] == "e105"
    assert all(row["occurred_at"] >= CUT for row in lab.rows("events") if row["event_id"] not in {"e1", "e2"})


def test_a_late_event_that_comes_again_is_refused_again_and_never_a_duplicate(lab: Lab) -> None:
    close(lab)
    for name in ("a", "b"):
        lab.put(f"events/{name}.jsonl", old(1) + old(1))
        assert lab.run().total == Counters(2, 0, 0, 0, 2, 0)


def test_without_its_index_a_landing_zone_refuses_what_was_purged(lab: Lab) -> None:
    lab.put("events/a.jsonl", old(1))
    lab.run()
    lab.put("events/b.jsonl", line(2))
    lab.run()
    close(lab, frozenset({"batches/00000001/events.parquet"}))
    for run in (lab.landing / "seen").iterdir():
        run.unlink()
    lab.put("events/again.jsonl", old(1) + line(2))
    assert lab.run().total == Counters(2, 0, 1, 0, 1, 0)


def test_what_a_killed_retention_left_is_swept_and_nothing_else(lab: Lab) -> None:
    lab.put("events/a.jsonl", old(1) + "junk\n")
    lab.run()
    folder = lab.landing / "closed"
    folder.mkdir()
    for name in ("kept.parquet", "of a killed run.parquet"):
        (folder / name).touch()
    close(lab, frozenset({"batches/00000001/events.parquet", "batches/00000001/gone already.parquet"}))
    batch = lab.landing / "batches" / "00000001"
    assert (batch / "events.parquet").exists()

    assert sweep(lab.landing, lab.manifest) == ["events.parquet", "of a killed run.parquet"]

    assert sorted(path.name for path in batch.iterdir()) == ["files.parquet", "quarantine.parquet"]
    assert [path.name for path in folder.iterdir()] == ["kept.parquet"]
    assert sweep(lab.landing, lab.manifest) == []
    assert lab.manifest.table_files("events") == []
