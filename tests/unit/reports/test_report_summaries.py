"""What is kept of unchanged files gives the same answers as reading everything, and survives whatever happens to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from sample_exports import Attempt, ago, build_warehouse, export, local, sample_attempts, unpriced

from tokencost_pipeline.reports.pages import requests
from tokencost_pipeline.reports.report import open_report
from tokencost_pipeline.reports.sitemap import Limits
from tokencost_pipeline.reports.source import open_exports
from tokencost_pipeline.reports.summaries import SUMMARIES, remember

FEW = Limits(requests_per_list=2, costliest_requests=3, requests_per_feature=1)
CUT = ("marts.fct_attempts", "marts.fct_requests", "marts.agg_hourly", "marts.agg_daily")
ASKED: dict[str, dict[str, Any]] = {
    "feature_requests": {"newest": FEW.requests_per_list, "costliest": FEW.costliest_per_list},
    "reported_vs_computed": {},
    "unpriced_models": {},
    "unpriced_totals": {},
    "retries_inside": {},
    "freshness": {},
    "coverage": {},
}


def export_by_day(attempts: Sequence[Attempt], exports: Path) -> None:
    """Exports as a run makes them: the large relations by day, in files named after their content."""
    shutil.rmtree(exports, ignore_errors=True)
    warehouse = build_warehouse(list(attempts))
    export(warehouse, exports)
    current = orjson.loads((exports / "current.json").read_bytes())
    for relation in CUT:
        [whole] = current["relations"][relation]
        (exports / whole).unlink()
        current["relations"][relation] = []
        days = warehouse.execute(f"select distinct day from {relation} order by 1").fetchall()
        wanted = {"none": "false", **{f"{day}": f"day = '{day}'" for (day,) in days}}
        for part, where in wanted.items():
            building = exports / "building"
            warehouse.execute(
                f"copy (from {relation} where {where} order by all) to '{building}' (format parquet)"
            )
            digest = sha256(building.read_bytes()).hexdigest()[:16]
            file = f"g1/{relation}.{part}.{digest}.parquet"
            building.replace(exports / file)
            current["relations"][relation].append(file)
    (exports / "current.json").write_bytes(orjson.dumps(current))
    warehouse.close()


def answers(exports: Path, cache: Path | None) -> dict[str, list[Any]]:
    with open_exports(exports) as connection:
        report = open_report(connection, FEW)
        if cache is not None:
            remember(connection, exports, cache, FEW)
            views = "select sql from duckdb_views() where schema_name = 'summary'"
            told = [sql for (sql,) in connection.execute(views).fetchall()]
            assert len(told) == len(SUMMARIES)
            assert all(str(cache) in sql for sql in told), "what is kept was not used"
        return {name: report.query(name, **values).rows for name, values in ASKED.items()}


def history() -> list[list[Attempt]]:
    """One run after another: more of today, a day long past re-opened, a cost that changed, a day gone."""
    first = [*sample_attempts(), *(local(ago(40 + n), f"old-{n}") for n in range(3))]
    late = [*first, unpriced(ago(hours=0.5), "mystery"), replace(local(ago(60), "late"), cost="5")]
    changed = [replace(it, cost="9.5", reported="9") if it.request == "req-06" else it for it in late]
    return [first, late, changed, [it for it in changed if it.request != "dear"]]


def test_what_is_kept_answers_as_everything_does(tmp_path: Path) -> None:
    exports, cache = tmp_path / "exports", tmp_path / "cache"
    for attempts in history():
        export_by_day(attempts, exports)

        kept = answers(exports, cache)

        assert kept == answers(exports, None)
        assert kept["unpriced_models"]
        assert kept["reported_vs_computed"]
    again = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    answers(exports, cache)
    assert {path.name: path.stat().st_mtime_ns for path in cache.iterdir()} == again


def test_a_run_reads_the_files_that_are_new_alone(tmp_path: Path) -> None:
    exports, cache = tmp_path / "exports", tmp_path / "cache"
    before, after = history()[:2]
    export_by_day(before, exports)
    answers(exports, cache)
    known = {path.name for path in cache.iterdir() if path.name.startswith("day-")}

    export_by_day(after, exports)
    answers(exports, cache)

    now = {path.name for path in cache.iterdir() if path.name.startswith("day-")}
    assert len(now - known) == len(SUMMARIES)  # today; the month that was re-opened is read once, as a whole


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:-7]),
        lambda path: path.write_bytes(b""),
    ],
    ids=["gone", "cut off", "empty"],
)
def test_what_is_lost_is_made_anew(tmp_path: Path, harm: Callable[[Path], object]) -> None:
    exports, cache = tmp_path / "exports", tmp_path / "cache"
    export_by_day(history()[0], exports)
    whole = answers(exports, cache)
    for path in list(cache.iterdir()):
        harm(path)
    assert answers(exports, cache) == whole


def test_other_limits_are_other_lists(tmp_path: Path) -> None:
    exports, cache = tmp_path / "exports", tmp_path / "cache"
    export_by_day(history()[0], exports)
    answers(exports, cache)
    more = Limits(requests_per_list=5)
    with open_exports(exports) as connection:
        report = open_report(connection, more)
        remember(connection, exports, cache, more)
        listed = report.sitemap.listed.rows
    with open_exports(exports) as connection:
        assert open_report(connection, more).sitemap.listed.rows == listed


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    exports, blocked = tmp_path / "exports", tmp_path / "file"
    export_by_day(history()[0], exports)
    blocked.write_text("not a folder", "utf-8")
    with open_exports(exports) as connection:
        report = open_report(connection, FEW)
        remember(connection, exports, blocked, FEW)
        assert report.query("unpriced_models").rows == answers(exports, None)["unpriced_models"]


LAST_DAYS: dict[str, dict[str, Any]] = {
    "daily_cost": {"days": 30},
    "feature_daily": {"days": 30},
    "tenant_daily": {"days": 30},
    "tenant_users": {"days": 30, "rows": 50},
    "price_versions": {"days": 30},
    "hourly_tokens": {"hours": 72},
    "month_to_date": {},
    "week_before": {},
    "features": {},
    "tenants": {},
    "models": {},
    "tenant_features": {},
    "totals": {},
}


def test_questions_about_the_last_days_open_no_older_file(tmp_path: Path) -> None:
    exports, cache = tmp_path / "exports", tmp_path / "cache"
    export_by_day([*sample_attempts(), local(ago(100), "long ago")], exports)
    with open_exports(exports) as connection:
        report = open_report(connection, FEW)
        remember(connection, exports, cache, FEW)
        asked = {name: report.query(name, **values).rows for name, values in LAST_DAYS.items()}
        listed = {row["request_id"] for row in report.sitemap.request_rows}
        attempts = next(file.rows for file in requests.csv_files(report) if file.name == "request_attempts")
    assert "long ago" not in listed
    assert {row["request_id"] for row in attempts} == listed

    old = [path for path in exports.rglob("*.parquet") if f".{ago(100):%Y-%m-%d}." in path.name]
    assert len(old) == len(CUT)
    for path in old:
        path.write_bytes(b"not to be opened")

    with open_exports(exports) as connection:
        report = open_report(connection, FEW)
        remember(connection, exports, cache, FEW)
        assert {name: report.query(name, **values).rows for name, values in LAST_DAYS.items()} == asked
        assert next(requests.csv_files(report)).rows
        assert next(it.rows for it in requests.csv_files(report) if it.name == "request_attempts") == attempts
