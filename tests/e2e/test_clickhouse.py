"""The target clickhouse, on the embedded engine and through the adapter as it is: every relation row for row as DuckDB
has it. What this cannot show (a server, a cluster) is said in docs/CLICKHOUSE.md."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pipeline_lab import DATA, event, new_lab
from test_oracle import IMAGES, PRICING, as_event, records
from two_engines import Twins

from tokencost_pipeline.reprice import RepriceReport
from tokencost_pipeline.settings import PROJECT_ROOT, Settings
from tokencost_pipeline.warehouse.clickhouse.connect import connect
from tokencost_pipeline.warehouse.clickhouse.examine import examine
from tokencost_pipeline.warehouse.clickhouse.load import load_landing
from tokencost_pipeline.warehouse.exports import export_marts, read_current
from tokencost_pipeline.warehouse.look import ask
from tokencost_pipeline.warehouse.reference import SHAPES
from tokencost_pipeline.warehouse.store import open_store

FIRST = datetime(2026, 11, 10, 9, 20, tzinfo=UTC)


@dataclass
class Story:
    """Rows of each relation after each step, the same in both engines."""

    twins: Twins
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    reports: list[RepriceReport] = field(default_factory=list)

    def note(self, step: str) -> None:
        self.rows[step] = self.twins.equal()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The sample and all real LiteLLM logs; then late events, a first try that comes after its retry, an unknown model
    that gets a price, a changed price, an invoice; then a re-pricing with the book of another day."""
    lab = new_lab(tmp_path_factory.mktemp("twins"))
    shutil.copytree(PROJECT_ROOT / "raw", lab.settings.raw_dir, dirs_exist_ok=True)
    for source in ("litellm_payload", "litellm_spend_logs", "otlp", "claude_code"):
        for path in sorted((DATA / "ingest").glob(f"{source}*.jsonl")):
            lab.drop(source, path.name, path)
    for path in sorted((DATA / "litellm_log").glob("*.gz")):
        lab.drop("litellm_log", path.name, path)
    calls = [event(n, FIRST + n * timedelta(days=1), model="our-own") for n in range(4)]
    calls += [
        event(10 + n, FIRST + n * timedelta(days=1), prompt_tokens=1234 + n, attempt=2) for n in range(4)
    ]
    lab.drop("events", "calls.jsonl", calls)
    story = Story(Twins(lab))
    story.twins.run()
    story.note("first run")

    late = [
        event(30 + n, FIRST - timedelta(days=n, minutes=7), tenant_id=None, feature=None) for n in range(9)
    ]
    first_try = event(20, FIRST - timedelta(hours=1), request_id="r10", attempt=1, status="failure")
    spike = [
        event(40 + n, "2026-11-21T03:20:00Z", completion_tokens=90_000_000, tenant_id="late")
        for n in range(2)
    ]
    lab.drop("events", "late.jsonl", [*late, first_try, *spike])
    lab.drop("events", "bad.jsonl", b'{"event_id": "x"}\nnot json\n')
    for provider in ("openai", "anthropic"):
        name = next((DATA / "invoices").glob(f"{provider}*.json"))
        lab.drop(f"invoices/{provider}", name.name, name)
    for model, start in (("our-own", "2026-11-12T09:00:00Z"), ("gpt-4o-mini", "2026-11-12T00:00:00Z")):
        lab.add_price(
            f"- {{id: {model}@12, provider: openai, model: {model}, region: default, service_tier: standard,"
            f" currency: USD, effective_from: '{start}', recorded_at: '2026-11-20T00:00:00Z',"
            " bands: [{min_context_tokens: 0, rates: {input: '2', output: '10'}}], source: {checked_on: '2026-11-20'}}"
        )
    story.twins.run()
    story.note("late data and another price")
    story.twins.run()
    story.note("second run")

    story.reports = story.twins.reprice(FIRST, book_as_of=datetime(2026, 11, 15, tzinfo=UTC))
    story.note("priced as of the 15th")
    return story


def test_the_sample_and_the_real_logs_are_equal_row_for_row(story: Story) -> None:
    rows = story.rows["first run"]
    print(rows)
    assert {name for name in rows if name.startswith("marts.")} == {
        "marts.agg_all_time", "marts.agg_daily", "marts.agg_hourly", "marts.agg_litellm_log", "marts.agg_monthly",
        "marts.anomalies", "marts.dim_prices", "marts.fct_attempts", "marts.fct_requests", "marts.reconciliation",
        "marts.restatements", "marts.routing_savings_daily",
    }  # fmt: skip
    assert rows["marts.fct_attempts"] > 8000
    assert rows["marts.agg_litellm_log"] > 0


