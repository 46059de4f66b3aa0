"""Invoices beside our figures, through the real ingest, dbt and exports: every gap has its cause and adds up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import orjson
import pytest
from pipeline_lab import Lab, event, new_lab

from tokencost_pipeline.checks.invoices import BY_CAUSE, verdict
from tokencost_pipeline.pipeline import plan_build
from tokencost_pipeline.warehouse.look import ask

DAYS = ("2026-11-17", "2026-11-18", "2026-11-19")
MINI = "gpt-4o-mini-2024-07-18"  # as billed; the events say gpt-4o-mini
HAIKU = "claude-haiku-4-5-20251001"  # as billed; the events say claude-haiku-4-5


def openai_page(day: str, lines: dict[str, str]) -> bytes:
    """A page of organization costs in USD, with numbers written as given."""
    start = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    results = [
        {"amount": {"value": orjson.Fragment(amount), "currency": "usd"}, "line_item": item}
        for item, amount in lines.items()
    ]
    bucket = {"start_time": start, "end_time": start + 86400, "results": results}
    return orjson.dumps({"object": "page", "data": [bucket]}) + b"\n"


def anthropic_page(day: str, cents: str, currency: str = "USD") -> bytes:
    """A cost_report page with one line of Haiku, printed over many lines."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    bucket = {
        "starting_at": start.isoformat(),
        "ending_at": (start + timedelta(days=1)).isoformat(),
        "results": [{"amount": cents, "currency": currency, "model": HAIKU, "description": "Haiku Usage"}],
    }
    return orjson.dumps({"data": [bucket]}, option=orjson.OPT_INDENT_2)


def traffic() -> list[dict[str, Any]]:
    """On three days 2.10 USD of gpt-4o-mini in the last second of the UTC day and 1 USD of Haiku in its first."""
    lines = [
        event(n, f"{day}T23:59:59Z", prompt_tokens=10_000_000, completion_tokens=1_000_000)
        for n, day in enumerate(DAYS)
    ]
    haiku: dict[str, Any] = {"provider": "anthropic", "model": "claude-haiku-4-5"}
    lines += [
        event(10 + n, f"{day}T00:00:00Z", prompt_tokens=1_000_000, completion_tokens=0, **haiku)
        for n, day in enumerate(DAYS)
    ]
    lines.append(event(20, f"{DAYS[0]}T10:00:00Z", model="gpt-9-secret"))  # without a price
    lines.append(event(21, "2026-11-16T10:00:00Z", prompt_tokens=10_000_000))  # a day without an invoice
    return lines


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """In a zone in which both calls of a UTC day fall on another local day than most of it."""
    lab = new_lab(tmp_path_factory.mktemp("reconciliation"))
    lab.timezone = "America/Los_Angeles"
    lab.drop("events", "a.jsonl", traffic())
    first = {f"{MINI}, input": "1.65", f"{MINI}, output": "0.66", "gpt-9-secret, input": "12.345"}
    pages = [
        openai_page(DAYS[0], {**first, "o9-gone, output": "3.500000000000001"}),
        openai_page(DAYS[1], {f"{MINI}, input": "2.31"}),
        openai_page(DAYS[2], {f"{MINI}, input": "2.312"}),
    ]
    lab.drop("invoices/openai", "2026-11-20.jsonl", b"".join(pages))
    lab.drop("invoices/openai", "torn.json", b'{"data": [\n')
    lab.drop("invoices/anthropic", "1.json", anthropic_page(DAYS[0], "100"))
    lab.drop("invoices/anthropic", "2.json", anthropic_page(DAYS[1], "101.5"))
    lab.drop("invoices/anthropic", "3.json", anthropic_page(DAYS[2], "90", "EUR"))
    report = lab.run()
    assert report.unrecognised == ()
    lab.export()
    return lab


