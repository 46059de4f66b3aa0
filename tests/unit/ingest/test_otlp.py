"""OTLP/JSON GenAI spans, against what the providers served and against the rules of the conventions."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_lab import FIXTURES, NOW, Lab
from provider_truth import failed, landed, one_lifetime, served

from tokencost_pipeline.ingest.fields import Ignored, Refused
from tokencost_pipeline.ingest.gate import parse_object, parse_value
from tokencost_pipeline.ingest.sources.otlp import map_span, spans

LOG = "otlp_genai_1106.jsonl"
WHOLE = "tokens: expected a whole number >= 0, got"
SPEECH = "please summarise my medical file"


def attribute(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    if isinstance(value, str):
        return {"key": key, "value": {"stringValue": value}}
    return {"key": key, "value": value}


def span(attributes: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A span as a client library writes it."""
    found = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
    } | (attributes or {})
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "chat gpt-4o-mini",
        "kind": 3,
        "startTimeUnixNano": "1795255789074984192",
        "endTimeUnixNano": "1795255789115148032",
        "attributes": [attribute(key, value) for key, value in found.items() if value is not None],
        "status": {},
    } | fields


def mapped(record: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    map_span(parse_object(json.dumps(record).encode()), row, NOW)
    return {name: value for name, value in row.items() if value is not None}


def request(*found: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "x"}, "spans": list(found)}]}]
    }


# ---- a real file


def test_litellms_spans_show_every_call_that_was_answered(lab: Lab) -> None:
    lab.copy_fixture(LOG, "otlp/a.jsonl")
    total = lab.run().total
    assert (total.lines, total.events, total.ignored) == (435, 74, 361)
    rows = lab.rows("otlp")
    truth = served("otel_v2json_1106")
    assert landed(rows) == one_lifetime(truth)
    assert sum(truth.values()) == 53
    assert landed(rows) != truth  # the lifetime of cache writes is not in the conventions
    # of 33 failed calls LiteLLM logs the first of each request
    failures = [row for row in rows if row["status"] == "failure"]
    assert (len(failures), failed("otel_v2json_1106")) == (21, 33)
    assert {row["prompt_tokens"] + row["completion_tokens"] for row in failures} == {0}
    assert Counter(row["error_code"] for row in failures) == {"500": 10, "429": 7, "400": 3, "503": 1}
    assert sum(row["reported_cost_usd"] for row in rows) == Decimal("0.34321086")
    assert {row["provider"] for row in rows} == {"anthropic", "openai", "ollama"}
    assert not [row["model"] for row in rows if "/" in row["model"]]
    assert {row["grain"] for row in rows} == {"attempt"}
    assert all(row["call_id"] == row["request_id"] for row in rows)


def test_the_same_spans_from_another_exporter_are_duplicates(lab: Lab) -> None:
    lab.copy_fixture(LOG, "otlp/a.jsonl")
    lab.run()
    text = (FIXTURES / LOG).read_text().splitlines()
    lab.put("otlp/batch.json", json.dumps([json.loads(line) for line in text], indent=1))
    lab.put("otlp/one.json.gz", gzip.compress(text[1].encode()))
    lab.put("otlp/b.jsonl.1", "\n".join(reversed(text)) + "\n")
    total = lab.run().total
    assert (total.events, total.conflicts, total.quarantined) == (0, 0, 0)
    assert total.duplicates > 2 * 74


# ---- the rules


def test_a_span_of_a_client_library_lands_by_the_conventions() -> None:
    assert mapped(span({
        "gen_ai.conversation.id": "s-1",
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.cache_creation.input_tokens": 30,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "openai.response.service_tier": "flex",
        "user.id": "ann",
        "gen_ai.input.messages": SPEECH,
        "server.address": SPEECH,
    })) == {
        "grain": "attempt",
        "occurred_at": datetime(2026, 11, 21, 10, 9, 49, 74984, tzinfo=UTC),
        "latency_ms": 40,
        "event_id": "5b8efff798038103d269b633813fc60c:eee19b7ec3c1b174",
        "request_id": "5b8efff798038103d269b633813fc60c:eee19b7ec3c1b174",
        "provider": "openai",
        "model": "gpt-4o-mini-2024-07-18",
        "model_requested": "gpt-4o-mini",
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "cache_read_tokens": 60,
        "cache_write_5m_tokens": 30,
        "reasoning_tokens": 5,
        "session_id": "s-1",
        "user_id": "ann",
        "service_tier": "flex",
        "status": "success",
    }  # fmt: skip


