"""Attempts of old days go, rollups stay: through a re-priced book, a full refresh, another time zone and kill -9."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from pipeline_lab import Lab, event, new_lab
from test_reprice import row

from tokencost_pipeline.ingest.manifest import read_manifest
from tokencost_pipeline.retention import RetentionReport, apply_retention, latest_now
from tokencost_pipeline.warehouse.look import ask

CUT = datetime(2026, 11, 16, tzinfo=UTC)
ROLLUPS = {
    "agg_hourly": "hour, tenant_id, feature, provider, model",
    "agg_daily": "day, tenant_id, feature, provider, model",
    "agg_monthly": "month, tenant_id, feature, provider, model",
    "agg_all_time": "tenant_id, feature, provider, model",
    "routing_savings_daily": "day, provider, model",
    "agg_litellm_log": "day, observation, path",
}
ATTEMPTS = "select event_id from marts.fct_attempts where grain != 'count' order by event_id"
APPLY = (
    "from tokencost_pipeline.retention import apply_retention\n"
    "from tokencost_pipeline.settings import load_settings\n"
    "apply_retention(load_settings())\n"
)
ACCESS = '2026-11-{day}T10:00:00Z INFO:     127.0.0.1:5 - "POST /chat/completions HTTP/1.1" 200 OK\n'
OLD = [event(n, datetime(2026, 11, 10, 9, tzinfo=UTC) + timedelta(hours=12 * n)) for n in range(8)]
OVER_MIDNIGHT = [
    event(90, CUT - timedelta(seconds=2), request_id="r9", attempt=1, status="failure", completion_tokens=0),
    event(91, CUT + timedelta(seconds=1), request_id="r9", attempt=2),
]
NEW = [event(20 + n, CUT + timedelta(hours=1 + 20 * n)) for n in range(6)] + [
    event(26, "2026-11-21T11:00:00Z")
]
LATE = event(99, "2026-11-12T07:00:00Z")


def payload(call: str, at: datetime, **fields: Any) -> dict[str, Any]:
    """One row of LiteLLM's callback: without a number of its attempt."""
    return {
        "id": call, "litellm_call_id": call, "call_type": "acompletion", "status": "success",
        "custom_llm_provider": "openai", "model": "openai/gpt-4o", "model_group": "gpt-4o",
        "startTime": at.timestamp(), "endTime": at.timestamp() + 1, "prompt_tokens": 100, "completion_tokens": 10,
        "total_tokens": 110, "response_cost": 0.0, "metadata": {}, "cache_hit": None, "request_tags": [], **fields,
    }  # fmt: skip


