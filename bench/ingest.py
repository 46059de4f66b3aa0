"""The ingest: from raw bytes to a committed batch, beside the least that reading the same lines costs.

The floor is DuckDB's own typed `read_json` of the file into a table in memory: it gates nothing, keeps nothing and
forgets everything. The ingest checks each line, recognises repetitions and leaves Parquet behind. The other case is
one more hour on an empty landing zone and on one with a year of hours behind it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np

from bench.events import Traffic, write_jsonl
from bench.floor import COLUMNS
from bench.frame import Benchmark, Measurement, Meter
from tokencost_pipeline.ingest.content import Marks
from tokencost_pipeline.ingest.dedup import SeenEvents
from tokencost_pipeline.ingest.manifest import STAGING, Manifest, commit, read_manifest, with_batch
from tokencost_pipeline.ingest.run import IngestReport, ingest
from tokencost_pipeline.settings import Settings

LINES, HOUR = "events.jsonl", "hour.jsonl"
ONE_FILE, NEXT_HOUR = "one file", "one more hour"
FLOOR, INGEST = "typed read_json into a table in memory", "ingest"
FIRST_DAY, LAST_DAY = "an hour on day 1", "an hour on day 365"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
HOURS, DAYS = 8760, 365
HOUR_SHARE = 50  # an hour is so small a part of the benchmark's events
KNOWN_AT_MOST = 20_000_000  # marks of a year that are made up at most: 24 bytes each


def prepare(folder: Path, events: int) -> None:
    write_jsonl(folder / LINES, Traffic(events))
    write_jsonl(folder / HOUR, Traffic(max(1, events // HOUR_SHARE), seed=7))
    warm = folder / "warm"
    write_jsonl(warm / "raw" / "events" / "a.jsonl", Traffic(1000))


def run(case: str, folder: Path, events: int, meter: Meter) -> None:
    # what is imported and set up once in a process is not the work
    take_in(folder / "warm", folder / f"warmed {case}")
    if case == ONE_FILE:
        floor_and_ingest(folder, meter)
    else:
        next_hour(folder, meter, max(1, events // HOUR_SHARE))


def floor_and_ingest(folder: Path, meter: Meter) -> None:
    lines, expected = folder / LINES, Traffic(meter.events)
    columns = COLUMNS | {"computed_cost": "DECIMAL(38,15)", "cache_hit": "BOOLEAN"}

    def floor() -> None:
        with duckdb.connect(config={"threads": 2}) as connection:
            connection.read_json(str(lines), columns=columns, format="newline_delimited").create("lines")

    meter.rounds(FLOOR, floor)
    world = folder / "one file"
    (world / "raw" / "events").mkdir(parents=True)
    (world / "raw" / "events" / LINES).hardlink_to(lines)

    def whole() -> str:
        shutil.rmtree(folder / "landed", ignore_errors=True)
        total = take_in(world, folder / "landed").total
        assert (total.events, total.duplicates) == (expected.events, expected.duplicates), total
        size = sum(place.stat().st_size for place in (folder / "landed").rglob("*.parquet"))
        return f"{lines.stat().st_size:,} bytes read, {size:,} bytes landed"

    meter.rounds(INGEST, whole)


def next_hour(folder: Path, meter: Meter, hour: int) -> None:
    for name, hours in ((FIRST_DAY, 1), (LAST_DAY, HOURS)):
        world = folder / name
        settings = settings_of(world, world / "data")
        live_a_year(world, settings, hours, hour)
        taken: list[int] = []

        def one_more(settings: Settings = settings, world: Path = world, taken: list[int] = taken) -> None:
            # an hour of its own each time: the same events under other ids
            lines = (folder / HOUR).read_bytes().replace(b'"event_id":"', b'"event_id":"%d-' % len(taken))
            (world / "raw" / "events" / f"new{len(taken)}.jsonl").write_bytes(lines)
            taken.append(0)

        for _ in range(4):
            one_more()
            with meter.step(name, rows=hour) as facts:
                facts["events"] = ingest(settings, now=NOW).total.events
        meter.measurements[-4:] = [min(meter.measurements[-4:], key=lambda it: it.cpu_seconds)]


def live_a_year(world: Path, settings: Settings, hours: int, hour: int) -> None:
    """A landing zone with a batch for each hour, a raw file for each day that is read to its end, and marks of as many
    events in the index (of at most KNOWN_AT_MOST). Batches and files are those of one real hour, told again."""
    raw = world / "raw" / "events"
    for day in range(-(-hours // 24)):
        write_once(
            raw / f"day{day:03d}.jsonl", (world.parent / "warm" / "raw" / "events" / "a.jsonl").read_bytes()
        )
    ingest(settings, now=NOW)
    real = read_manifest(settings.landing_dir)
    batches = real.batches
    for seq in range(2, hours + 1):
        moment = NOW - timedelta(hours=HOURS - seq)
        batches = with_batch(batches, replace(real.batches[0], seq=seq, committed_at=moment))
        (settings.landing_dir / "batches" / f"{seq:08d}").mkdir()
    staging = settings.landing_dir / STAGING
    seen = SeenEvents(settings.landing_dir, real.seen or (), staging)
    dice = np.random.default_rng(1)
    left = min(KNOWN_AT_MOST, hours * hour)
    while left > 0:
        some = min(left, 1_000_000)
        words = dice.integers(0, 2**63, (3, some), np.uint64)
        seen.learn(Marks(words[0] * np.uint64(2), words[1], words[2]))
        left -= some
    commit(settings.landing_dir, Manifest(batches, real.files, seen.finish(hours)))
    time.sleep(2.5)  # until the raw files have settled, see `scan`


def write_once(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def take_in(world: Path, data: Path) -> IngestReport:
    return ingest(settings_of(world, data), now=NOW)


def settings_of(world: Path, data: Path) -> Settings:
    return Settings(raw_dir=world / "raw", data_dir=data)


def findings(measurements: Sequence[Measurement]) -> list[str]:
    by = {(it.events, it.step): it for it in measurements}
    said = []
    for (events, step), it in by.items():
        if step == INGEST:
            floor = by[events, FLOOR]
            size = int(str(it.facts["result"]).split()[0].replace(",", ""))
            said.append(
                f"{events:,} events: {it.cpu_seconds / floor.cpu_seconds:.2f} times the CPU of the floor;"
                f" {events / it.cpu_seconds:,.0f} events and {size / 1e6 / it.cpu_seconds:,.0f} MB per CPU second"
                f" ({events / it.wall_seconds:,.0f} and {size / 1e6 / it.wall_seconds:,.0f} by the clock),"
                f" peak {it.peak_mb} MiB."
            )
        if step == LAST_DAY:
            first = by[events, FIRST_DAY]
            said.append(
                f"One more hour of {it.rows:,} events costs {it.cpu_seconds / first.cpu_seconds:.2f} times the CPU with"
                f" {HOURS:,} batches and {DAYS} files behind it ({it.cpu_seconds * 1e3:.0f} ms,"
                f" {first.cpu_seconds * 1e3:.0f} ms on day 1)."
            )
    return said


BENCHMARK = Benchmark(
    name="ingest",
    title="The ingest: raw lines to a committed batch",
    sizes=(1_000_000,),
    cases=lambda events: [ONE_FILE, NEXT_HOUR],
    run=run,
    prepare=prepare,
    findings=findings,
)