def test_late_data_and_a_changed_price_are_equal_row_for_row(story: Story) -> None:
    rows = story.rows["late data and another price"]
    print(rows)
    assert rows["marts.fct_attempts"] == story.rows["first run"]["marts.fct_attempts"] + 12
    assert rows["marts.restatements"] > 0
    assert rows["marts.reconciliation"] > 0
    assert rows["marts.anomalies"] > 0
    assert rows["ingest.quarantine"] > 0


def test_a_repricing_on_request_is_equal_and_kept_on_record(story: Story) -> None:
    ours, theirs = story.reports
    assert ours == theirs
    assert ours.attempts > 0
    assert (
        story.rows["priced as of the 15th"]["marts.restatements"]
        > (story.rows["late data and another price"]["marts.restatements"])
    )


def test_a_second_run_changes_nothing(story: Story) -> None:
    assert story.rows["second run"] == story.rows["late data and another price"]


def test_readers_do_not_notice_the_engine(story: Story) -> None:
    """The exports of both have the same parts, columns and rows, and are read by the same code."""
    sums = "select count(*) as n, sum(cost_usd) as usd, max(occurred_at) as newest from marts.fct_attempts"
    export_marts(story.twins.lab.settings)
    parts = {name: sorted(found) for name, found in read_parts(story.twins.lab.settings).items()}
    ours = ask(story.twins.lab.settings, sums)

    export_marts(story.twins.clickhouse)

    assert {name: sorted(found) for name, found in read_parts(story.twins.clickhouse).items()} == parts
    assert ask(story.twins.clickhouse, sums) == ours
    # and back: what was noted for one engine is not taken for the other's
    assert export_marts(story.twins.lab.settings).unchanged is False
    assert ask(story.twins.lab.settings, sums) == ours


def test_a_batch_that_is_loaded_again_brings_no_row_twice(story: Story) -> None:
    """A load that died after its insert leaves no mark in the ledger: the next one sends the same blocks again."""
    settings = story.twins.clickhouse
    count = "select count() from tokencost_landing.events"
    client = connect(settings)
    try:
        before = client.query(count).result_rows
        client.command("truncate table tokencost_landing._loaded")
        load_landing(client, settings, SHAPES)
        assert client.query(count).result_rows == before
        # rows that are gone although their block was sent once are noticed and sent under another token
        client.command("truncate table tokencost_landing._loaded")
        client.command("delete from tokencost_landing.events where true")
        load_landing(client, settings, SHAPES)
        assert client.query(count).result_rows == before
    finally:
        client.close()


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Twins, list[dict]]:
    """The price oracle: every kind of price, windows by the clock of their own zones; days in a zone of half hours."""
    lab = new_lab(tmp_path_factory.mktemp("oracle_twins"))
    lab.as_of, lab.timezone = "2027-12-01T00:00:00Z", "Asia/Kolkata"
    shutil.copyfile(PRICING / "price_book_oracle.yaml", lab.settings.pricing_dir / "price_book.yaml")
    cases = [*records("oracle.jsonl"), IMAGES]
    lab.drop("events", "oracle.jsonl", [as_event(number, record) for number, record in enumerate(cases)])
    twins = Twins(lab)
    twins.run()
    return twins, cases


def test_every_record_of_the_price_oracle_is_exact_and_equal(oracle: tuple[Twins, list[dict]]) -> None:
    twins, cases = oracle
    assert twins.equal()["marts.fct_attempts"] == len(cases)
    with open_store(twins.clickhouse) as store:
        costs = dict(store.rows("select event_id, cost_usd from marts.fct_attempts"))
    wrong = [n for n, case in enumerate(cases) if costs[f"e{n}"] != Decimal(case["expected_exact"])]
    assert wrong == []


def read_parts(settings: Settings) -> dict[str, dict[str, str]]:
    return (read_current(settings.exports_dir) or {})["parts"]


def test_the_doctor_finds_the_engine_fit(story: Story) -> None:
    found = list(examine(story.twins.clickhouse))
    assert [look for look in found if look[1] == "fail"] == []
    assert len(found) >= 9
