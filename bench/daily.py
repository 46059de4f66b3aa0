"""One more day on top of a history: does it cost the same after a year as on the second day?

Small days, so that a year can be lived in minutes. The history is read and built in one run; then two days are added
one after the other, each by the steps of a run (without Dagster) in the same process, so that no start-up is counted.
The size of this benchmark is the number of events a day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.events import Traffic, write_jsonl
from bench.frame import Benchmark, Measurement, Meter, forget_peak, reading, spent
from bench.installation import build, installation, land_the_rest, read_raw
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.exports import export_marts
from tokencost_pipeline.warehouse.look import ask

HISTORIES = {
    "on an empty warehouse": 0,
    "on 1 day": 1,
    "on 30 days": 30,
    "on 120 days": 120,
    "on 365 days": 365,
}
FIRST_NEW_DAY = datetime(2026, 11, 19, tzinfo=UTC)
NEW_DAYS = 2
TARGET = 1.3


def run(case: str, folder: Path, events: int, meter: Meter) -> None:
    days = HISTORIES[case]
    settings = installation(folder / case)
    if days:
        past = Traffic(events * days, days=days, start=FIRST_NEW_DAY - timedelta(days=days))
        write_jsonl(settings.raw_dir / "events" / "history.jsonl", past)
    with meter.step("history, in one run", rows=max(1, events * days)):
        for _, work in steps(settings):
            work()
    taken: dict[str, list[tuple[float, float, int]]] = {}
    for number in range(NEW_DAYS):
        day = Traffic(events, seed=100 + number, days=1, start=FIRST_NEW_DAY + timedelta(days=number))
        write_jsonl(settings.raw_dir / "events" / f"day{number}.jsonl", day)
        for name, work in steps(settings):
            forget_peak()
            before = reading()
            work()
            taken.setdefault(name, []).append(spent(before))
    for name, rounds in taken.items():
        meter.note(name, events, rounds, {})
    expected = Traffic(events * days).events + NEW_DAYS * Traffic(events).events
    check(settings, expected)


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


def check(settings: Settings, expected: int) -> None:
    [row] = ask(settings, "select sum(attempts)::bigint as attempts from marts.agg_daily")
    if row["attempts"] != expected:
        raise AssertionError(f"{row['attempts']} attempts in the marts, {expected} generated")


def findings(measurements: Sequence[Measurement]) -> list[str]:
    """The longest history beside one day and beside none, step by step and in all."""
    told = []
    longest, day, none = "on 365 days", "on 1 day", "on an empty warehouse"
    for events in sorted({it.events for it in measurements}):
        names = list(dict.fromkeys(it.step for it in measurements if not it.step.startswith("history")))
        cost = {(it.case, it.step): it.cpu_seconds for it in measurements if it.events == events}
        whole = {case: sum(cost[case, step] for step in names) for case in HISTORIES}
        for other in (day, none):
            told.append(
                f"A day of {events:,} events {longest} takes {whole[longest]:.1f} s CPU, {whole[other]:.1f} s {other}:"
                f" {whole[longest] / whole[other]:.2f} times as much (target: {TARGET})."
            )
        told.append(
            f"{longest} / {day}, by step: "
            + ", ".join(
                f"{step} {cost[longest, step]:.2f} / {cost[day, step]:.2f} s"
                f" ({cost[longest, step] / max(cost[day, step], 0.001):.2f})"
                for step in names
            )
            + "."
        )
    return told


BENCHMARK = Benchmark(
    name="daily",
    title="Daily: one more day of 5,000 events (or as many as asked for) on top of a history",
    sizes=(5_000,),
    cases=lambda events: list(HISTORIES),
    run=run,
    findings=findings,
)
