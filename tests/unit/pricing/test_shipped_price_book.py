"""The book we ship: wide enough, sourced, sane, and right about every price change that was researched."""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tokencost_pipeline.pricing.baselines import load_routing_baselines
from tokencost_pipeline.pricing.book import PriceBook
from tokencost_pipeline.pricing.expand import ExpandedBook, expand
from tokencost_pipeline.pricing.read_book import load_price_book
from tokencost_pipeline.pricing.strict_yaml import read_strict_yaml

ROOT = Path(__file__).parents[3]
BOOK = ROOT / "pricing" / "price_book.yaml"
SCHEMA = ROOT / "tokencost_pipeline" / "pricing" / "price_book.schema.json"
CASES = ROOT / "tests" / "data" / "pricing" / "price_history_cases.jsonl"
AS_OF = "2026-11-21T10:00:00Z"

PROVIDERS = [
    *("openai", "anthropic", "google", "bedrock", "mistral"),
    *("deepseek", "xai", "groq", "cohere", "ollama"),
]
RETIRED = [
    *("anthropic/claude-opus-4-20250514", "anthropic/claude-sonnet-4-20250514", "anthropic/claude-2.1"),
    *("anthropic/claude-3-opus-20240229", "anthropic/claude-3-5-sonnet-20240620"),
    *("anthropic/claude-3-5-sonnet-20241022", "anthropic/claude-3-5-haiku-20241022"),
    *(
        "openai/gpt-4-turbo",
        "openai/gpt-4",
        "openai/gpt-3.5-turbo",
        "openai/gpt-4o-2024-05-13",
        "openai/o1-mini",
    ),
    *("google/gemini-1.5-pro", "google/gemini-1.5-flash", "google/gemini-1.5-flash-8b", "cohere/command-r"),
]


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return load_price_book(BOOK)


@pytest.fixture(scope="module")
def flat(book: PriceBook) -> ExpandedBook:
    return expand(book)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def billed_model(flat: ExpandedBook, provider: str, name: str, at: datetime) -> str:
    """Exact name first, then what its alias means at that instant, then the name without its date."""
    if any((row["provider"], row["model"]) == (provider, name) for row in flat.prices):
        return name
    base = re.sub(r"-(\d{8}|\d{4}-\d{2}-\d{2})$", "", name)
    for match, alias in (("exact", name), ("date_suffix", base)):
        known = [
            row
            for row in flat.aliases
            if (row["provider"], row["alias"], row["match"]) == (provider, alias, match)
            and row["effective_from"] <= at
        ]
        if known:
            return str(max(known, key=lambda row: (row["effective_from"], row["recorded_at"]))["model"])
    return name


def card(
    flat: ExpandedBook, provider: str, name: str, at: str, input_tokens: int = 0, **key: str
) -> dict[str, Any] | None:
    """The plain rate card in force: newest effective_from, then newest recorded_at, retracted ones gone."""
    moment = instant(at)
    model = billed_model(flat, provider, name, moment)
    wanted = (provider, model, key.get("region", "default"), key.get("service_tier", "standard"), "")
    versions: dict[datetime, list[dict[str, Any]]] = {}
    for row in flat.prices:
        own = tuple(row[name] for name in ("provider", "model", "region", "service_tier", "window_key"))
        if own == wanted and row["effective_from"] <= moment:
            versions.setdefault(row["effective_from"], []).append(row)
    for effective_from in sorted(versions, reverse=True):
        newest = max(row["recorded_at"] for row in versions[effective_from])
        cards = [row for row in versions[effective_from] if row["recorded_at"] == newest]
        if cards[0]["status"] == "ended":
            return None
        if cards[0]["status"] == "active":
            return max(
                (row for row in cards if row["min_context_tokens"] <= input_tokens),
                key=lambda row: row["min_context_tokens"],
            )
    return None


def rates(row: dict[str, Any] | None, *names: str) -> list[str]:
    assert row is not None
    return [f"{row[f'{name}_rate'].normalize():f}" for name in names]


def test_it_is_wide_enough(book: PriceBook):
    models = {(row.provider, row.model) for row in book.prices}
    by_provider = {provider: sum(1 for p, _ in models if p == provider) for provider in PROVIDERS}
    assert len(models - {("ollama", "*")}) >= 80
    assert min(by_provider.values()) >= 5, by_provider
    assert BOOK.stat().st_size < 900 * 1024


