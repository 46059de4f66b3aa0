"""Real LiteLLM files against what the providers really served: exact to the last decimal."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from pipeline_lab import DATA, FACTS, Lab, new_lab

# List prices in USD per 1M tokens, typed here by hand: input, output, cache read, cache write 5 min, 1 h.
LIST_PRICES = {
    "claude-sonnet-4-5-20250929": ("3", "15", "0.3", "3.75", "6"),
    "claude-opus-4-20250514": ("15", "75", "1.5", "18.75", "30"),
    "claude-opus-4-5-20251101": ("5", "25", "0.5", "6.25", "10"),
    "claude-haiku-4-5-20251001": ("1", "5", "0.1", "1.25", "2"),
    "gpt-4o-mini": ("0.15", "0.6", "0.075", "0", "0"),
    "gpt-5-mini": ("0.25", "2", "0.025", "0", "0"),
    "text-embedding-3-small": ("0.02", "0", "0", "0", "0"),
    "house-llm-70b": ("0.9", "0.9", "0.9", "0.9", "0.9"),
}
WITHOUT_A_PRICE = {"ft:acme-7b-v3"}


def true_cost(path: Path) -> tuple[Decimal, int]:
    """(USD of the billed upstream calls, billed calls without any price) from the provider's side."""
    total, unpriced = Decimal(0), 0
    for line in path.read_text().splitlines():
        call = json.loads(line)
        usage = call.get("usage")
        if usage is None or call["api"] == "ollama":
            continue
        if call["model"] in WITHOUT_A_PRICE:
            unpriced += 1
            continue
        rate = [Decimal(price) for price in LIST_PRICES[call["model"]]]
        if call["api"] == "anthropic":  # input_tokens excludes what was read from or written to the cache
            written = usage["cache_creation"]
            counts = [
                usage["input_tokens"],
                usage["output_tokens"],
                usage["cache_read_input_tokens"],
                written["ephemeral_5m_input_tokens"],
                written["ephemeral_1h_input_tokens"],
            ]
        else:  # prompt_tokens includes what was read from the cache
            cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
            counts = [usage["prompt_tokens"] - cached, usage.get("completion_tokens", 0), cached, 0, 0]
        total += sum((n * r for n, r in zip(counts, rate, strict=True)), Decimal(0)) / 1_000_000
    return total, unpriced


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = new_lab(tmp_path_factory.mktemp("payload"))
    lab.drop("litellm_payload", "log.jsonl", DATA / "ingest" / "litellm_payload_1106.jsonl")
    lab.run()
    return lab