def test_every_gap_has_its_cause_under_the_name_the_book_knows(lab: Lab) -> None:
    rows = lab.ask(
        "select provider, day::varchar, model, cause, computed_usd, invoiced_usd, gap_usd, attempts,"
        " unpriced_attempts from marts.reconciliation order by provider, day, model"
    )
    d = Decimal
    assert rows == [
        ("anthropic", DAYS[0], HAIKU, "none", d(1), d(1), d(0), 1, 0),
        ("anthropic", DAYS[1], HAIKU, "unexplained", d(1), d("1.015"), d("0.015"), 1, 0),
        ("anthropic", DAYS[2], HAIKU, "other_currency", None, None, None, None, None),
        ("openai", DAYS[0], "gpt-4o-mini", "price_difference", d("2.1"), d("2.31"), d("0.21"), 1, 0),
        ("openai", DAYS[0], "gpt-9-secret", "unpriced_models", None, d("12.345"), d("12.345"), 1, 1),
        (
            "openai",
            DAYS[0],
            "o9-gone",
            "missing_traffic",
            d(0),
            d("3.500000000000001"),
            d("3.500000000000001"),
            0,
            0,
        ),
        ("openai", DAYS[1], "gpt-4o-mini", "price_difference", d("2.1"), d("2.31"), d("0.21"), 1, 0),
        ("openai", DAYS[2], "gpt-4o-mini", "price_difference", d("2.1"), d("2.312"), d("0.212"), 1, 0),
    ]


def test_the_gaps_add_up_to_invoices_less_facts_to_the_last_decimal(lab: Lab) -> None:
    [(gap, computed)] = lab.ask("select sum(gap_usd), sum(computed_usd) from marts.reconciliation")
    [(invoiced,)] = lab.ask("select sum(amount) from staging.stg_invoices__lines where currency = 'USD'")
    [(facts,)] = lab.ask(
        "select sum(cost_usd) from marts.fct_attempts where timezone('UTC', occurred_at)::date >= date '2026-11-17'"
        " and not (provider = 'anthropic' and timezone('UTC', occurred_at)::date = date '2026-11-19')"
    )
    assert computed == facts == Decimal("8.3")
    assert gap == invoiced - facts == Decimal("16.492000000000001")


def test_a_refused_invoice_is_in_the_quarantine_with_its_line(lab: Lab) -> None:
    [(path, line, reason, source)] = lab.ask("select path, line_no, reason, source from ingest.quarantine")
    assert (path, line, source) == ("invoices/openai/torn.json", 2, "invoices")
    assert reason.startswith("not valid JSON")


def test_the_check_warns_and_names_the_provider_that_is_apart(lab: Lab) -> None:
    result = verdict(ask(lab.settings, BY_CAUSE))
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert result.metadata["providers apart"].value == "openai"
    assert result.metadata["gap in USD"].value == "16.492000000000001"
    assert "price_difference" in str(result.metadata["gap by cause"].value)


def test_the_check_passes_without_invoices_and_for_small_gaps() -> None:
    def row(gap: str, invoiced: str, cause: str = "unexplained") -> dict[str, object]:
        return {"provider": "p", "cause": cause, "gap_usd": Decimal(gap), "invoiced_usd": Decimal(invoiced)}

    assert verdict([]).passed
    assert verdict([row("1", "5")]).passed
    assert not verdict([row("1.01", "5")]).passed
    assert verdict([row("-10", "1000")]).passed
    assert not verdict([row("-10.01", "1000")]).passed
    assert verdict(
        [{"provider": "p", "cause": "other_currency", "gap_usd": None, "invoiced_usd": None}]
    ).passed


def test_only_a_changed_invoice_asks_for_another_build(lab: Lab) -> None:
    lab.land()
    before = plan_build(lab.settings, forced=False)
    again = lab.drop("invoices/openai", "2026-11-21.json", openai_page(DAYS[1], {f"{MINI}, input": "2.10"}))
    lab.land()
    after = plan_build(lab.settings, forced=False)
    again.unlink()
    assert "reconciliation" not in before.only
    assert before.only
    assert not after.only