def test_every_row_names_its_source(book: PriceBook):
    for row in book.prices:
        assert isinstance(row.source, dict), row.id
        assert {"verified"} < set(row.source), row.id
        assert {"url", "catalogue", "configured"} & set(row.source), row.id


def test_it_is_good_by_the_editors_schema_too():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    errors = jsonschema.Draft202012Validator(schema).iter_errors(read_strict_yaml(BOOK).value)
    assert next(errors, None) is None


@pytest.mark.parametrize("model", RETIRED)
def test_retired_models_are_still_priced(flat: ExpandedBook, model: str):
    provider, _, name = model.partition("/")
    assert card(flat, provider, name, AS_OF) is not None


ALL_ANTHROPIC = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-sonnet-4-5-20250929", "3 15 0.3 3.75 6"),
        ("claude-sonnet-4-5", "3 15 0.3 3.75 6"),
        ("claude-opus-4-20250514", "15 75 1.5 18.75 30"),
        ("claude-opus-4-5-20251101", "5 25 0.5 6.25 10"),
        ("claude-haiku-4-5-20251001", "1 5 0.1 1.25 2"),
        ("claude-opus-4-6-20260205", "5 25 0.5 6.25 10"),
    ],
)
def test_anthropic_list_prices(flat: ExpandedBook, model: str, expected: str):
    assert rates(card(flat, "anthropic", model, AS_OF), *ALL_ANTHROPIC) == expected.split()


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o-mini", "0.15 0.6 0.075"),
        ("gpt-4o-mini-2024-07-18", "0.15 0.6 0.075"),
        ("gpt-5-mini", "0.25 2 0.025"),
        ("gpt-5-mini-2025-08-07", "0.25 2 0.025"),
        ("gpt-4o", "2.5 10 1.25"),
    ],
)
def test_openai_list_prices(flat: ExpandedBook, model: str, expected: str):
    assert rates(card(flat, "openai", model, AS_OF), "input", "output", "cache_read") == expected.split()


def test_embeddings_cost_nothing_for_output(flat: ExpandedBook):
    assert rates(card(flat, "openai", "text-embedding-3-small", AS_OF), "input", "output") == ["0.02", "0"]


def test_long_requests_have_their_own_card(flat: ExpandedBook):
    at = "2025-10-15T00:00:00Z"
    assert rates(card(flat, "anthropic", "claude-sonnet-4-5", at, 200_000), "input") == ["3"]
    assert rates(card(flat, "anthropic", "claude-sonnet-4-5", at, 200_001), *ALL_ANTHROPIC) == (
        ["6", "22.5", "0.6", "7.5", "12"]
    )


def test_regions_and_tiers_have_their_own_cards(flat: ExpandedBook):
    def opus(**key: str) -> list[str]:
        return rates(card(flat, "anthropic", "claude-opus-4-8", AS_OF, **key), "input", "output")

    assert opus(service_tier="batch") == ["2.5", "12.5"]
    assert opus(region="us") == ["5.5", "27.5"]
    assert opus(region="us", service_tier="fast") == ["11", "55"]
    assert rates(card(flat, "openai", "gpt-5", AS_OF, service_tier="priority"), "input") == ["2.5"]


def test_a_cancelled_increase_is_withdrawn_in_every_region(flat: ExpandedBook):
    assert rates(card(flat, "anthropic", "claude-sonnet-5", AS_OF), "input", "output") == ["2", "10"]
    assert rates(card(flat, "anthropic", "claude-sonnet-5", AS_OF, region="us"), "input") == ["2.2"]


def test_the_samples_own_model_is_priced_and_the_one_without_a_price_is_not(flat: ExpandedBook):
    assert rates(card(flat, "openai", "house-llm-70b", AS_OF), "input", "output") == ["0.9", "0.9"]
    assert card(flat, "openai", "ft:acme-7b-v3", AS_OF) is None


def test_local_models_are_free_by_a_written_zero(flat: ExpandedBook):
    assert rates(card(flat, "ollama", "*", AS_OF), "input", "output") == ["0", "0"]


def cases() -> list[Any]:
    with CASES.open(encoding="utf-8") as lines:
        read = [json.loads(line) for line in lines]
    return [pytest.param(case, id=f"{case['change']}-{case['when']}") for case in read]


