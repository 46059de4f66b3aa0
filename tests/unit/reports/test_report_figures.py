"""The figures on the pages, in the CSV files and in stats.json are those of the warehouse."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from sample_exports import NASTY, Published, build_warehouse, export, sample_attempts, scalar

from tokencost_pipeline.reports.exact_json import plain
from tokencost_pipeline.reports.numbers import money
from tokencost_pipeline.reports.publish import publish
from tokencost_pipeline.reports.source import open_exports
from tokencost_pipeline.reports.stats import read_stats, render
from tokencost_pipeline.settings import Settings

TODAY = date(2026, 11, 21)


def read_csv(published: Published, name: str) -> list[dict[str, str]]:
    text = (published.root / "csv" / f"{name}.csv").read_bytes().decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def stats_of(published: Published) -> dict:
    text = (published.root / "api" / "stats.json").read_text("utf-8")
    return json.loads(text, parse_float=Decimal)


def test_stats_are_the_facts_to_the_last_decimal(published: Published) -> None:
    stats, db = stats_of(published), published.warehouse
    assert stats["actual_cost"] == scalar(db, "select sum(cost_usd) from marts.fct_attempts")
    assert stats["total_saved"] == scalar(db, "select sum(saved_usd) from marts.routing_savings_daily")
    assert stats["hypothetical_cost"] == stats["actual_cost"] + stats["total_saved"]
    assert stats["savings_percent"] == round(stats["total_saved"] * 100 / stats["hypothetical_cost"], 4)
    assert stats["attempts"] == scalar(db, "select count(*) from marts.fct_attempts")
    assert stats["total_requests"] == scalar(db, "select count(*) from marts.fct_requests")
    assert stats["local_requests"] == 12
    assert stats["unpriced_requests"] == 3
    assert stats["unpriced"] == {"attempts": 3, "tokens": 3_600, "models": {"mystery-1": 3}}
    assert stats["quarantined"] == 2
    assert stats["last_updated"] == "2026-11-21T10:30:00Z"
    assert stats["window"] == {"from": "2026-10-19T08:30:00Z", "to": "2026-11-21T10:24:00Z"}


def test_stats_name_every_model_and_whether_it_was_paid(published: Published) -> None:
    models = stats_of(published)["models"]
    assert sum(model["count"] for model in models.values()) == stats_of(published)["attempts"]
    assert models["qwen2.5-coder:32b"] == {"count": 12, "requests": 12, "cost": 0, "is_paid": False}
    assert models["mystery-1"] == {"count": 3, "requests": 3, "cost": None, "is_paid": True}
    assert set(NASTY) - {""} <= set(models)


def test_stats_have_no_exponent_and_no_rounded_number(published: Published) -> None:
    text = (published.root / "api" / "stats.json").read_text("utf-8")
    total = scalar(published.warehouse, "select sum(cost_usd) from marts.fct_attempts")
    assert isinstance(total, Decimal)
    assert f'"actual_cost": {plain(total)},' in text
    assert len(plain(total).split(".")[1]) == 15
    assert not re.search(r"\d[eE][-+]?\d", re.sub(r'"[^"]*"', "", text))


def test_the_command_line_reads_the_same_stats(published: Published) -> None:
    with open_exports(published.settings.exports_dir) as connection:
        assert render(read_stats(connection)) == (published.root / "api" / "stats.json").read_text("utf-8")


def test_daily_cost_has_all_seven_days_and_adds_up(published: Published) -> None:
    rows = read_csv(published, "daily_cost")
    assert [row["day"] for row in rows] == [str(TODAY - timedelta(days=ago)) for ago in range(6, -1, -1)]
    total = sum(Decimal(row["cost_usd"]) for row in rows)
    assert total == scalar(
        published.warehouse,
        "select sum(cost_usd) from marts.fct_attempts where day between '2026-11-15' and '2026-11-21'",
    )
    overview = published.page("index")
    assert f"| **{money(total)}** |" in overview
    for row in rows:
        assert f"| {row['day']} | " in overview


def test_the_week_before_ends_at_the_same_hour(published: Published) -> None:
    before = scalar(
        published.warehouse,
        """select sum(cost_usd) from marts.fct_attempts
        where occurred_at >= '2026-11-07T23:00:00Z' and occurred_at < '2026-11-14T11:00:00Z'""",
    )
    assert isinstance(before, Decimal)
    assert before > 0
    assert f"The 7 days before cost {money(before)} up to the same hour" in published.page("index")


def test_every_feature_has_every_day_of_the_window(published: Published) -> None:
    rows = read_csv(published, "cost_by_feature")
    features = scalar(
        published.warehouse, "select count(*) from (select distinct feature from marts.agg_daily)"
    )
    assert len(rows) == 7 * features
    search = [row for row in rows if row["feature"] == "search"]
    assert [row["cost_usd"] for row in search] == ["0", "0", "0", "0", "0", "0.07", ""]
    assert search[-1]["unpriced_attempts"] == "2"


def test_hourly_tokens_have_all_72_hours_and_add_up(published: Published) -> None:
    rows = read_csv(published, "hourly_tokens")
    assert len(rows) == 72
    assert rows[0]["hour"] == "2026-11-18T11:00:00Z"
    assert rows[-1]["hour"] == "2026-11-21T10:00:00Z"
    assert any(row["attempts"] == "0" for row in rows)
    assert sum(int(row["prompt_tokens"]) for row in rows) == scalar(
        published.warehouse,
        "select sum(prompt_tokens) from marts.fct_attempts where occurred_at >= '2026-11-18T11:00:00Z'",
    )


def test_a_feature_ranking_has_exact_sums_and_an_average_from_sum_and_count(published: Published) -> None:
    row = next(row for row in read_csv(published, "features") if row["feature"] == "search")
    assert (row["cost_usd"], row["attempts"], row["requests"]) == ("0.07", "7", "5")
    assert (row["retries"], row["cache_hits"], row["failures"]) == ("2", "1", "2")
    # 850 ms five times and 12 ms once; the attempt without a latency counts for nothing
    assert (row["latency_ms_sum"], row["latency_count"]) == ("4262", "6")
    line = next(
        line
        for line in published.page("index").splitlines()
        if line.startswith("| [search](features/") and " 710 ms " in line
    )
    assert "| $0.0700 | $0.0700 | 3 | 5 | 7 | 7,000 | 1,000 | 710 ms | 2 | 1 |" in line


def test_a_request_page_shows_its_summary_and_each_attempt(published: Published) -> None:
    path = next((published.root / "markdown" / "requests").glob("retried-*.md"))
    text = path.read_text("utf-8")
    assert "| 3 | 2 | $0.0700 | 0 | $0.0200 | 3,000 | 200 | 3,200 | 90.0% |" in text
    assert (
        "Status success, latency 1.70 s; first seen 2026-11-20 11:18:00, last seen 2026-11-20 11:30:00."
        in text
    )
    assert (
        "| 1 | 11:18:00 | $0.0100 | 14.3% | – | claude-opus-4-20250514 | anthropic | failure (429) | 0 |"
        in text
    )
    assert "| claude-opus-4-20250514 | bedrock | success | 1 |" in text
    assert "| 1 | tokens | price-1 | – | as served | eu-west-1 | template-7 |" in text
    assert "| 3 | tokens | price-1 | $0.0490 | smart | eu-west-1 | template-7 |" in text
    assert re.search(r"^- Attempt 3: events/day.jsonl, line \d+, event e-\d+$", text, re.MULTILINE)
    assert "](../features/search-" in text
    assert "](../index.md)" in text


def test_sums_of_cost_stand_beside_the_count_of_rows_without_one(published: Published) -> None:
    overview = published.page("index")
    assert "3 attempts with 3,600 tokens in the last 7 days, 3 with 3,600 in all" in overview
    for path in ("index", "tenants/index", "models", "features/index", "requests/index", "routing"):
        for line in published.page(path).splitlines():
            if line.startswith("| ") and "Cost |" in line and "Cost, last 7 days" not in line:
                assert "Unpriced" in line, line


def test_savings_are_big_and_say_what_is_left_out(published: Published) -> None:
    text = published.page("routing")
    saved = scalar(published.warehouse, "select sum(saved_usd) from marts.routing_savings_daily")
    assert saved == Decimal(3)
    assert "# $3.00 saved · 12.3%" in text
    assert "**Left out: 3 of 47 attempts**" in text
    assert "| qwen2.5-coder:32b | ollama | **FREE** | 12 | 12 | 0 | $0 | $3.00 | $3.00 |" in text
    assert "| **PAID** |" in text
    assert "| mystery-1 | mistral | **PAID** | 3 | 3 | 3 | unknown | unknown | unknown |" in text
    rows = read_csv(published, "savings")
    assert sum(Decimal(row["saved_usd"] or 0) for row in rows) == saved


def test_data_quality_shows_files_refusals_and_both_costs(published: Published) -> None:
    text = published.page("data_quality")
    assert "70 lines: 66 events, 1 duplicate, 1 conflict, 2 quarantined, 0 ignored by rule." in text
    assert "| events/day.jsonl | 7 | 3,120 | timestamp has no offset |" in text
    assert "| mystery-1 | mistral | unpriced | 3 | 3,600 |" in text
    assert "| claude-opus-4-20250514 | bedrock | 1 | 1 | $0.0500 | $0.0490 | $0.001000 | 0 | 0 |" in text


def test_invoices_stand_beside_our_figures_with_the_cause_of_the_gap(published: Published) -> None:
    text = published.page("data_quality")
    assert "the providers billed $33.00." in text
    assert "the costs we know: $3.00." in text
    row = "another price | 2 | 2026-11-19 | 2026-11-20 | $33.00 | $30.00 | $3.00 | 0 |"
    assert f"| anthropic | a&#124;b | {row}" in text
    assert "| openai | – | not in USD, not compared | 1 | 2026-11-20 | 2026-11-20 | – | – | – | – |" in text
    rows = read_csv(published, "reconciliation")
    assert sum(Decimal(row["gap_usd"] or 0) for row in rows) == Decimal("3.000000000000001")


def test_a_report_without_invoices_says_where_to_put_them(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", reports_dir=tmp_path / "out")
    export(build_warehouse(list(sample_attempts()), extras=False), settings.exports_dir)
    publish(settings)
    text = (settings.reports_dir / "markdown" / "data_quality.md").read_text("utf-8")
    assert "No invoices: put cost exports of OpenAI or Anthropic into `raw/invoices/` to compare." in text
    assert "the providers billed" not in text


def test_what_somebody_wrote_never_reaches_a_report(published: Published) -> None:
    for path in published.root.rglob("*"):
        assert path.is_dir() or b"secret words" not in path.read_bytes()


def test_every_page_says_as_of_and_time_zone(published: Published) -> None:
    for path in published.pages():
        assert "As of **2026-11-21 11:30:00** (Europe/Berlin)" in path.read_text("utf-8")


def test_open_anomalies_are_on_the_overview_and_link_to_their_feature(published: Published) -> None:
    assert "| ERROR | feature | [batch](features/batch-" in published.page("index")
    assert "inc-2" not in published.page("index")
    assert "resolved" in published.page("anomalies")