@pytest.fixture(scope="module")
def spend_logs(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = new_lab(tmp_path_factory.mktemp("spend"))
    lab.drop("litellm_spend_logs", "table.jsonl", DATA / "ingest" / "litellm_spend_logs_1106.jsonl")
    lab.run()
    return lab


def test_payload_costs_what_the_providers_billed(payload: Lab) -> None:
    truth, unpriced = true_cost(DATA / "truth" / "payload_1106.upstream_calls.jsonl")
    [(ours, reported)] = payload.ask("select sum(cost_usd), sum(reported_cost_usd) from marts.fct_attempts")
    print(f"payload: truth {truth}, ours {ours}, LiteLLM {reported}")
    assert ours == truth == Decimal("1.90300735")
    assert reported == Decimal("0.9453571")  # LiteLLM has forgotten the price of a retired model
    assert payload.ask("select count(*) from marts.fct_attempts where cost_basis = 'unpriced'") == [
        (unpriced,)
    ]


def test_spend_logs_cost_what_the_providers_billed(spend_logs: Lab) -> None:
    truth, unpriced = true_cost(DATA / "truth" / "spenddb_1106.upstream_calls.jsonl")
    [(ours, reported)] = spend_logs.ask(
        "select sum(cost_usd), sum(reported_cost_usd) from marts.fct_attempts"
    )
    print(f"spend logs: truth {truth}, ours {ours}, LiteLLM {reported}")
    assert ours == truth == Decimal("1.84658562")
    assert spend_logs.ask("select count(*) from marts.fct_attempts where cost_basis = 'unpriced'") == [
        (unpriced,)
    ]


@pytest.mark.parametrize("name", ["payload", "spend_logs"])
def test_no_attempt_is_silently_free(name: str, request: pytest.FixtureRequest) -> None:
    lab: Lab = request.getfixturevalue(name)
    silently_free = lab.ask(
        "select * from marts.fct_attempts where cost_usd = 0 and not ("
        "cost_basis = 'not_billed' and (cache_hit or is_failure) or cost_basis = 'free' and is_local)"
    )
    assert silently_free == []


def test_payload_keeps_every_logged_attempt(payload: Lab) -> None:
    assert payload.ask("select count(*), count(distinct request_id) from marts.fct_attempts") == [(212, 182)]
    assert payload.ask("select count(*), sum(attempts) from marts.fct_requests") == [(182, 212)]


def test_billed_tokens_are_those_the_providers_counted(payload: Lab) -> None:
    calls = [
        json.loads(line)
        for line in (DATA / "truth" / "payload_1106.upstream_calls.jsonl").read_text().splitlines()
    ]
    paid = [call["usage"] for call in calls if call.get("usage") and call["api"] == "anthropic"]
    truth = (
        sum(
            u["input_tokens"] + u["cache_read_input_tokens"] + u["cache_creation_input_tokens"] for u in paid
        ),
        sum(u["output_tokens"] for u in paid),
        sum(u["cache_read_input_tokens"] for u in paid),
        sum(u["cache_creation"]["ephemeral_5m_input_tokens"] for u in paid),
        sum(u["cache_creation"]["ephemeral_1h_input_tokens"] for u in paid),
    )
    assert payload.ask(
        "select sum(prompt_tokens)::bigint, sum(completion_tokens)::bigint, sum(cache_read_tokens)::bigint,"
        " sum(cache_write_5m_tokens)::bigint, sum(cache_write_1h_tokens)::bigint"
        " from marts.fct_attempts where provider = 'anthropic' and cost_basis = 'tokens'"
    ) == [truth]


def test_csv_and_jsonl_of_the_same_table_give_identical_facts(spend_logs: Lab, lab: Lab) -> None:
    lab.drop("litellm_spend_logs", "table.csv", DATA / "ingest" / "litellm_spend_logs_1106.csv")
    lab.run()
    assert lab.ask(FACTS) == spend_logs.ask(FACTS)

    lab.drop("litellm_spend_logs", "table.jsonl", DATA / "ingest" / "litellm_spend_logs_1106.jsonl")
    report = lab.run()
    assert (report.total.events, report.total.duplicates) == (0, 192)
    assert lab.ask(FACTS) == spend_logs.ask(FACTS)


def test_a_call_in_two_sources_counts_once(payload: Lab, lab: Lab) -> None:
    """The payload's own calls, seen again by a request-grain table."""
    lab.drop("litellm_payload", "log.jsonl", DATA / "ingest" / "litellm_payload_1106.jsonl")
    calls = payload.ask(
        "select request_id, min(occurred_at)::varchar from marts.fct_attempts"
        " group by 1 having bool_or(cost_basis in ('tokens', 'free', 'unpriced'))"
    )
    lab.drop(
        "litellm_spend_logs",
        "same_calls.jsonl",
        [
            {
                "request_id": f"chatcmpl-{call}",
                "litellm_call_id": call,
                "call_type": "acompletion",
                "spend": 9.0,
                "prompt_tokens": 1,
                "completion_tokens": 1,
                "total_tokens": 2,
                "startTime": at.removesuffix("+00"),
                "endTime": at.removesuffix("+00"),
                "model": "openai/gpt-4o-mini",
                "model_group": "gpt-4o-mini",
                "custom_llm_provider": "openai",
                "metadata": {},
                "cache_hit": "False",
                "status": "success",
            }
            for call, at in calls
        ],
    )
    lab.run()
    assert lab.ask("select count(*), sum(cost_usd) from marts.fct_attempts") == payload.ask(
        "select count(*), sum(cost_usd) from marts.fct_attempts"
    )
    assert lab.ask(
        "select count(distinct request_id) from marts.fct_attempts"
        " where merged_sources = 'litellm_payload,litellm_spend_logs'"
    ) == [(len(calls),)]


def test_a_broken_stream_is_told_by_the_source_that_saw_the_bill(lab: Lab) -> None:
    """The payload says failure, nothing used; the table has what had been streamed, and its cost."""
    at = 1795254900.0
    lab.drop(
        "litellm_payload",
        "log.jsonl",
        [
            {
                "id": "c1",
                "litellm_call_id": "c1",
                "status": "failure",
                "custom_llm_provider": "anthropic",
                "model": "anthropic/claude-sonnet-4-5-20250929",
                "startTime": at,
                "endTime": at + 1,
                "prompt_tokens": 0,
                "completion_tokens": 0,
                "total_tokens": 0,
                "response_cost": 0.0,
                "metadata": {},
                "cache_hit": None,
            }
        ],
    )
    lab.drop(
        "litellm_spend_logs",
        "table.jsonl",
        [
            {
                "request_id": "c1",
                "litellm_call_id": "c1",
                "status": "failure",
                "custom_llm_provider": "anthropic",
                "model": "anthropic/claude-sonnet-4-5-20250929",
                "startTime": "2026-11-21T09:55:00.000",
                "endTime": "2026-11-21T09:55:01.000",
                "prompt_tokens": 1000,
                "completion_tokens": 3,
                "total_tokens": 1003,
                "spend": 0.003045,
                "metadata": {},
                "cache_hit": "False",
            }
        ],
    )
    lab.run()
    assert lab.ask("select source, cost_basis, cost_usd from marts.fct_attempts") == [
        ("litellm_spend_logs", "tokens", Decimal("0.003045"))
    ]
