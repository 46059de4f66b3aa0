"""One step of work in a process of its own: `python -m bench.child NAME EVENTS FOLDER ANSWER [CASE]`.

Without a case it prepares the folder. Measurements are written to ANSWER as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.frame import Measurement, one_case
from bench.registry import load
from tokencost_pipeline.settings import PROJECT_ROOT


def in_own_process(name: str, events: int, folder: Path, case: str | None) -> list[Measurement]:
    """Prepare (no case) or measure in a new process, so that no case inherits memory, caches or threads of another.

    Raises CalledProcessError when it fails; what it said stands on stderr.
    """
    answer = folder / "answer.json"
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "bench.child",
        name,
        str(events),
        str(folder),
        str(answer),
    ]
    subprocess.run([*command, *([] if case is None else [case])], cwd=PROJECT_ROOT, check=True)
    return [Measurement(**found) for found in json.loads(answer.read_text("utf-8"))]


def main(arguments: Sequence[str]) -> None:
    name, events, folder, answer, *case = arguments
    benchmark = load(name)
    found: list[Measurement] = []
    if case:
        found = one_case(benchmark, case[0], Path(folder), int(events))
    else:
        benchmark.prepare(Path(folder), int(events))
    Path(answer).write_text(json.dumps([asdict(it) for it in found]), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
