"""Whose work is a run? `python -m bench.shares ANSWER ARGUMENT…` runs `tokencost ARGUMENT…` and looks where it is.

A look every 5 ms of processor time, of all threads: a few per cent of overhead, unlike a profiler that counts calls.
A moment belongs to the innermost of our, Dagster's and dbt's code that is on the stack: SQL to who asked for it, a
library that Dagster imports to Dagster.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY = 0.005
IMPORTING, OTHER, LIBRARIES = "importing", "other", "the rest"
OWNERS = {
    "dagster": "Dagster",
    "dagster_dbt": "Dagster",
    "dagster_shared": "Dagster",
    "dbt": "dbt",
    "tokencost_pipeline": "ours",
}
IDLE = ("threading.py", "selectors.py", "queue.py", "thread.py", "process.py")

looks: Counter[str] = Counter()
places: Counter[str] = Counter()


def look(_signal: int, frame: FrameType | None) -> None:
    """Count this moment for whoever is at work: this thread, or another one while this one waits."""
    working = frame
    if frame is not None and Path(frame.f_code.co_filename).name in IDLE:
        others = [it for it in sys._current_frames().values() if Path(it.f_code.co_filename).name not in IDLE]
        working = next((it for it in others if it.f_code is not look.__code__), frame)
    whose, place = owner(working)
    looks[whose] += 1
    places[place] += 1


def owner(frame: FrameType | None) -> tuple[str, str]:
    """Whose moment this is, and our own function or the package it was spent in.

    A module that we import counts as imported; what one of our own modules does while it is imported counts as work.
    """
    whose = place = outermost = ""
    importing = False
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        outermost = name.split(".")[0]
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            importing = importing or not place
        elif outermost in OWNERS:
            whose = whose or OWNERS[outermost]
            if outermost == "tokencost_pipeline" and not place:
                place = f"{name.removeprefix('tokencost_pipeline.')}.{frame.f_code.co_name}"
        frame = frame.f_back
    whose = whose or OTHER
    if importing:
        whose = f"{IMPORTING} {LIBRARIES if whose in {'ours', OTHER} else whose}"
    return whose, place or outermost


def main() -> None:
    answer, *arguments = sys.argv[1:]
    started = time.process_time()
    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    sys.argv = ["tokencost", *arguments]
    try:
        from tokencost_pipeline.cli import main as tokencost

        tokencost()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        seconds = time.process_time() - started
        told = {
            "seconds": seconds,
            "before": started,
            "looks": dict(looks.most_common()),
            "places": dict(places.most_common(25)),
        }
        Path(answer).write_text(json.dumps(told, indent=1), "utf-8")


if __name__ == "__main__":
    main()
