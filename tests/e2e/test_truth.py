"""Real files of every format against what the providers really served: exact to the last decimal.

One laboratory takes them all at once, so that what each file shows also holds beside all others.
"""

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


def true_cost(path: Path, *, lifetimes_known: bool = True) -> tuple[Decimal, int]:
    """(USD of the billed upstream calls, billed calls without any price) from the provider's side. A format that does
    not tell how long a cache write lives can only be priced as if all lived 5 minutes."""
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
            short, long = written["ephemeral_5m_input_tokens"], written["ephemeral_1h_input_tokens"]
            counts = [
                usage["input_tokens"],
                usage["output_tokens"],
                usage["cache_read_input_tokens"],
                short if lifetimes_known else short + long,
                long if lifetimes_known else 0,
            ]
        else:  # prompt_tokens includes what was read from the cache
            cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
            counts = [usage["prompt_tokens"] - cached, usage.get("completion_tokens", 0), cached, 0, 0]
        total += sum((n * r for n, r in zip(counts, rate, strict=True)), Decimal(0)) / 1_000_000
    return total, unpriced


def table(name: str) -> Path:
    return DATA / "truth" / f"{name}.upstream_calls.jsonl"


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = new_lab(tmp_path_factory.mktemp("everything"))
    for source in ("litellm_payload", "litellm_spend_logs", "otlp", "claude_code"):
        for path in sorted((DATA / "ingest").glob(f"{source}*")):
            if path.suffix != ".csv":
                lab.drop(source, path.name, path)
    for path in sorted((DATA / "litellm_log").glob("*.gz")):
        lab.drop("litellm_log", path.name, path)
    lab.run()
    return lab


FILES = {
    # file: (truth, are lifetimes of cache writes known, USD, LiteLLM's own sum, attempts, requests)
    "litellm_payload_1106.jsonl": ("payload_1106", True, "1.90300735", "0.9453571", 212, 182),
    "litellm_spend_logs_1106.jsonl": ("spenddb_1106", True, "1.84658562", "1.11817062", 192, 192),
    "otlp_genai_1106.jsonl": ("otel_v2json_1106", False, "0.70554336", "0.34321086", 74, 58),
}


@pytest.mark.parametrize("name", FILES)
def test_each_file_costs_what_the_providers_billed(everything: Lab, name: str) -> None:
    run, lifetimes_known, cost, litellm, attempts, requests = FILES[name]
    truth, unpriced = true_cost(table(run), lifetimes_known=lifetimes_known)
    [shown] = everything.ask(
        "select sum(cost_usd), sum(reported_cost_usd), count(*), count(distinct request_id),"
        " count(*) filter (where cost_basis = 'unpriced') from marts.fct_attempts where path like ?",
        f"%/{name}",
    )
    print(
        f"{name}: truth {truth}, ours {shown[0]}, LiteLLM {shown[1]}, {shown[2]} attempts, {shown[3]} requests"
    )
    assert shown[0] == truth == Decimal(cost)
    assert shown[1:] == (Decimal(litellm), attempts, requests, unpriced)


def test_the_whole_set_at_once_is_the_sum_of_its_files(everything: Lab) -> None:
    """Nothing of one file counts in another; plain logs and their copies of the same traffic count in no total."""
    by_file = everything.ask(
        "select sum(cost_usd), count(*) filter (where grain != 'count'), count(*) from marts.fct_attempts"
    )
    [(cost, calls, rows)] = by_file
    assert everything.ask("select sum(cost_usd), sum(attempts) from marts.agg_daily") == [(cost, calls)]
    assert rows - calls == 1310
    [(parts,)] = everything.ask(
        "select sum(cost) from (select sum(cost_usd) as cost from marts.fct_attempts group by path)"
    )
    assert parts == cost
    known = sum(Decimal(FILES[name][2]) for name in FILES)
    [(others,)] = everything.ask(
        "select sum(cost_usd) from marts.fct_attempts"
        " where source = 'claude_code' or path like '%litellm_payload_1_80.jsonl'"
    )
    assert cost == known + others
    assert everything.ask("select count(*) from ingest.conflicts") == [(0,)]
    assert everything.ask("select count(*) from ingest.quarantine") == [(0,)]


def test_plain_logs_are_counted_and_never_costed(everything: Lab) -> None:
    assert everything.ask(
        "select distinct cost_basis, cost_usd, prompt_tokens, request_id from marts.fct_attempts where grain = 'count'"
    ) == [("count_only", None, None, None)]
    assert everything.ask(
        "select observation, sum(observations)::int from marts.agg_litellm_log group by 1 order by 1"
    ) == [("ccproxy_panel", 60), ("http_request", 1008), ("provider_attempt", 242)]


def test_a_second_run_adds_no_count(everything: Lab) -> None:
    (everything.settings.raw_dir / "litellm_log" / "one_more.log").write_text(
        'INFO:     127.0.0.1:4 - "POST /v1/chat/completions HTTP/1.1" 200 OK\n', "utf-8"
    )
    everything.run()
    assert everything.ask("select count(*) from marts.fct_attempts where grain = 'count'") == [(1311,)]