class Story:
    """What each step left behind."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.reports: dict[str, RetentionReport] = {}
        self.rollups: dict[str, dict[str, list[tuple[Any, ...]]]] = {}
        self.facts: dict[str, dict[str, Any]] = {}
        self.now = timedelta.max  # by how much the retention's now is off when the run's looks far ahead

    def note(self, step: str, **more: Any) -> None:
        ask_lab = self.lab.ask
        self.rollups[step] = {
            name: ask_lab(f"select * from marts.{name} order by {order}") for name, order in ROLLUPS.items()
        }
        landing = self.lab.settings.landing_dir
        self.facts[step] = {
            "attempts": [event_id for (event_id,) in ask_lab(ATTEMPTS)],
            "counted": ask_lab("select count(*) from marts.fct_attempts where grain = 'count'")[0][0],
            "requests": [name for (name,) in ask_lab("select request_id from marts.fct_requests order by 1")],
            "landed": sorted(
                path.relative_to(landing).as_posix()
                for path in (landing / "batches").rglob("*.parquet")
                if path.stem in {"events", "litellm_payload", "litellm_log"}
            ),
            "archive": sorted(path.name for path in (landing / "closed").glob("*")),
            "total": ask_lab("select sum(cost_usd), sum(attempts), sum(requests) from marts.agg_daily")[0],
            **more,
        }

    def killed(self, point: str) -> None:
        dead = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", APPLY],
            env={**self.lab.environment, "TOKENCOST_CRASH_AT": point},
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert dead.returncode == -signal.SIGKILL, dead.stderr.decode()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    lab = new_lab(tmp_path_factory.mktemp("retention"))
    story = Story(lab)
    calls = [
        payload("p1", CUT - timedelta(seconds=90), status="failure", completion_tokens=0),
        payload("p1", CUT),
    ]
    # Three batches: all old, the day before the cut, the rest.
    lab.drop("events", "old.jsonl", OLD)
    lab.drop("litellm_log", "old.log", ACCESS.format(day=12).encode())
    lab.ingest()
    lab.drop("events", "before.jsonl", [event(50, CUT - timedelta(hours=3)), OVER_MIDNIGHT[0]])
    lab.drop("litellm_payload", "before.jsonl", calls[:1])
    lab.ingest()
    lab.drop("events", "after.jsonl", [OVER_MIDNIGHT[1], *NEW])
    lab.drop("litellm_payload", "after.jsonl", calls[1:])
    lab.drop("litellm_log", "new.log", ACCESS.format(day=18).encode())
    lab.run()
    lab.export()
    story.note("everything")
    story.reports["not set"] = apply_retention(lab.settings)
    story.note("not set")

    lab.retention_days = 5
    story.killed("after_archive")
    story.note("killed before the commit", closed=read_manifest(lab.settings.landing_dir).retention)
    story.killed("after_manifest")
    lab.run()
    lab.export()
    lab.export()
    story.note("closed", exported=ask(lab.settings, "select min(occurred_at) as at from marts.fct_attempts"))
    story.reports["again"] = apply_retention(lab.settings)

    lab.as_of = "2099-01-01T00:00:00Z"
    newest = datetime.fromisoformat(NEW[-1]["timestamp"])
    story.now = latest_now(lab.settings, read_manifest(lab.settings.landing_dir)) - max(
        newest, datetime.now(UTC)
    )
    lab.as_of = "2026-11-21T12:00:00Z"

    # An old file again, a late event, another price since a closed day, and new traffic in an hour that has some.
    lab.drop("events", "again.jsonl", [*OLD, LATE])
    lab.drop("events", "more.jsonl", [event(60, NEW[0]["timestamp"]), event(61, "2026-11-22T11:00:00Z")])
    lab.add_price(row("mini@12", "gpt-4o-mini", "2026-11-12T00:00:00Z", "{input: '0.1', output: '0.4'}"))
    report = lab.run()
    story.note(
        "late",
        report=report,
        quarantine=lab.ask("select path, line_no, reason, body from ingest.quarantine"),
        restated=lab.ask(
            "select day::varchar, sum(attempts)::int from marts.restatements group by day order by day"
        ),
        hours=lab.ask("select min(hour) from intermediate.int_hours__touched")[0][0],
    )

    lab.settings.warehouse_path.unlink()
    lab.timezone = "America/New_York"
    lab.as_of = "2026-11-22T12:00:00Z"
    lab.run()
    story.note("made anew in another zone")
    story.reports["next day"] = apply_retention(lab.settings)
    story.note("next day", doctor=lab.tokencost("doctor", "--json"))
    lab.build(full_refresh=True)
    story.note("next day, made anew")
    return story


def test_without_the_setting_nothing_goes(story: Story) -> None:
    assert story.reports["not set"] == RetentionReport(None, None)
    assert story.facts["not set"] == story.facts["everything"]


def test_a_run_killed_before_the_commit_has_closed_nothing(story: Story) -> None:
    state = dict(story.facts["killed before the commit"])
    assert state.pop("closed") is None
    assert len(state.pop("archive")) == 4
    everything = dict(story.facts["everything"])
    assert everything.pop("archive") == []
    assert state == everything


def test_rollups_stay_as_they_were_when_attempts_go(story: Story) -> None:
    assert story.rollups["closed"] == story.rollups["everything"]
    assert len(story.rollups["closed"]["agg_hourly"]) > 15


def test_attempts_of_closed_days_are_gone_from_warehouse_exports_and_disk(story: Story) -> None:
    kept = story.facts["closed"]
    assert kept["attempts"] == sorted(
        [*(line["event_id"] for line in [*OVER_MIDNIGHT, *NEW]), *payload_ids(story)]
    )
    assert kept["counted"] == 1
    gone = set(story.facts["everything"]["landed"]) - set(kept["landed"])
    # the second batch holds the first tries of requests that went on after midnight
    assert gone == {"batches/00000001/events.parquet", "batches/00000001/litellm_log.parquet"}
    assert kept["exported"] == [{"at": CUT - timedelta(seconds=90)}]
    exports = story.lab.settings.exports_dir
    current = orjson.loads((exports / "current.json").read_bytes())["relations"]
    named = {file for name, files in current.items() if name.startswith("marts.fct_") for file in files}
    assert {f"files/{path.name}" for path in (exports / "files").glob("marts.fct_*")} == named


def payload_ids(story: Story) -> list[str]:
    return [name for name in story.facts["everything"]["attempts"] if not name.startswith("e")]


def test_a_request_over_the_border_goes_as_a_whole(story: Story) -> None:
    assert {"r9", "p1"} <= set(story.facts["closed"]["requests"])
    assert "r50" not in story.facts["closed"]["requests"]
    assert story.facts["late"]["total"][2] == story.facts["closed"]["total"][2] + 2  # r60 and r61 alone
    assert not {"r9", "p1"} & set(story.facts["next day"]["requests"])


def test_running_again_changes_nothing(story: Story) -> None:
    assert story.reports["again"] == RetentionReport(5, CUT)


def test_an_old_file_again_is_made_of_duplicates_and_a_late_event_is_quarantined(story: Story) -> None:
    total = story.facts["late"]["report"].total
    assert (total.lines, total.duplicates, total.quarantined, total.events) == (11, 8, 1, 2)
    [(path, line_no, reason, body)] = story.facts["late"]["quarantine"]
    assert (path, line_no) == ("events/again.jsonl", 9)
    assert reason == "its day was closed by retention on 2026-11-21; its rollup stands"
    assert json.loads(body)["event_id"] == LATE["event_id"]


def test_a_price_since_a_closed_day_reaches_open_hours_alone(story: Story) -> None:
    before, after = story.rollups["closed"]["agg_hourly"], story.rollups["late"]["agg_hourly"]
    assert [cell for cell in after if cell[0] < CUT] == [cell for cell in before if cell[0] < CUT]
    assert [cell for cell in after if cell[0] >= CUT] != [cell for cell in before if cell[0] >= CUT]
    assert {day for day, _ in story.facts["late"]["restated"]} == {f"2026-11-{day}" for day in range(16, 22)}
    assert story.facts["late"]["hours"] == CUT


def test_a_warehouse_made_anew_in_another_zone_has_the_closed_days_as_they_were_cut(story: Story) -> None:
    before, after = "late", "made anew in another zone"
    hourly = {
        step: [cell for cell in story.rollups[step]["agg_hourly"] if cell[0] < CUT]
        for step in (before, after)
    }
    assert hourly[after] == hourly[before]
    for name in ("total", "attempts", "requests", "counted"):
        assert story.facts[after][name] == story.facts[before][name], name
    for name in ("agg_litellm_log", "routing_savings_daily"):
        assert added_up(story.rollups[after][name]) == added_up(story.rollups[before][name])
    # 01:00 UTC on the 16th is the evening before in New York
    open_days = {cell[1] for cell in story.rollups[after]["agg_hourly"] if cell[0] >= CUT}
    assert min(open_days).isoformat() == "2026-11-15"


def added_up(rows: list[tuple[Any, ...]]) -> Decimal:
    return sum(
        (Decimal(value) for cells in rows for value in cells if type(value) in {int, Decimal}), Decimal(0)
    )


def test_the_next_day_closes_in_the_zone_of_its_own(story: Story) -> None:
    report = story.reports["next day"]
    assert report.closed_before == datetime(2026, 11, 17, 5, tzinfo=UTC)
    assert report.attempts == 5
    assert story.facts["next day"]["total"] == story.facts["made anew in another zone"]["total"]
    assert story.rollups["next day"] == story.rollups["made anew in another zone"]
    assert story.rollups["next day, made anew"] == story.rollups["next day"]


def test_the_doctor_says_how_far_attempts_reach_back(story: Story) -> None:
    found = json.loads(story.facts["next day"]["doctor"].stdout)
    [retention] = [look for look in found if look["look"] == "retention"]
    assert retention["state"] == "ok"
    assert "kept for 5 days" in retention["detail"]
    assert "2026-11-17 05:00 UTC" in retention["detail"]


def test_a_now_that_looks_ahead_deletes_nothing(story: Story) -> None:
    assert abs(story.now) < timedelta(minutes=10)


def test_marts_that_are_behind_are_never_purged(tmp_path: Path) -> None:
    lab = new_lab(tmp_path)
    lab.retention_days = 5
    lab.drop("events", "old.jsonl", OLD)
    lab.land()
    report = apply_retention(lab.settings)
    assert report.postponed == "the marts are not up to date: `tokencost run`"
    assert read_manifest(lab.settings.landing_dir).retention is None
