"""`make bench`: run the benchmarks, each case in a process of its own, and write bench/results/."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from subprocess import CalledProcessError

from bench.child import in_own_process
from bench.frame import GAVE_UP, Benchmark, Measurement
from bench.registry import NAMES, load
from bench.report import Section, write_report
from tokencost_pipeline.errors import UserError

RESULTS = Path(__file__).parent / "results"


def measure(name: str, sizes: Sequence[int] = ()) -> Section:
    """Run one benchmark at its own sizes, or at others."""
    benchmark = load(name)
    found: list[Measurement] = []
    for events in sizes or benchmark.sizes:
        folder = Path(tempfile.mkdtemp(prefix="tokencost-bench-"))
        try:
            print(f"{name}: {events:,} events", file=sys.stderr)
            in_own_process(name, events, folder, None)
            for case in benchmark.cases(events):
                for it in of_case(benchmark, events, folder, case):
                    found.append(it)
                    print(
                        f"  {it.case}, {it.step}: {it.cpu_seconds:.2f} s CPU, {it.wall_seconds:.2f} s wall,"
                        f" {it.peak_mb} MiB",
                        file=sys.stderr,
                    )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return Section(name, benchmark.title, benchmark.shown(found), benchmark.findings(found))


def of_case(benchmark: Benchmark, events: int, folder: Path, case: str) -> list[Measurement]:
    """What a case took, or that it gave up."""
    try:
        return in_own_process(benchmark.name, events, folder, case)
    except CalledProcessError as error:
        found = given_up(benchmark, case, events, error)
        if not found:
            raise
        return found


def given_up(benchmark: Benchmark, case: str, events: int, error: CalledProcessError) -> list[Measurement]:
    """That a case was killed, where that may be; nothing when it failed in another way, which is no result."""
    if error.returncode >= 0 or not benchmark.may_give_up(case):
        return []
    return [Measurement(case, events, GAVE_UP, events, 0, 0, 0, facts={"signal": -error.returncode})]


def sizes_asked_for(text: str) -> list[int]:
    """`1000000` or `1_000_000,10_000_000`. Raises UserError for anything else."""
    try:
        sizes = [int(part) for part in text.replace(" ", "").split(",") if part]
    except ValueError:
        sizes = [0]
    if any(size < 1 for size in sizes):
        raise UserError(
            f"BENCH_EVENTS is {text!r}", hint="write numbers of events: BENCH_EVENTS=1000000,10000000"
        )
    return sizes


def main() -> None:
    try:
        names = [name for name in os.environ.get("BENCH_ONLY", "").replace(" ", "").split(",") if name]
        sizes = sizes_asked_for(os.environ.get("BENCH_EVENTS", ""))
        for name in names or NAMES:
            # One by one, so that what is measured already survives a benchmark that fails.
            path = write_report(RESULTS, [measure(name, sizes)])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    main()