def test_no_attempt_is_silently_free(everything: Lab) -> None:
    silently_free = everything.ask(
        "select * from marts.fct_attempts where cost_usd = 0 and not ("
        "cost_basis = 'not_billed' and (cache_hit or is_failure) or cost_basis = 'free' and is_local)"
    )
    assert silently_free == []


def test_requests_hold_all_attempts(everything: Lab) -> None:
    assert everything.ask("select count(*), sum(attempts) from marts.fct_requests") == everything.ask(
        "select count(distinct request_id), count(request_id) from marts.fct_attempts"
    )


def test_billed_tokens_are_those_the_providers_counted(everything: Lab) -> None:
    calls = [json.loads(line) for line in table("payload_1106").read_text().splitlines()]
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
    assert everything.ask(
        "select sum(prompt_tokens)::bigint, sum(completion_tokens)::bigint, sum(cache_read_tokens)::bigint,"
        " sum(cache_write_5m_tokens)::bigint, sum(cache_write_1h_tokens)::bigint"
        " from marts.fct_attempts where provider = 'anthropic' and cost_basis = 'tokens'"
        " and path like '%litellm_payload_1106.jsonl'"
    ) == [truth]


def test_csv_and_jsonl_of_the_same_table_give_identical_facts(everything: Lab, lab: Lab) -> None:
    lab.drop("litellm_spend_logs", "table.csv", DATA / "ingest" / "litellm_spend_logs_1106.csv")
    lab.run()
    facts = FACTS.replace("marts.fct_attempts", "marts.fct_attempts where source = 'litellm_spend_logs'")
    assert lab.ask(FACTS) == everything.ask(facts)

    lab.drop("litellm_spend_logs", "table.jsonl", DATA / "ingest" / "litellm_spend_logs_1106.jsonl")
    report = lab.ingest()
    assert (report.total.events, report.total.duplicates) == (0, 192)


@pytest.fixture(scope="module")
def twice(everything: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, int]:
    """The payload's own calls, seen again by a request-grain table and by spans; and a stream that broke."""
    lab = new_lab(tmp_path_factory.mktemp("twice"))
    lab.drop("litellm_payload", "log.jsonl", DATA / "ingest" / "litellm_payload_1106.jsonl")
    calls = everything.ask(
        "select request_id, min(occurred_at)::varchar from marts.fct_attempts"
        " where path like '%litellm_payload_1106.jsonl'"
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
    lab.drop("otlp", "same_calls.jsonl", [span(number, call) for number, (call, _) in enumerate(calls)])
    drop_broken_stream(lab)
    lab.run()
    return lab, len(calls)


def span(number: int, call: str) -> dict:
    """A chat span as LiteLLM writes it, of a call that other sources tell as well."""
    begun = 1795254900 + number
    values = {
        "litellm.call_id": {"stringValue": call},
        "gen_ai.operation.name": {"stringValue": "chat"},
        "gen_ai.provider.name": {"stringValue": "openai"},
        "gen_ai.request.model": {"stringValue": "gpt-4o-mini"},
        "gen_ai.usage.input_tokens": {"intValue": "7"},
        "gen_ai.usage.output_tokens": {"intValue": "7"},
    }
    told = {
        "traceId": f"{number + 1:032x}",
        "spanId": f"{number + 1:016x}",
        "name": "chat gpt-4o-mini",
        "kind": 3,
        "startTimeUnixNano": f"{begun}000000000",
        "endTimeUnixNano": f"{begun + 1}000000000",
        "attributes": [{"key": key, "value": value} for key, value in values.items()],
        "status": {},
    }
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [told]}]}]}


def test_a_call_in_several_sources_counts_once(everything: Lab, twice: tuple[Lab, int]) -> None:
    lab, calls = twice
    assert lab.ask(
        "select count(*), sum(cost_usd) from marts.fct_attempts where request_id != 'broken'"
    ) == everything.ask(
        "select count(*), sum(cost_usd) from marts.fct_attempts where path like '%litellm_payload_1106.jsonl'"
    )
    assert lab.ask(
        "select count(distinct request_id) from marts.fct_attempts"
        " where merged_sources = 'litellm_payload,litellm_spend_logs,otlp'"
    ) == [(calls,)]


def test_a_broken_stream_is_told_by_the_source_that_saw_the_bill(twice: tuple[Lab, int]) -> None:
    """The payload says failure, nothing used; the table has what had been streamed, and its cost."""
    assert twice[0].ask(
        "select source, cost_basis, cost_usd from marts.fct_attempts where request_id = 'broken'"
    ) == [("litellm_spend_logs", "tokens", Decimal("0.003045"))]


def drop_broken_stream(lab: Lab) -> None:
    at = 1795254900.0
    lab.drop(
        "litellm_payload",
        "broken.jsonl",
        [
            {
                "id": "broken",
                "litellm_call_id": "broken",
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
        "broken.jsonl",
        [
            {
                "request_id": "broken",
                "litellm_call_id": "broken",
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
