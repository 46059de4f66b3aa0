"""What a benchmark is, and how its steps are measured: processor time, wall time, peak memory.

Processor time is what to compare: user and system time of the process, of all its threads and of the processes it
waited for. Wall time depends on who else works on the machine.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

Fact = int | str
GAVE_UP = "did not finish"


@dataclass(frozen=True)
class Measurement:
    """One step of one case. Seconds; `peak_mb` in MiB; `rows` is what the step's work is divided by."""

    case: str
    events: int
    step: str
    rows: int
    cpu_seconds: float
    wall_seconds: float
    peak_mb: int
    rounds: int = 1
    facts: dict[str, Fact] = field(default_factory=dict)  # sizes, bytes, sums: whatever explains the figure

    @property
    def cpu_us_per_row(self) -> float:
        return self.cpu_seconds * 1e6 / max(1, self.rows)


@dataclass
class Meter:
    """Collects what the steps of a case took. Medians, where a step runs several times."""

    case: str
    events: int
    measurements: list[Measurement] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, *, rows: int | None = None) -> Iterator[dict[str, Fact]]:
        """Measure the block; put what explains the figure into the dictionary it is given."""
        facts: dict[str, Fact] = {}
        forget_peak()
        before = reading()
        yield facts
        self.note(name, rows, [spent(before)], facts)

    def rounds(
        self, name: str, work: Callable[[], object], *, rows: int | None = None, times: int = 3
    ) -> None:
        """Measure work that may be done again, so often, and keep the median. What it returns is kept as `result`."""
        taken, result = [], None
        for _ in range(times):
            forget_peak()
            before = reading()
            result = work()
            taken.append(spent(before))
        self.note(name, rows, taken, {} if result is None else {"result": str(result)})

    def note(
        self, name: str, rows: int | None, taken: Sequence[tuple[float, float, int]], facts: dict[str, Fact]
    ) -> None:
        cpu, wall, peak = zip(*taken, strict=True)
        n = self.events if rows is None else rows
        self.measurements.append(
            Measurement(
                self.case,
                self.events,
                name,
                n,
                round(median(cpu), 4),
                round(median(wall), 4),
                max(peak),
                len(taken),
                facts,
            )
        )


@dataclass(frozen=True)
class Benchmark:
    """One module of this folder. Each of these functions runs in a process of its own.

    `prepare(folder, events)` makes what all cases of a size share. `run(case, folder, events, meter)` measures one
    case; each has the same folder. `findings(measurements)` says in sentences what the figures mean, after all cases;
    `shown(measurements)` is what the report lists of them, where several cases belong together. That a case was
    killed is a result where `may_give_up` says so: of those that want more memory than there is.
    """

    name: str
    title: str
    sizes: tuple[int, ...]  # numbers of events, unless BENCH_EVENTS says otherwise
    cases: Callable[[int], Sequence[str]]
    run: Callable[[str, Path, int, Meter], None]
    prepare: Callable[[Path, int], None] = lambda folder, events: None
    findings: Callable[[Sequence[Measurement]], Sequence[str]] = lambda measurements: ()
    shown: Callable[[Sequence[Measurement]], Sequence[Measurement]] = list
    may_give_up: Callable[[str], bool] = lambda case: False


def reading() -> tuple[float, float]:
    """Processor seconds so far, and the clock."""
    own, waited = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + waited.ru_utime + waited.ru_stime, time.perf_counter()


def spent(before: tuple[float, float]) -> tuple[float, float, int]:
    """Processor seconds, wall seconds and peak memory (MiB) since a reading."""
    cpu, wall = reading()
    return cpu - before[0], wall - before[1], peak_mb()


def forget_peak() -> None:
    """Let the peak begin anew, where the system can (Linux); elsewhere the peak is that of the whole process so far."""
    try:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    except OSError:
        return


def peak_mb() -> int:
    """The largest resident memory of this process or of one it waited for.

    Linux hands ru_maxrss down from the parent that started a process, so its own high-water mark is asked first.
    """
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return max(children, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return max(children, own // 1024)


def one_case(benchmark: Benchmark, case: str, folder: Path, events: int) -> list[Measurement]:
    """Run a case in this process."""
    meter = Meter(case, events)
    benchmark.run(case, folder, events, meter)
    return meter.measurements


def growth(smaller: tuple[float, float], larger: tuple[float, float]) -> float:
    """The exponent e in cost ~ size^e between two (size, cost): 0 is flat, 1 is in proportion."""
    from math import log

    (size, cost), (size2, cost2) = smaller, larger
    if min(size, cost, size2, cost2) <= 0 or size == size2:
        return 0.0
    return log(cost2 / cost) / log(size2 / size)
