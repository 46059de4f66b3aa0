"""The files behind the filters hold what the marts hold, exactly."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_exports import AS_OF, NASTY, ZONE, Published, build_warehouse, export, sample_attempts

from tokencost_pipeline.reports.data_scripts import unpack_script
from tokencost_pipeline.reports.site_data import Rollups, rollup_files
from tokencost_pipeline.reports.site_data.columns import COUNTS, MONEY, NAMES
from tokencost_pipeline.reports.site_data.rollups import TREND_HOURS, cuts

HOUR = AS_OF.replace(minute=0)
KEYS = ("slot", *NAMES)


def rolled(published: Published, cache: Path | None = None) -> Rollups:
    return rollup_files(published.settings.exports_dir, cache, HOUR, ZoneInfo(ZONE))


def index_of(rollups: Rollups) -> dict[str, Any]:
    return dict(orjson.loads(unpack_script(rollups.files[rollups.index])))


def rows_of(content: bytes) -> list[dict[str, Any]]:
    """Rows as a page reads them."""
    data = json.loads(unpack_script(content))
    columns = {name: [data["names"][name][place] for place in data[name]] for name in NAMES}
    columns["slot"] = [data["slots"][place] for place in data["slot"]]
    columns |= {
        name: values for name, values in data.items() if name not in {*KEYS, "rows", "names", "slots"}
    }
    assert {len(values) for values in columns.values()} == {data["rows"]}
    return [{name: values[row] for name, values in columns.items()} for row in range(data["rows"])]


def rows_of_kind(rollups: Rollups, kind: str) -> list[dict[str, Any]]:
    return [row for _, _, path in index_of(rollups)[kind] for row in rows_of(rollups.files[path])]


def told_by_sql(published: Published, slot: str, group: str) -> list[dict[str, Any]]:
    counts = ", ".join(f"cast(sum({name}) as bigint) as {name}" for name in COUNTS)
    money = ", ".join(
        f"cast(cast(sum({name}) * 1000000000000000::hugeint as hugeint) as varchar) as {name}"
        for name in MONEY
    )
    cursor = published.warehouse.execute(
        f"select {slot} as slot, {', '.join(NAMES)}, {counts}, {money} from marts.agg_daily group by {group}"
    )
    names = [item[0] for item in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: json.dumps([row[key] for key in KEYS]))


@pytest.mark.parametrize(
    ("kind", "slot"), [("daily", "day::varchar"), ("monthly", "date_trunc('month', day)::date::varchar")]
)
def test_files_hold_what_the_marts_hold(published: Published, kind: str, slot: str) -> None:
    shown = rows_of_kind(rolled(published), kind)
    assert in_order(shown) == in_order(told_by_sql(published, slot, "all"))
    assert {row["tenant_id"] for row in shown} >= {*NASTY, None}


def test_hours_are_those_of_the_trend(published: Published) -> None:
    rows = rows_of_kind(rolled(published), "hourly")
    first = HOUR - timedelta(hours=TREND_HOURS - 1)
    told = published.warehouse.execute(
        "select epoch_ms(hour), sum(attempts)::bigint, sum(prompt_tokens)::bigint, sum(completion_tokens)::bigint"
        " from marts.agg_hourly where hour between ? and ? group by hour order by hour",
        [first, HOUR],
    ).fetchall()
    sums: dict[int, list[int]] = {}
    for row in rows:
        mine = sums.setdefault(row["slot"], [0, 0, 0])
        for place, name in enumerate(("attempts", "prompt_tokens", "completion_tokens")):
            mine[place] += row[name]
    assert [(slot, *values) for slot, values in sorted(sums.items())] == told
    assert told
    assert index_of(rolled(published))["last_hour"] == int(HOUR.timestamp() * 1000)


def test_the_index_says_which_days_a_file_has(published: Published) -> None:
    rollups = rolled(published)
    index = index_of(rollups)
    assert {path for kind in ("daily", "monthly", "hourly") for _, _, path in index[kind]} | {
        rollups.index
    } == set(rollups.files)
    for first, last, path in index["daily"]:
        days = [row["slot"] for row in rows_of(rollups.files[path])]
        assert (days[0], days[-1]) == (first, last)
        assert days == sorted(days)
    daily = [row["slot"] for row in rows_of_kind(rollups, "daily")]
    for first, last, path in index["monthly"]:
        [month] = {row["slot"][:7] for row in rows_of(rollups.files[path])}
        mine = [day for day in daily if day[:7] == month]
        assert (min(mine), max(mine)) == (first, last)


def test_filters_offer_the_dearest_names_first(published: Published) -> None:
    told = published.warehouse.execute(
        "select tenant_id from marts.agg_daily group by 1"
        " order by sum(cost_usd) desc nulls last, sum(attempts) desc, tenant_id nulls last"
    ).fetchall()
    assert index_of(rolled(published))["choices"]["tenant_id"] == [name for (name,) in told]


def test_what_is_remembered_gives_the_same_files(published: Published, tmp_path: Path) -> None:
    anew = rolled(published)
    cold, warm = rolled(published, tmp_path), rolled(published, tmp_path)
    assert anew == cold == warm
    [kept] = tmp_path.iterdir()
    kept.write_bytes(b"torn")
    assert rolled(published, tmp_path) == anew


def test_the_cache_keeps_what_did_not_change_and_forgets_the_rest(tmp_path: Path) -> None:
    found = [item for item in sample_attempts() if item.request != "newest"]
    files = []
    for generation, attempts in (("g1", list(sample_attempts())), ("g2", found)):
        warehouse = build_warehouse(attempts)
        export(warehouse, tmp_path / "exports", generation)
        rollups = rollup_files(tmp_path / "exports", tmp_path / "cache", HOUR, ZoneInfo(ZONE))
        assert rollups == rollup_files(tmp_path / "exports", None, HOUR, ZoneInfo(ZONE))
        files.append({path for path in rollups.files if "monthly-2026-10" in path})
        assert len(list((tmp_path / "cache").iterdir())) == 1
    assert files[0] == files[1] != set()


def test_files_are_scripts_without_anything_harmful(published: Published) -> None:
    for content in rolled(published).files.values():
        assert content.isascii()
        assert b"<" not in content
        assert content.startswith(b'tokencost.receive("')


days = st.lists(st.integers(0, 30), max_size=80).map(
    lambda found: [f"2026-11-{day:02d}" for day in sorted(found)]
)


@given(days, st.integers(1, 12))
def test_a_cut_never_parts_a_day(slots: list[str], limit: int) -> None:
    pieces = [slots[rows] for rows in cuts(slots, limit)]
    assert [day for piece in pieces for day in piece] == slots
    assert all(len(piece) <= limit or len(set(piece)) == 1 for piece in pieces)
    for one, other in pairwise(pieces):
        assert set(one).isdisjoint(other)


def test_a_day_of_a_zone_that_shifts_loses_no_hour(tmp_path: Path) -> None:
    """The clocks of Berlin go back in this window: a local day has 25 hours."""
    warehouse = build_warehouse(list(sample_attempts()))
    export(warehouse, tmp_path)
    hour = datetime(2026, 10, 26, 10, tzinfo=UTC)
    rollups = rollup_files(tmp_path, None, hour, ZoneInfo(ZONE))
    told = warehouse.execute(
        "select cast(sum(attempts) as bigint) from marts.agg_hourly where hour > ? and hour <= ?",
        [hour - timedelta(hours=TREND_HOURS), hour],
    ).fetchall()
    assert sum(row["attempts"] for row in rows_of_kind(rollups, "hourly")) == told[0][0] > 0
