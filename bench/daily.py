"""One more day on top of a history: does it cost the same after a year as on the second day?

Small days, so that a year can be lived in minutes; the size of this benchmark is the number of events a day. A history
is read and built in one run, in a process of its own. A new day then goes through the steps of a run (without Dagster)
in a process that has been through a run with nothing new, so that no start-up is counted: its clock is an hour on, or
nothing would be done. Whoever had just built a history would be warmer than that, and the ratio would know.

The ratio is what counts, so the histories take turns (`rounds.py`): a new day on each of them, then the next one. A
long history goes on living from round to round. An empty warehouse would be none after the first, and one day soon be
two: those begin anew in every round. Histories are built before a round, so that its days follow close on each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from bench.events import Traffic, write_jsonl
from bench.frame import Benchmark, Measurement, Meter
from bench.installation import AS_OF, build, installation, land_the_rest, read_raw
from bench.rounds import in_turns, in_words, over_rounds, ratios
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.exports import export_marts
from tokencost_pipeline.warehouse.look import ask

EMPTY, ONE_DAY, LONGEST = "on an empty warehouse", "on 1 day", "on 365 days"
HISTORIES = {EMPTY: 0, ONE_DAY: 1, "on 30 days": 30, LONGEST: 365}
FRESH = {EMPTY, ONE_DAY}
ROUNDS = 3
FIRST_NEW_DAY = datetime(2026, 11, 18, tzinfo=UTC)
HISTORY = "history, in one run"
TARGET = 1.3


@dataclass(frozen=True)
class Case:
    """What is asked of a process: to build a history, or to put the new day of a round (0 is the first) on top."""

    name: str
    number: int
    is_history: bool


def in_order() -> dict[str, Case]:
    """All cases: the long histories, then in each round those that begin anew and the new days."""
    cases = [Case(name, 0, True) for name in HISTORIES if name not in FRESH]
    for number in range(ROUNDS):
        cases += [Case(name, number, True) for name in HISTORIES if name in FRESH]
        cases += [
            Case(name, turn, False) for name, turn in in_turns(list(HISTORIES), ROUNDS) if turn == number
        ]
    return {
        f"{case.name}, round {case.number + 1}" + (", its history" if case.is_history else ""): case
        for case in cases
    }


CASES = in_order()


def run(case: str, folder: Path, events: int, meter: Meter) -> None:
    asked = CASES[case]
    is_fresh = asked.name in FRESH
    settings = installation(folder / (f"{asked.name} {asked.number}" if is_fresh else asked.name))
    days, new_day = HISTORIES[asked.name], FIRST_NEW_DAY + timedelta(days=asked.number)
    raw = settings.raw_dir / "events"
    if asked.is_history:
        if days:
            start = new_day - timedelta(days=days)
            write_jsonl(raw / "history.jsonl", Traffic(events * days, days=days, start=start))
        with meter.step(HISTORY, rows=max(1, events * days)):
            for _, work in steps(at(settings, asked.number - 1)):
                work()
        return
    settings = at(settings, asked.number)
    warm_up(settings)
    day = Traffic(events, seed=100 + asked.number, days=1, start=new_day)
    write_jsonl(raw / f"day{asked.number}.jsonl", day)
    for step, work in steps(settings):
        with meter.step(step):
            work()
    new_days = 1 if is_fresh else asked.number + 1
    check(settings, Traffic(events * days).events + new_days * day.events)


def at(settings: Settings, hours: int) -> Settings:
    """The same installation so many hours after AS_OF."""
    now = datetime.fromisoformat(AS_OF) + timedelta(hours=hours)
    return settings.model_copy(update={"as_of": f"{now:%Y-%m-%dT%H:%M:%SZ}"})


def steps(settings: Settings) -> list[tuple[str, Callable[[], object]]]:
    """What a run does for a day, in its order."""
    from tokencost_pipeline.reports.publish import publish

    def take_in() -> None:
        read_raw(settings)
        land_the_rest(settings)

    return [
        ("ingest", take_in),
        ("dbt build", lambda: build(settings)),
        ("exports", lambda: export_marts(settings)),
        ("reports", lambda: publish(settings)),
    ]


def warm_up(settings: Settings) -> None:
    """A run with nothing new: imports, dbt's parse and caches are behind the process then. Raises AssertionError when
    dbt or the report had nothing to do at all, for nothing is warm then."""
    before = settings.exports_dir / "current.json"
    known = before.read_bytes()
    for _, work in steps(settings):
        work()
    if before.read_bytes() == known:
        raise AssertionError("the clock did not move, so that the run with nothing new did nothing")


def check(settings: Settings, expected: int) -> None:
    [row] = ask(settings, "select sum(attempts)::bigint as attempts from marts.agg_daily")
    if row["attempts"] != expected:
        raise AssertionError(f"{row['attempts']} attempts in the marts, {expected} generated")


def name_of(case: str) -> str:
    """The history that a case is on, without its round."""
    return CASES[case].name


def shown(measurements: Sequence[Measurement]) -> list[Measurement]:
    """One row for the rounds of a step; the shortest history first."""
    by_length = sorted(measurements, key=lambda it: (it.events, HISTORIES[name_of(it.case)]))
    return over_rounds(by_length, name_of)


def costs(measurements: Sequence[Measurement]) -> dict[str, dict[str, list[float]]]:
    """CPU seconds of the new days: history -> step -> one figure for each round, in their order."""
    found: dict[str, dict[str, list[float]]] = {}
    for it in measurements:
        if it.step != HISTORY:
            found.setdefault(name_of(it.case), {}).setdefault(it.step, []).append(it.cpu_seconds)
    return found


def findings(measurements: Sequence[Measurement]) -> list[str]:
    """The longest history beside none and beside one day, in all and step by step: ratios within each round."""
    told = []
    for events in sorted({it.events for it in measurements}):
        cost = costs([it for it in measurements if it.events == events])
        whole = {
            name: [sum(of_round) for of_round in zip(*steps.values(), strict=True)]
            for name, steps in cost.items()
        }
        for other in (EMPTY, ONE_DAY):
            by_step = ", ".join(
                f"{step} {median(mine):.2f} / {median(theirs):.2f} s ({median(ratios(mine, theirs)):.2f})"
                for step, mine in cost[LONGEST].items()
                for theirs in [cost[other][step]]
            )
            told += [
                f"A day of {events:,} events {LONGEST} takes {median(whole[LONGEST]):.1f} s CPU,"
                f" {median(whole[other]):.1f} s {other}: {in_words(ratios(whole[LONGEST], whole[other]))};"
                f" target: {TARGET}.",
                f"{LONGEST} / {other}, by step (medians of the rounds): {by_step}.",
            ]
    return told


BENCHMARK = Benchmark(
    name="daily",
    title="Daily: one more day of 5,000 events (or as many as asked for) on top of a history",
    sizes=(5_000,),
    cases=lambda events: list(CASES),
    run=run,
    findings=findings,
    shown=shown,
)
