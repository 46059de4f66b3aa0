"""`tokencost run` when nothing is new: what a schedule pays every hour. As a process of its own, Dagster and all.

The size is the number of events that the warehouse holds already. With the instant called now as it was, nothing at all
has to be made; with the clock of an hourly schedule, what depends on the clock is built and every page says another
time. Whose seconds they are is told by a case each, which look at the running program every few milliseconds
(`shares.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.events import Traffic, write_jsonl
from bench.frame import Benchmark, Measurement, Meter
from bench.installation import AS_OF, environment, installation
from tokencost_pipeline.settings import PROJECT_ROOT

RUN, SHARES = "tokencost run, nothing new", "whose work"
LATER, LATER_SHARES = "tokencost run, nothing new but the time", "whose work, nothing new but the time"
RUN_STEP, LATER_STEP, SHARES_STEP = "run", "run, the clock moved", "run, looked at"
COMMAND = [sys.executable, "-W", "ignore", "-m"]
TARGET = 8.0


def prepare(folder: Path, events: int) -> None:
    """Live through the first run, and a second after which nothing is new to it either."""
    settings = installation(folder)
    write_jsonl(settings.raw_dir / "events" / "a.jsonl", Traffic(events))
    for _ in range(2):
        tokencost(folder, "tokencost_pipeline.cli", "run")


def tokencost(folder: Path, module: str, *arguments: str, as_of: str = AS_OF) -> str:
    done = subprocess.run(
        [*COMMAND, module, *arguments],
        env={**environment(installation(folder)), "TOKENCOST_AS_OF": as_of},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{arguments} failed: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    return done.stdout


def run(case: str, folder: Path, events: int, meter: Meter) -> None:
    as_of = "now" if case in {LATER, LATER_SHARES} else AS_OF
    if case in {RUN, LATER}:

        def quiet() -> str:
            summary = json.loads(tokencost(folder, "tokencost_pipeline.cli", "run", "--json", as_of=as_of))
            if (summary["new_rows"], summary["attempts"]) != (0, Traffic(events).events):
                raise AssertionError(f"this run was not quiet: {summary}")
            return f"{summary['attempts']:,} attempts"

        meter.rounds(RUN_STEP if case == RUN else LATER_STEP, quiet, rows=1)
        return
    answer = folder / "shares.json"
    with meter.step(SHARES_STEP, rows=1) as facts:
        tokencost(folder, "bench.shares", str(answer), "run", "--json", as_of=as_of)
    seen = json.loads(answer.read_text("utf-8"))
    whole = sum(seen["looks"].values())
    facts |= {name: f"{looks / whole:.0%}" for name, looks in seen["looks"].items()}
    facts["places"] = "; ".join(
        f"{place} {looks / whole:.0%}" for place, looks in list(seen["places"].items())[:12] if place
    )


def findings(measurements: Sequence[Measurement]) -> list[str]:
    told = []
    for it in measurements:
        if it.step == RUN_STEP:
            told.append(
                f"A run with nothing new over {it.events:,} events takes {it.cpu_seconds:.1f} s CPU"
                f" (target: {TARGET:.0f}),"
                f" {it.wall_seconds:.1f} s by the clock, peak {it.peak_mb} MiB."
            )
        elif it.step == LATER_STEP:
            told.append(
                f"With a clock that moved on since: {it.cpu_seconds:.1f} s CPU, peak {it.peak_mb} MiB."
            )
        else:
            shares = ", ".join(f"{name} {value}" for name, value in it.facts.items() if name != "places")
            told.append(f"Of that: {shares}.")
    return told


BENCHMARK = Benchmark(
    name="quiet",
    title="Quiet: a run with nothing new",
    sizes=(100_000,),
    cases=lambda events: [RUN, SHARES, LATER, LATER_SHARES],
    run=run,
    prepare=prepare,
    findings=findings,
)
