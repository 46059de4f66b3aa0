"""Runs that touch only what is new end where a run over everything would."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import orjson
from pipeline_lab import Lab, event, new_lab

from tokencost_pipeline.settings import PROJECT_ROOT
from tokencost_pipeline.warehouse.look import ask

START = datetime(2026, 11, 1, 22, 30, tzinfo=UTC)


def traffic() -> list[dict]:
    """Eight days, every six hours; retries that cross hour, midnight and days; a price change; an unpriced model."""
    lines = []
    for number in range(32):
        at = START + timedelta(hours=6 * number)
        lines.append(
            event(
                number,
                at,
                provider="mistral",
                model="mistral-large-4",
                tenant_id=("acme", "globex")[number % 2],
            )
        )
        if number % 4 == 1:  # a first try in the hour before
            lines.append(
                event(
                    1000 + number,
                    at - timedelta(minutes=59),
                    request_id=f"r{number}",
                    attempt=1,
                    status="failure",
                    completion_tokens=0,
                )
            )
            lines[-2]["attempt"] = 2
        if number % 8 == 3:
            lines.append(event(2000 + number, at, model="no-such-model"))
    # A request of three tries, days apart: a backfill of the days between touches the middle one alone.
    for attempt, days in enumerate((0, 3, 6), start=1):
        at = START + timedelta(days=days, minutes=5)
        failed = {"status": "failure"} if attempt < 3 else {}
        lines.append(event(3000 + attempt, at, request_id="long", attempt=attempt, **failed))
    return lines


def test_runs_in_pieces_backfills_and_full_refresh_agree_row_for_row(lab: Lab, tmp_path_factory) -> None:
    lines = traffic()
    whole = new_lab(tmp_path_factory.mktemp("whole"))
    whole.drop("events", "all.jsonl", lines)
    whole.run()
    truth = whole.marts()
    assert len(truth["fct_attempts"]) == len(lines)

    # Late, out of order, in three drops: the middle first, the first tries of published requests last.
    late = [line for line in lines if line["event_id"].startswith("e10")]
    rest = [line for line in lines if line not in late]
    lab.drop("events", "b.jsonl", rest[10:])
    lab.run()
    lab.export()
    lab.drop("events", "a.jsonl", rest[:10])
    lab.run()
    first = files_of(lab)
    lab.export()
    assert first & files_of(lab), "no file of a day was kept"
    lab.drop("events", "late.jsonl", late)
    lab.run()
    generation = lab.export().generation
    assert export_anew(lab) == generation, "an export by days is not what an export of everything is"
    assert lab.ask("select count(*) from intermediate.int_hours__touched")[0][0] < 32
    pieces = lab.marts()
    for name, rows in truth.items():
        if name == "fct_attempts":  # told by other files, else the same
            continue
        assert pieces[name] == rows, name

    # A backfill of some days, then of all, changes nothing.
    lab.build(rebuild_from=datetime(2026, 11, 3, tzinfo=UTC), rebuild_to=datetime(2026, 11, 6, tzinfo=UTC))
    touched = lab.ask("select min(hour), max(hour) from intermediate.int_hours__touched")[0]
    assert touched[0] >= datetime(2026, 11, 3, tzinfo=UTC)
    assert touched[1] < datetime(2026, 11, 6, tzinfo=UTC)
    assert lab.marts() == pieces
    lab.build(full_refresh=True)
    assert lab.marts() == pieces
    assert lab.export().generation == generation


def files_of(lab: Lab) -> set[str]:
    """The files of the attempts that are exported now."""
    current = orjson.loads((lab.settings.exports_dir / "current.json").read_bytes())
    return set(current["parts"]["marts.fct_attempts"].values()) - {current["parts"]["marts.fct_attempts"][""]}


def export_anew(lab: Lab) -> str:
    """The generation of an export that knows of none before."""
    shutil.rmtree(lab.settings.exports_dir)
    return lab.export().generation


def test_nothing_new_changes_nothing(lab: Lab) -> None:
    lab.drop("events", "a.jsonl", traffic()[:6])
    lab.run()
    marts = lab.marts()
    manifest = (lab.settings.landing_dir / "manifest.json").read_bytes()
    generation = lab.export().generation

    report = lab.run()

    assert report.total.lines == 0
    assert (lab.settings.landing_dir / "manifest.json").read_bytes() == manifest
    assert lab.marts() == marts
    exported = lab.export()
    assert (exported.generation, exported.unchanged) == (generation, True)


def test_what_vanished_from_the_landing_zone_leaves_no_ghost(lab: Lab) -> None:
    lab.drop("events", "a.jsonl", traffic())
    lab.run()
    shutil.rmtree(lab.settings.landing_dir)
    (lab.settings.raw_dir / "events" / "a.jsonl").unlink()
    lab.drop("events", "b.jsonl", traffic()[:5])
    lab.run()
    assert lab.ask("select count(*) from marts.fct_attempts") == [(5,)]
    assert lab.ask("select sum(attempts)::int from marts.agg_daily") == [(5,)]
    assert lab.ask("select count(*) from marts.fct_requests") == [(4,)]  # one of the five is a retry


def test_days_are_cut_in_the_reporting_zone_and_a_new_zone_recuts_them(lab: Lab) -> None:
    lab.drop(
        "events",
        "a.jsonl",
        [
            event(1, "2026-11-20T18:29:59Z"),  # 23:59:59 in Kolkata
            event(2, "2026-11-20T18:30:00Z"),  # midnight in Kolkata
        ],
    )
    lab.run()
    assert lab.ask("select day::varchar, attempts from marts.agg_daily") == [("2026-11-20", 2)]
    lab.timezone = "Asia/Kolkata"
    lab.run()
    assert lab.ask("select day::varchar, attempts from marts.agg_daily order by day") == [
        ("2026-11-20", 1),
        ("2026-11-21", 1),
    ]
    assert lab.ask("select hour::varchar from marts.agg_hourly order by hour") == [
        ("2026-11-20 17:30:00+00",),
        ("2026-11-20 18:30:00+00",),
    ]


def test_the_warehouse_opens_with_older_duckdb_and_exports_hold_every_mart(lab: Lab) -> None:
    lab.drop("events", "a.jsonl", traffic()[:4])
    lab.run()
    report = lab.export()
    assert {f"marts.{name}" for name in lab.marts()} <= set(report.relations)
    assert ask(lab.settings, "select sum(attempts)::int as n from marts.agg_daily") == [{"n": 4}]
    with lab.settings.warehouse_path.open("rb") as file:
        header = file.read(64)
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") <= 67  # the storage format of DuckDB 1.4
    assert PROJECT_ROOT not in lab.settings.warehouse_path.parents


def test_a_deleted_sample_no_longer_counts_and_a_rotated_log_still_does(lab: Lab) -> None:
    sample = lab.drop("events", "sample_x.jsonl", traffic()[:5])
    own = lab.drop("events", "gateway.jsonl", [event(1, "2026-11-20T10:00:00Z", event_id="own")])
    lab.run()
    assert lab.ask("select sum(attempts)::int from marts.agg_daily") == [(6,)]
    sample.unlink()
    own.unlink()
    lab.run()
    assert lab.ask("select event_id from marts.fct_attempts") == [("own",)]
    assert lab.ask("select sum(attempts)::int, sum(requests)::int from marts.agg_daily") == [(1, 1)]
