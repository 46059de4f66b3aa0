"""The benchmarks' frame at a size that takes no time, so that it does not rot between two runs of `make bench`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from subprocess import CalledProcessError

import orjson
import pytest

from bench import end_to_end
from bench.__main__ import given_up, measure, sizes_asked_for
from bench.child import in_own_process
from bench.events import Traffic, write_attempts, write_jsonl
from bench.frame import GAVE_UP, Benchmark, Measurement, Meter, growth, one_case
from bench.peers import PEERS, Totals
from bench.registry import NAMES, load
from bench.report import Section, exponents, write_report
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.run import ingest
from tokencost_pipeline.settings import Settings

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("name", NAMES)
def test_every_registered_benchmark_names_itself_and_has_cases(name: str) -> None:
    benchmark = load(name)
    assert benchmark.name == name
    assert benchmark.sizes
    assert len(set(benchmark.cases(1000))) >= 2


def test_an_unknown_benchmark_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="choose from floor"):
        load("everything")


@pytest.mark.parametrize("text", ["many", "0", "1e6", "-5"])
def test_a_bad_size_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="BENCH_EVENTS"):
        sizes_asked_for(text)


def test_sizes_may_be_several() -> None:
    assert sizes_asked_for("1_000, 20000") == [1000, 20_000]
    assert sizes_asked_for("") == []


def test_a_benchmark_is_measured_in_processes_of_its_own_and_reported(tmp_path: Path) -> None:
    section = measure("floor", [500])
    assert [it.case for it in section.measurements] == load("floor").cases(500)
    assert all(it.wall_seconds > 0 and it.peak_mb > 10 and it.rounds == 3 for it in section.measurements)
    page = write_report(tmp_path, [section]).read_text("utf-8")
    assert "| parse every field |" in page
    assert str(REPOSITORY) not in page
    assert "500 events" in page


def test_a_case_that_fails_stops_the_benchmark(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CalledProcessError):
        in_own_process("floor", 500, tmp_path, "parse every field")  # nothing was prepared
    assert "events.jsonl" in capfd.readouterr().err


def test_a_step_is_told_with_its_rows_and_facts(tmp_path: Path) -> None:
    def run(case: str, folder: Path, events: int, meter: Meter) -> None:
        with meter.step("work", rows=10) as facts:
            facts["sum"] = sum(range(1_000_000))
        with meter.step("idle"):
            pass

    toy = Benchmark("toy", "Toy", (5,), lambda events: ["only"], run)
    work, idle = one_case(toy, "only", tmp_path, 5)
    assert (work.rows, idle.rows) == (10, 5)
    assert work.facts == {"sum": 499_999_500_000}


def test_the_median_of_the_rounds_counts() -> None:
    meter = Meter("case", 100)
    meter.note("step", None, [(5.0, 9.0, 7), (1.0, 2.0, 3), (2.0, 1.0, 4)], {})
    [it] = meter.measurements
    assert (it.cpu_seconds, it.wall_seconds, it.peak_mb, it.rounds) == (2.0, 2.0, 7, 3)
    assert it.cpu_us_per_row == 20_000


def made(case: str, events: int, cpu: float, step: str = "step") -> Measurement:
    return Measurement(case, events, step, events, cpu, cpu, 10)


def test_growth_is_told_from_the_smallest_to_the_largest_size() -> None:
    assert growth((10, 3.0), (1000, 3.0)) == 0
    assert growth((10, 1.0), (1000, 100.0)) == pytest.approx(1)
    found = exponents([made("flat", 100, 1.0), made("flat", 10_000, 1.0), made("once", 100, 1.0)])
    assert found == [{"case": "flat", "step": "step", "exponent": 0.0}]


def test_a_peer_that_is_not_installed_is_named_and_no_ratio_invented() -> None:
    cpu = {
        end_to_end.OURS: 9.0,
        end_to_end.SAME: 6.0,
        end_to_end.NOTHING: 3.0,
        end_to_end.FLOOR: 2.0,
        "Polars": 6.0,
    }
    parsed = [made(case, 1000, 1.0, end_to_end.PARSE) for case in (end_to_end.OURS, end_to_end.SAME)]
    told = end_to_end.findings([*(made(case, 1000, seconds) for case, seconds in cpu.items()), *parsed])
    ratios = [line for line in told if "ours / " in line]
    assert len(ratios) == 2
    assert "ours / duckdb floor: 4.50" in ratios[0]
    assert "fixed part 3.00" in ratios[0]
    assert "ours / Polars: 1.50" in ratios[1]
    assert all(name in told[-1] for name in PEERS if name != "Polars")


def test_the_peers_part_of_ours_is_compared_too_and_the_parse_is_not_added_twice() -> None:
    told = end_to_end.findings(
        [
            made(end_to_end.OURS, 1000, 30.0, "dbt build"),
            replace(made(end_to_end.OURS, 1000, 2.0, end_to_end.PARSE), peak_mb=5000),
            made(end_to_end.SAME, 1000, 20.0, end_to_end.MARTS_STEP),
            made(end_to_end.SAME, 1000, 2.0, end_to_end.PARSE),
            made(end_to_end.NOTHING, 1000, 10.0, "dbt build"),
            made("Polars", 1000, 10.0, end_to_end.PEER_STEP),
        ]
    )
    assert "ours takes 30.0 s CPU (dbt build 30.0), peak 10 MiB; 2.0 s of it dbt's first parse" in told[0]
    assert "ours, the same marts takes 20.0 s CPU (dbt run 20.0)" in told[1]
    [polars] = [line for line in told if "ours / " in line]
    assert "ours / Polars: 3.00 (target: 1; without the fixed part 2.00)" in polars
    assert "the same marts: 2.00 (without dbt's first parse 1.80)" in polars


def test_a_peer_that_finds_something_else_is_refused() -> None:
    ours = Totals(10, 1000, Decimal("1.000000000001"), 9, Decimal("0.25"), 5, 3)
    ours.check(ours)
    replace(ours, cost_usd=Decimal("1.004")).check(ours, exact=False)
    for other, exact in (
        (replace(ours, cost_usd=Decimal("1.000000000002")), True),
        (replace(ours, cost_usd=Decimal("1.006")), False),
        (replace(ours, events=11), False),
        (replace(ours, hourly_rows=4), False),
        (replace(ours, requests=10), False),
        (replace(ours, wasted_cost_usd=Decimal("0.26")), False),
    ):
        with pytest.raises(AssertionError, match="not the same work"):
            other.check(ours, exact=exact)


def test_a_benchmark_that_is_run_again_replaces_its_own_section_alone(tmp_path: Path) -> None:
    write_report(
        tmp_path, [Section("a", "A", [made("old", 1, 1.0)], ["first"]), Section("b", "B", [], ["kept"])]
    )
    page = write_report(tmp_path, [Section("a", "A", [made("new", 1, 1.0)], ["second"])]).read_text("utf-8")
    assert [word for word in ("first", "second", "kept") if word in page] == ["second", "kept"]
    assert list(json.loads((tmp_path / "bench.json").read_text("utf-8"))) == ["a", "b"]


def test_generated_events_are_canonical_distinct_and_repeatable(tmp_path: Path) -> None:
    traffic = Traffic(2000, duplicate_every=50)
    raw = tmp_path / "raw" / "events"
    write_jsonl(raw / "a.jsonl", traffic)
    write_jsonl(tmp_path / "again.jsonl", traffic)
    text = (raw / "a.jsonl").read_bytes()
    assert text == (tmp_path / "again.jsonl").read_bytes()
    lines = [orjson.loads(line) for line in text.splitlines()]
    assert len({line["event_id"] for line in lines}) == traffic.events == 1960
    assert lines[0]["timestamp"] < lines[-1]["timestamp"]
    settings = Settings(raw_dir=tmp_path / "raw", data_dir=tmp_path / "data")
    now = datetime(2026, 11, 21, tzinfo=UTC)
    total = ingest(settings, now=now, stamp=now).total
    assert (total.events, total.duplicates, total.conflicts, total.quarantined) == (1960, 40, 0, 0)


def test_another_seed_gives_other_events(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_attempts(tmp_path / f"{seed}.parquet", Traffic(100, seed=seed))
    assert (tmp_path / "1.parquet").read_bytes() != (tmp_path / "2.parquet").read_bytes()


def test_the_package_does_not_know_the_benchmarks() -> None:
    for path in sorted((REPOSITORY / "tokencost_pipeline").rglob("*.py")):
        assert not re.search(r"^\s*(import|from) bench\b", path.read_text("utf-8"), re.MULTILINE), path


def test_a_killed_peer_is_a_result_and_one_that_finds_something_else_is_not(tmp_path: Path) -> None:
    killed = [sys.executable, "-c", "import os; os.abort()"]
    wrong = [sys.executable, "-c", "raise AssertionError('other totals')"]
    peer = next(iter(PEERS))

    def fails(command: list[str]) -> CalledProcessError:
        with pytest.raises(CalledProcessError) as found:
            subprocess.run(command, check=True, capture_output=True)
        return found.value

    benchmark = load("end_to_end")
    [gave_up] = given_up(benchmark, peer, 1000, fails(killed))
    assert (gave_up.step, gave_up.facts) == (GAVE_UP, {"signal": 6})
    assert given_up(benchmark, peer, 1000, fails(wrong)) == []
    assert given_up(benchmark, end_to_end.OURS, 1000, fails(killed)) == []
