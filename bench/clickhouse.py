"""`python -m bench.clickhouse --events 1000000`: the same generated events through both engines, and every published
relation compared row for row: a first run, then late events and another price, then a second run with nothing new.

TOKENCOST_CLICKHOUSE_* name a server; without them the embedded engine is used. Databases have the prefix `…_bench`.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from bench.end_to_end import change_prices
from bench.engines import compare
from bench.events import Traffic, write_jsonl
from bench.installation import build, installation, land_the_rest, read_raw
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.clickhouse.connect import connect

LATE = 2000


def main() -> int:
    """0 when all relations were equal after every step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    events: int = parser.parse_args().events
    folder = Path(tempfile.mkdtemp(prefix="tokencost-clickhouse-"))
    try:
        return 0 if all(steps(folder, events)) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def steps(folder: Path, events: int) -> Iterator[bool]:
    duck = installation(folder)
    other = duck.model_copy(
        update={"target": "clickhouse", "clickhouse_database": f"{duck.clickhouse_database}_bench"}
    )
    forget(other)
    write_jsonl(folder / "all.jsonl", Traffic(events))
    lines = (folder / "all.jsonl").read_bytes().splitlines(keepends=True)
    every = max(2, len(lines) // LATE)
    late = lines[::every]
    target = duck.raw_dir / "events"
    (target / "first.jsonl").write_bytes(b"".join(line for n, line in enumerate(lines) if n % every))
    yield one_step("first run", duck, other)
    (target / "late.jsonl").write_bytes(b"".join(late) + a_retry(lines))
    change_prices(duck)
    yield one_step("late events, another price", duck, other)
    yield one_step("nothing new", duck, other)


def a_retry(lines: list[bytes]) -> bytes:
    """A first try of a request that was seen long ago."""
    record = orjson.loads(lines[1])
    return orjson.dumps({**record, "event_id": "late-try", "attempt": 1, "status": "failure"}) + b"\n"


def one_step(name: str, duck: Settings, other: Settings) -> bool:
    print(f"{name}:", flush=True)
    with measured("read and land"):
        read_raw(duck)
        land_the_rest(duck)
    for engine, settings in (("DuckDB", duck), ("ClickHouse", other)):
        with measured(f"build, {engine}"):
            build(settings)
    with measured("compare"):
        found = compare(duck, other)
    for relation, counts in found.items():
        verdict = "equal" if counts.equal else f"DIFFERENT {counts}"
        print(f"  {relation:28} {counts.rows:>10,} rows  {verdict}")
    return all(counts.equal for counts in found.values())


@contextmanager
def measured(what: str) -> Iterator[None]:
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"  {what}: {time.process_time() - cpu:.1f} s CPU, {time.perf_counter() - wall:.1f} s wall,"
        f" peak so far {peak} MiB",
        flush=True,
    )


def forget(settings: Settings) -> None:
    """Remove what an earlier comparison left on a server."""
    client = connect(settings)
    try:
        prefix = settings.clickhouse_database
        names = client.query(
            f"select name from system.databases where startsWith(name, '{prefix}')"
        ).result_rows
        for (name,) in names:
            client.command(f"drop database if exists {name} sync")
    finally:
        client.close()


if __name__ == "__main__":
    sys.exit(main())