@pytest.mark.parametrize("case", cases())
def test_every_researched_price_change_is_priced_right_before_at_and_after(
    flat: ExpandedBook, case: dict[str, Any]
):
    provider = {"x-ai": "xai"}.get(case["provider"], case["provider"])
    usage = case["usage"]
    row = card(flat, provider, case["model"], case["event_time"], usage["input_tokens"])
    assert row is not None
    micro = usage["input_tokens"] * row["input_rate"] + usage["output_tokens"] * row["output_rate"]
    assert micro * Decimal("0.000001") == Decimal(case["expected_exact"])


@pytest.mark.parametrize(
    ("provider", "model", "before", "at", "name"),
    [
        ("openai", "gpt-4o", "2024-10-01T23:59:59Z 5", "2024-10-02T00:00:00Z 2.5", "input"),
        ("openai", "gpt-3.5-turbo", "2024-02-15T23:59:59Z 1", "2024-02-16T00:00:00Z 0.5", "input"),
        ("openai", "o1-mini", "2025-01-30T23:59:59Z 3", "2025-01-31T00:00:00Z 1.1", "input"),
        (
            "openai",
            "gpt-4o-audio-preview",
            "2024-12-16T23:59:59Z 100",
            "2024-12-17T00:00:00Z 40",
            "input_audio",
        ),
        ("openai", "gpt-5.6-sol", "2026-08-20T23:59:59Z 30", "2026-08-21T00:00:00Z 20", "output"),
        (
            "bedrock",
            "us.openai.gpt-5.6-luna",
            "2026-07-29T23:59:59Z 1.1",
            "2026-07-30T00:00:00Z 0.22",
            "input",
        ),
        (
            "anthropic",
            "claude-3-5-haiku-20241022",
            "2024-12-02T23:59:59Z 5",
            "2024-12-03T00:00:00Z 4",
            "output",
        ),
        (
            "anthropic",
            "claude-sonnet-5-5",
            "2026-10-06T23:59:59Z 0.2",
            "2026-10-07T00:00:00Z 0.1",
            "cache_read",
        ),
        ("deepseek", "deepseek-chat", "2025-02-08T15:59:59Z 0.14", "2025-02-08T16:00:00Z 0.27", "input"),
        ("deepseek", "deepseek-chat", "2025-09-05T15:59:59Z 1.1", "2025-09-05T16:00:00Z 1.68", "output"),
        ("deepseek", "deepseek-v4-flash", "2026-08-16T15:59:59Z 0.14", "2026-08-16T16:00:00Z 0.22", "input"),
        ("deepseek", "deepseek-v4-pro", "2026-08-16T15:59:59Z 0.87", "2026-08-16T16:00:00Z 1.98", "output"),
        ("google", "gemini-3.8-flash", "2026-12-31T23:59:59Z 0.75", "2027-01-01T00:00:00Z 1.5", "input"),
        ("mistral", "mistral-large-latest", "2024-07-23T23:59:59Z 4", "2024-07-24T00:00:00Z 3", "input"),
        ("mistral", "mistral-large-latest", "2024-09-16T23:59:59Z 9", "2024-09-17T00:00:00Z 6", "output"),
        ("mistral", "mistral-large-4", "2026-10-28T23:59:59Z 4.18", "2026-10-29T00:00:00Z 2.1", "output"),
        ("cohere", "command-r", "2024-08-29T23:59:59Z 0.5", "2024-08-30T00:00:00Z 0.15", "input"),
        ("groq", "openai/gpt-oss-20b", "2026-01-18T23:59:59Z 0.5", "2026-01-19T00:00:00Z 0.3", "output"),
        ("zai", "GLM-5.3-Flash", "2026-09-09T23:59:59Z 0.075", "2026-09-10T00:00:00Z 0.15", "input"),
    ],
)
def test_the_other_changes_switch_at_their_instant(
    flat: ExpandedBook, provider: str, model: str, before: str, at: str, name: str
):
    for moment, expected in (before.split(), at.split()):
        assert rates(card(flat, provider, model, moment), name) == [expected]


def test_long_context_bands_come_and_go_at_their_instant(flat: ExpandedBook):
    def sonnet(name: str, at: str) -> list[str]:
        return rates(card(flat, "anthropic", name, at, 300_000), "input", "output")

    assert sonnet("claude-sonnet-4-20250514", "2025-08-11T23:59:59Z") == ["3", "15"]
    assert sonnet("claude-sonnet-4-20250514", "2025-08-12T00:00:00Z") == ["6", "22.5"]
    assert sonnet("claude-opus-4-6", "2026-03-12T23:59:59Z") == ["10", "37.5"]
    assert sonnet("claude-opus-4-6", "2026-03-13T00:00:00Z") == ["5", "25"]