def test_old_keys_stand_in_for_new_ones_and_are_never_added() -> None:
    old = {
        "gen_ai.system": "anthropic", "gen_ai.provider.name": None,
        "gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None,
        "gen_ai.usage.prompt_tokens": 100, "gen_ai.usage.completion_tokens": 20,
        "gen_ai.usage.cache_read_input_tokens": 7, "gen_ai.usage.cache_creation_input_tokens": 8,
        "llm.usage.total_tokens": 120,
    }  # fmt: skip
    row = mapped(span(old))
    names = ("provider", "prompt_tokens", "completion_tokens", "total_tokens")
    assert [row[name] for name in names] == ["anthropic", 100, 20, 120]
    assert (row["cache_read_tokens"], row["cache_write_5m_tokens"]) == (7, 8)
    both = old | {"gen_ai.usage.input_tokens": 90, "gen_ai.usage.output_tokens": 0}
    row = mapped(span(both))
    assert (row["prompt_tokens"], row["completion_tokens"]) == (90, 0)


def test_more_cached_tokens_than_input_show_a_producer_that_leaves_them_out() -> None:
    cached = {"gen_ai.usage.cache_read.input_tokens": 2000, "gen_ai.usage.cache_creation.input_tokens": 300}
    row = mapped(span(cached | {"gen_ai.usage.total_tokens": 120}))
    assert (row["prompt_tokens"], row["tags"]) == (2400, '{"input_tokens":"exclusive"}')
    assert "total_tokens" not in row
    row = mapped(span(cached | {"gen_ai.usage.input_tokens": 2300}))
    assert (row["prompt_tokens"], row.get("tags")) == (2300, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("aws.bedrock", "bedrock"),
        ("gcp.gemini", "google"),
        ("gcp.vertex_ai", "vertex"),
        ("azure.ai.openai", "azure"),
        ("az.ai.openai", "azure"),
        ("x_ai", "xai"),
        ("mistral_ai", "mistral"),
        ("Anthropic", "anthropic"),
        ("ollama_chat", "ollama"),
        ("ibm.watsonx.ai", "ibm.watsonx.ai"),
    ],
)
def test_providers_of_the_conventions_are_our_families(name: str, expected: str) -> None:
    assert mapped(span({"gen_ai.provider.name": name}))["provider"] == expected


