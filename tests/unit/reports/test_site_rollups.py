"""The files behind the filters hold what the marts hold, exactly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_exports import AS_OF, NASTY, ZONE, Published, build_warehouse, export, sample_attempts

from tokencost_pipeline.reports.data_scripts import unpack_script
from tokencost_pipeline.reports.site_data import pieces, rollup_files
from tokencost_pipeline.reports.site_data.columns import COUNTS, MONEY, NAMES, days_select
from tokencost_pipeline.reports.site_data.pieces import cuts
from tokencost_pipeline.reports.site_data.rollups import TREND_HOURS
from tokencost_pipeline.reports.site_publish import SiteWriter

HOUR = AS_OF.replace(minute=0)
KEYS = ("slot", *NAMES)


@dataclass(frozen=True)
class Shown:
    """The files of a site (path -> content), and the one that names the others."""

    files: dict[str, bytes]
    index: str


def rolled(exports: Path, root: Path | None = None, hour: datetime = HOUR) -> Shown:
    """The rollups published to root/site, with what root/cache remembers; without `root` to a site of their own."""
    if root is None:
        with TemporaryDirectory() as folder:
            return rolled(exports, Path(folder), hour)
    writer = SiteWriter(root / "site")
    rollups = rollup_files(exports, writer, root / "cache", hour, ZoneInfo(ZONE))
    writer.publish({}, kept=rollups.files)
    return Shown(
        {file.path: (root / "site" / file.path).read_bytes() for file in rollups.files}, rollups.index
    )


def index_of(rollups: Shown) -> dict[str, Any]:
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


def rows_of_kind(rollups: Shown, kind: str) -> list[dict[str, Any]]:
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
    shown = rows_of_kind(rolled(published.settings.exports_dir), kind)
    assert in_order(shown) == in_order(told_by_sql(published, slot, "all"))
    assert {row["tenant_id"] for row in shown} >= {*NASTY, None}


def test_hours_are_those_of_the_trend(published: Published) -> None:
    rows = rows_of_kind(rolled(published.settings.exports_dir), "hourly")
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
    assert index_of(rolled(published.settings.exports_dir))["last_hour"] == int(HOUR.timestamp() * 1000)


def test_the_index_says_which_days_a_file_has(published: Published) -> None:
    rollups = rolled(published.settings.exports_dir)
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
    assert index_of(rolled(published.settings.exports_dir))["choices"]["tenant_id"] == [
        name for (name,) in told
    ]


def test_what_is_remembered_gives_the_same_files(published: Published, tmp_path: Path) -> None:
    exports = published.settings.exports_dir
    anew = rolled(exports)
    cold, warm = rolled(exports, tmp_path), rolled(exports, tmp_path)
    assert anew == cold == warm
    [kept] = (tmp_path / "cache").iterdir()
    kept.write_bytes(b"torn")
    assert rolled(exports, tmp_path) == anew


def test_a_file_that_is_gone_or_was_written_to_is_made_again(published: Published, tmp_path: Path) -> None:
    exports = published.settings.exports_dir
    anew = rolled(exports, tmp_path)
    gone, spoilt, *_ = sorted(path for path in anew.files if "daily-" in path or "monthly-" in path)
    (tmp_path / "site" / gone).unlink()
    (tmp_path / "site" / spoilt).write_bytes(b"x" * len(anew.files[spoilt]))
    assert rolled(exports, tmp_path) == anew


def test_only_the_files_of_days_that_changed_are_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request more on the last day: its file and its month's, and of each other day none."""
    monkeypatch.setattr(pieces, "ROWS_PER_FILE", 1)  # a day each
    less = [item for item in sample_attempts() if item.request != "newest"]
    shown, left = [], []
    for generation, attempts in (("g1", less), ("g2", list(sample_attempts()))):
        export(build_warehouse(attempts), tmp_path / "exports", generation)
        shown.append(rolled(tmp_path / "exports", tmp_path))
        assert shown[-1] == rolled(tmp_path / "exports")
        left.append({path: (tmp_path / "site" / path).stat().st_mtime_ns for path in shown[-1].files})
    before, after = ({path for path in it.files if "daily-" in path or "monthly-" in path} for it in shown)
    assert {path.partition("-")[0] for path in after - before} == {"data/daily", "data/monthly"}
    assert len(after - before) == 2
    assert len(after & before) > 2
    assert all(left[0][path] == left[1][path] for path in after & before)


def test_rows_that_swap_their_costs_are_another_day(published: Published) -> None:
    """A digest that only adds up its rows would take this for the same day."""
    rows = "select * from marts.agg_daily where cost_usd is not null order by all limit 2"
    [day] = published.warehouse.execute(f"select min(day) from ({rows})").fetchone() or ()
    swapped = (
        f"select * replace (sum(cost_usd) over () - cost_usd as cost_usd, date '{day}' as day) from ({rows})"
    )
    rows = f"select * replace (date '{day}' as day) from ({rows})"
    found = [published.warehouse.execute(days_select(f"({select})")).fetchall() for select in (rows, swapped)]
    assert [number for [(_, number, _)] in found] == [2, 2]
    assert found[0] != found[1]


def test_what_older_versions_kept_is_forgotten(published: Published, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "0e15758958cd36731b68dc2e05661a70.json").write_bytes(b"{}")
    rolled(published.settings.exports_dir, tmp_path)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["state.json"]


def test_files_are_scripts_without_anything_harmful(published: Published) -> None:
    for content in rolled(published.settings.exports_dir).files.values():
        assert content.isascii()
        assert b"<" not in content
        assert content.startswith(b'tokencost.receive("')


days = st.lists(st.integers(0, 30), max_size=80).map(
    lambda found: [f"2026-11-{day:02d}" for day in sorted(found)]
)


@given(days, st.integers(1, 12))
def test_a_cut_never_parts_a_day(slots: list[str], limit: int) -> None:
    found = [slots.count(day) for day in sorted(set(slots))]
    names = sorted(set(slots))
    parts = [[slot for slot in slots if slot in names[cut]] for cut in cuts(found, limit)]
    assert [day for piece in parts for day in piece] == slots
    assert all(len(piece) <= limit or len(set(piece)) == 1 for piece in parts)
    for one, other in pairwise(parts):
        assert set(one).isdisjoint(other)


def test_a_day_of_a_zone_that_shifts_loses_no_hour(tmp_path: Path) -> None:
    """The clocks of Berlin go back in this window: a local day has 25 hours."""
    warehouse = build_warehouse(list(sample_attempts()))
    export(warehouse, tmp_path)
    hour = datetime(2026, 10, 26, 10, tzinfo=UTC)
    rollups = rolled(tmp_path, hour=hour)
    told = warehouse.execute(
        "select cast(sum(attempts) as bigint) from marts.agg_hourly where hour > ? and hour <= ?",
        [hour - timedelta(hours=TREND_HOURS), hour],
    ).fetchall()
    assert sum(row["attempts"] for row in rows_of_kind(rollups, "hourly")) == told[0][0] > 0