def test_peak_hours_are_windows_that_were_ended_when_weekends_became_cheap(flat: ExpandedBook):
    peaks = [row for row in flat.prices if row["model"] == "deepseek-v4-pro" and row["window_key"]]
    assert [(f"{row['effective_from']:%m-%d}", row["status"], row["window_weekdays"]) for row in peaks] == [
        ("08-16", "active", None),
        ("08-22", "ended", None),
        ("08-22", "active", "1,2,3,4,5"),
    ]
    assert {row["window_minutes"] for row in peaks} == {"60-240,360-600"}


def test_fees_follow_their_history(flat: ExpandedBook):
    ocr = [
        card(flat, "mistral", "mistral-ocr-latest", at)
        for at in ("2026-06-22T23:59:59Z", "2026-06-23T00:00:00Z")
    ]
    assert [(row["input_page_fee"], row["input_page_per"]) for row in ocr if row] == [(2, 1000), (4, 1000)]
    search = [card(flat, "google", "gemini-3-pro-preview", at) for at in ("2026-01-04T00:00:00Z", AS_OF)]
    assert [row["web_search_fee"] for row in search if row] == [None, 14]


def test_every_alias_leads_to_a_priced_model(book: PriceBook):
    priced = {(row.provider, row.model) for row in book.prices}
    assert [row.alias for row in book.aliases if (row.provider, row.model) not in priced] == []


def test_every_baseline_is_priced_and_covers_the_samples_aliases(flat: ExpandedBook):
    baselines = load_routing_baselines(ROOT / "pricing" / "routing_baselines.yaml")
    for rule in baselines.rules:
        assert rule.provider
        assert rule.model
        assert card(flat, rule.provider, rule.model, AS_OF) is not None
    asked = {rule.model_requested for rule in baselines.rules}
    assert {"claude-3-5-sonnet", "claude-3-haiku", "gpt-4", "gpt-3.5-turbo", "*"} <= asked


def test_no_rate_defies_common_sense(flat: ExpandedBook):
    """The cheap guards that would have caught every catalogue error we know of."""
    for row in flat.prices:
        known = {name: row[f"{name}_rate"] for name in ALL_ANTHROPIC}
        where = row["price_id"]
        if known["input"] is not None and known["cache_read"] is not None:
            assert known["cache_read"] <= known["input"], where
        if known["cache_write_1h"] is not None:
            assert known["cache_write_5m"] <= known["cache_write_1h"], where
        assert (known["input"] or 0) <= 200, where
    for low, high in bands_side_by_side(flat):
        for name in ALL_ANTHROPIC:
            if low[f"{name}_rate"] is not None and high[f"{name}_rate"] is not None:
                assert low[f"{name}_rate"] <= high[f"{name}_rate"], low["price_id"]


def bands_side_by_side(flat: ExpandedBook) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [
        (low, high)
        for low, high in zip(flat.prices, flat.prices[1:], strict=False)
        if low["price_id"] == high["price_id"]
    ]


@pytest.mark.parametrize(
    ("tier", "dearest"), [("batch", Decimal(1)), ("flex", Decimal(1)), ("priority", Decimal(3))]
)
def test_tiers_keep_their_distance_from_the_standard_price(flat: ExpandedBook, tier: str, dearest: Decimal):
    checked = 0
    for row in flat.prices:
        if (row["service_tier"], row["region"], row["status"]) != (tier, "default", "active"):
            continue
        at = f"{row['effective_from']:%Y-%m-%dT%H:%M:%SZ}"
        standard = card(flat, row["provider"], row["model"], at, row["min_context_tokens"])
        assert standard is not None, f"{row['price_id']} has no standard row beside it"
        for name in ALL_ANTHROPIC:
            if row[f"{name}_rate"] is not None and standard[f"{name}_rate"] is not None:
                assert row[f"{name}_rate"] <= standard[f"{name}_rate"] * dearest, row["price_id"]
                checked += 1
    assert checked > 50


def test_anthropic_models_with_prompt_caching_have_both_write_rates(flat: ExpandedBook):
    for row in flat.prices:
        caches = row["provider"] == "anthropic" and not row["model"].startswith(
            ("claude-2", "claude-instant")
        )
        if caches and row["status"] == "active":
            assert row["cache_write_5m_rate"] is not None, row["price_id"]
            assert row["cache_write_1h_rate"] is not None, row["price_id"]