@pytest.mark.parametrize(
    "record",
    [
        span({"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}),
        span(attributes=None) | {"attributes": []},
        {},
        span({"llm.openai.usage": SPEECH}, name="raw_gen_ai_request"),
        span({"gen_ai.operation.name": "invoke_agent"}),
        span({"gen_ai.operation.name": "execute_tool"}),
        span({"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}, name=SPEECH),
    ],
)
def test_a_span_that_is_no_call_of_its_own_is_ignored(record: dict[str, Any]) -> None:
    with pytest.raises(Ignored):
        mapped(record)


def test_litellms_first_integration_is_read_on_the_servers_span() -> None:
    row = mapped(
        span(
            {
                "gen_ai.operation.name": None,
                "gen_ai.provider.name": None,
                "gen_ai.system": "hosted_vllm",
                "gen_ai.request.model": "hosted_vllm/qwen",
                "gen_ai.response.model": "gpt-4",
                "gen_ai.cost.total_cost": 0.25,
                "gen_ai.cost.input_cost": 0.2,
                "metadata.user_api_key_team_id": "team",
                "metadata.user_api_key_user_id": "ann",
            },
            name="POST /v1/chat/completions",
            kind=2,
        )
    )
    served_by = [row[name] for name in ("grain", "provider", "model", "model_requested")]
    assert served_by == ["request", "vllm", "qwen", "gpt-4"]
    assert (row["reported_cost_usd"], row["tenant_id"], row["user_id"]) == (Decimal("0.25"), "team", "ann")


@pytest.mark.parametrize(
    ("attributes", "status", "expected"),
    [
        ({"error.type": "RateLimitError"}, {}, ("failure", "RateLimitError")),
        ({"error.type": "X", "litellm.provider.error.code": "429"}, {"code": 2}, ("failure", "429")),
        ({"error.type": "X", "http.response.status_code": 503}, {}, ("failure", "503")),
        ({}, {"code": 2, "message": SPEECH}, ("failure", None)),
        ({"error.type": SPEECH}, {}, ("failure", None)),
        ({"http.response.status_code": 200}, {"code": 1}, ("success", None)),
    ],
)
def test_a_failure_is_told_by_its_status_or_type_never_by_its_text(
    attributes: dict[str, Any], status: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    row = mapped(span(attributes, status=status))
    assert (row["status"], row.get("error_code")) == expected


def test_a_span_without_an_end_has_no_latency() -> None:
    for end in (None, "0", 0, "1795255789074000000"):
        assert "latency_ms" not in mapped(span(endTimeUnixNano=end))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (span({"gen_ai.usage.input_tokens": 1.5}), f"input_{WHOLE} 1.5"),
        (span({"gen_ai.usage.input_tokens": "5"}), f"input_{WHOLE} text"),
        (span({"gen_ai.usage.output_tokens": {"intValue": "-5"}}), f"output_{WHOLE} text"),
        (span({"gen_ai.usage.output_tokens": {"intValue": -5}}), f"output_{WHOLE} -5"),
        (span({"gen_ai.usage.output_tokens": True}), f"output_{WHOLE} a boolean"),
        (span({"user.id": {"stringValue": []}}), "attributes: stringValue: expected a plain value, got an array"),
        (span({"gen_ai.request.model": 5}), "gen_ai.request.model: expected text, got 5"),
        (span(traceId=None), "traceId: missing or empty"),
        (span(spanId=SPEECH), "spanId: not an id of a span or trace"),
        (span(startTimeUnixNano=None), "startTimeUnixNano: expected nanoseconds since 1970, got null"),
        (span(startTimeUnixNano="12"), "startTimeUnixNano: before 2015"),
        (span(startTimeUnixNano=1.5), "startTimeUnixNano: expected nanoseconds since 1970, got 1.5"),
        (span() | {"attributes": {}}, "attributes: expected an array, got an object"),
        (span() | {"attributes": [{"key": 1}]}, "attributes: expected objects with a key"),
        (span() | {"attributes": [attribute("a", n) for n in (1, 2)]}, "attributes: one key with two values"),
        (span(status=[]), "status: expected an object, got an array"),
    ],
)  # fmt: skip
def test_a_span_that_breaks_a_rule_is_refused_with_the_rule(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        mapped(record)
    assert str(refused.value) == reason


def test_a_request_that_is_built_otherwise_is_refused_and_one_without_spans_is_ignored(lab: Lab) -> None:
    bad: list[Any] = [
        7,
        {"resourceSpans": {}},
        {"resourceSpans": [7]},
        {"resourceSpans": [{"scopeSpans": 1}]},
    ]
    empty: list[Any] = [{}, [], {"resourceSpans": []}, {"resourceMetrics": [{}]}, request()]
    mixed = [request(span(), 7), request(span(spanId="aaaaaaaaaaaaaaaa"))]
    lab.put("otlp/a.jsonl", "".join(json.dumps(value) + "\n" for value in (*bad, *empty, mixed)))
    total = lab.run().total
    assert (total.lines, total.events, total.quarantined, total.ignored) == (12, 2, 5, 5)


def test_no_text_of_a_span_reaches_the_landing_zone(lab: Lab) -> None:
    words = {"gen_ai.input.messages": SPEECH, "gen_ai.system_instructions": SPEECH, "error.message": SPEECH}
    events = [{"name": "exception", "attributes": [attribute("exception.message", SPEECH)]}]
    good = span(words | {"error.type": SPEECH}, name=SPEECH, events=events, status={"message": SPEECH})
    bad = span(words | {"gen_ai.usage.input_tokens": SPEECH}, spanId="bbbbbbbbbbbbbbbb")
    lab.put("otlp/a.jsonl", f"{json.dumps(request(good, bad))}\n{SPEECH}\n")
    lab.put("otlp/b.json", f'{{"resourceSpans": "{SPEECH}"}}')
    lab.put("otlp/c.json", f'{{\n"resourceSpans": {SPEECH}}}')
    total = lab.run().total
    assert (total.events, total.quarantined) == (1, 4)
    tables = ("otlp", "quarantine", "ids", "conflicts", "files")
    assert "medical" not in "".join(str(lab.rows(table)) for table in tables)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*above, key)
        yield from places(inner, (*above, key))


FULL = request(
    span({"gen_ai.usage.cache_read.input_tokens": 7, "error.type": "x", "litellm.cost.total": 0.5})
)
PLACES = list(places(FULL))


@settings(deadline=None)
@given(st.sampled_from(PLACES), JSON)
def test_no_shape_of_a_request_escapes_the_rules(path: tuple[Any, ...], value: Any) -> None:
    changed = json.loads(json.dumps(FULL))
    section = changed
    for name in path[:-1]:
        section = section[name]
    section[path[-1]] = value
    with contextlib.suppress(Refused, Ignored):
        for found in spans(parse_value(json.dumps(changed).encode())):
            if isinstance(found, dict):
                map_span(found, {}, NOW)
