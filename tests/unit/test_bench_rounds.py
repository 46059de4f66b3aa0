"""Benchmarks whose cases take turns: the order, and what is made of the rounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench import daily
from bench.frame import Measurement
from bench.rounds import ROUNDS_FACT, in_turns, in_words, over_rounds, ratios


def made(case: str, step: str, cpu: float, *, events: int = 5000, peak: int = 10) -> Measurement:
    return Measurement(case, events, step, events, cpu, cpu * 2, peak)


def test_every_second_round_is_turned_round() -> None:
    assert in_turns(["a", "b", "c"], 3) == [
        *[("a", 0), ("b", 0), ("c", 0)],
        *[("c", 1), ("b", 1), ("a", 1)],
        *[("a", 2), ("b", 2), ("c", 2)],
    ]


def test_the_rounds_of_a_case_become_one_row_with_their_median() -> None:
    found = over_rounds(
        [
            made("a 1", "work", 3.0, peak=7),
            made("b 1", "work", 9.0),
            made("b 2", "work", 8.0),
            made("a 2", "work", 1.0, peak=9),
            made("a 3", "work", 2.0),
            made("a 3", "more", 5.0),
            made("a 1", "work", 4.0, events=100),
        ],
        lambda case: case[0],
    )
    assert [(it.case, it.step, it.events, it.cpu_seconds, it.rounds) for it in found] == [
        ("a", "work", 5000, 2.0, 3),
        ("a", "more", 5000, 5.0, 1),
        ("b", "work", 5000, 8.5, 2),
        ("a", "work", 100, 4.0, 1),
    ]
    work, more, *_ = found
    assert (work.wall_seconds, work.peak_mb) == (4.0, 10)
    assert work.facts == {ROUNDS_FACT: "3.00; 1.00; 2.00"}
    assert more.facts == {}


def test_a_ratio_is_taken_within_each_round_and_the_median_told() -> None:
    # the machine was twice as slow in the second round, and no ratio knows
    each = ratios([12.0, 26.0, 12.4], [10.0, 20.0, 10.0])
    assert in_words(each) == "1.24 times (rounds: 1.20, 1.30, 1.24)"
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0, 2.0], [1.0])


def test_the_daily_histories_are_there_before_the_days_of_a_round_and_those_follow_one_another() -> None:
    cases = daily.BENCHMARK.cases(5000)
    assert cases[:12] == [
        "on 30 days, round 1, its history",
        "on 365 days, round 1, its history",
        "on an empty warehouse, round 1, its history",
        "on 1 day, round 1, its history",
        "on an empty warehouse, round 1",
        "on 1 day, round 1",
        "on 30 days, round 1",
        "on 365 days, round 1",
        "on an empty warehouse, round 2, its history",
        "on 1 day, round 2, its history",
        "on 365 days, round 2",
        "on 30 days, round 2",
    ]
    days = [case for case in daily.CASES.values() if not case.is_history]
    assert len(set(days)) == len(daily.HISTORIES) * daily.ROUNDS
    over = daily.FIRST_NEW_DAY + timedelta(days=daily.ROUNDS)
    assert over <= datetime.fromisoformat(daily.AS_OF)


def test_the_clock_of_a_daily_round_is_later_than_the_one_before() -> None:
    settings = daily.Settings(as_of=daily.AS_OF)
    told = [daily.at(settings, hours).fixed_as_of() for hours in (-1, 0, 1)]
    assert told[1] == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert told == sorted(set(told), key=str)


def test_the_daily_ratios_are_those_of_the_rounds_without_the_histories() -> None:
    speed = {1: 1.0, 2: 1.5, 3: 1.0}  # of the machine, from round to round
    cost = {daily.EMPTY: 8.0, daily.ONE_DAY: 9.0, "on 30 days": 9.5, daily.LONGEST: 10.0}
    measured = []
    for case in daily.BENCHMARK.cases(5000):
        asked = daily.CASES[case]
        slow = speed[asked.number + 1]
        if asked.is_history:
            measured.append(made(case, daily.HISTORY, 100.0))
            continue
        measured += [
            made(case, "dbt build", cost[asked.name] * slow),
            made(case, "reports", (3.0 if asked.name == daily.LONGEST else 2.0) * slow),
        ]
    empty, empty_steps, one, one_steps = daily.findings(measured)
    assert "takes 13.0 s CPU, 10.0 s on an empty warehouse: 1.30 times (rounds: 1.30, 1.30, 1.30)" in empty
    assert "11.0 s on 1 day: 1.18 times" in one
    assert "dbt build 10.00 / 8.00 s (1.25), reports 3.00 / 2.00 s (1.50)" in empty_steps
    assert "dbt build 10.00 / 9.00 s (1.11)" in one_steps
    shown = daily.BENCHMARK.shown(measured)
    assert list(dict.fromkeys(it.case for it in shown)) == list(daily.HISTORIES)
    assert len(shown) == 3 * len(daily.HISTORIES)


def test_a_warm_up_that_did_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = daily.Settings(data_dir=tmp_path)
    current = settings.exports_dir / "current.json"
    current.parent.mkdir(parents=True)
    current.write_text("12:00")
    monkeypatch.setattr(daily, "steps", lambda settings: [("idle", lambda: None)])
    with pytest.raises(AssertionError, match="clock did not move"):
        daily.warm_up(settings)
    monkeypatch.setattr(daily, "steps", lambda settings: [("exports", lambda: current.write_text("13:00"))])
    daily.warm_up(settings)
