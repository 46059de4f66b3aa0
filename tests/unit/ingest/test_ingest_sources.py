"""Each format against real files and against its rules."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from ingest_lab import FIXTURES, NOW, Lab, event

from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.gate import parse_object
from tokencost_pipeline.ingest.schema import ATTEMPTS, LINEAGE
from tokencost_pipeline.ingest.sources import SOURCES
from tokencost_pipeline.ingest.sources.litellm_common import split_tags, usage_details
from tokencost_pipeline.ingest.sources.providers import family, without_prefix

PAYLOAD = "litellm_payload_1106.jsonl"
SPEND_CSV = "litellm_spend_logs_1106.csv"
SPEND_JSONL = "litellm_spend_logs_1106.jsonl"
LINEAGE_NAMES = {field.name for field in LINEAGE}


def mapped(source: str, record: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    SOURCES[source].map_record(parse_object(json.dumps(record).encode()), row, NOW)
    return row


def refusal(source: str, record: dict[str, Any]) -> str:
    with pytest.raises(Refused) as refused:
        mapped(source, record)
    return str(refused.value)


def first_payload(**fields: Any) -> dict[str, Any]:
    with (FIXTURES / PAYLOAD).open() as file:
        return json.loads(file.readline()) | fields


def first_spend_log(**fields: Any) -> dict[str, Any]:
    with (FIXTURES / SPEND_JSONL).open() as file:
        return json.loads(file.readline()) | fields


# ---- real files


def test_every_line_of_a_real_payload_log_is_an_event(lab: Lab) -> None:
    lab.copy_fixture(PAYLOAD, f"litellm_payload/{PAYLOAD}")
    report = lab.run()
    assert (report.total.lines, report.total.events, report.total.quarantined) == (212, 212, 0)
    rows = lab.rows("litellm_payload")
    assert len({row["event_id"] for row in rows}) == 212
    assert len({row["request_id"] for row in rows}) == 182
    # what LiteLLM itself made of it: the truth without the models it no longer has prices for
    assert sum(row["reported_cost_usd"] for row in rows) == Decimal("0.9453571")
    assert Counter(row["cache_hit"] for row in rows) == {False: 105, None: 95, True: 12}
    assert Counter(row["status"] for row in rows) == {"success": 173, "failure": 39}
    assert [row["error_code"] for row in rows if row["status"] == "success" and row["error_code"]] == [
        "499"
    ] * 2
    assert {row["provider"] for row in rows} == {"anthropic", "openai", "ollama"}
    assert not [row["model"] for row in rows if "/" in row["model"]]
    assert "ft:acme-7b-v3" in {row["model"] for row in rows}
    assert sum(row["tags"] is not None and "User-Agent" in row["tags"] for row in rows) == 0


def test_payload_tokens_are_those_the_provider_counted(lab: Lab) -> None:
    lab.copy_fixture(PAYLOAD, f"litellm_payload/{PAYLOAD}")
    lab.run()
    row = next(
        r for r in lab.rows("litellm_payload") if r["call_id"] == "9c8785a6-ff92-467a-9dc9-fc9047a0f156"
    )
    assert {
        name: row[name] for name in ATTEMPTS.names if row[name] is not None and name not in LINEAGE_NAMES
    } == {
        "event_id": "9c8785a6-ff92-467a-9dc9-fc9047a0f156:success:2026-11-21T09:53:23.965665Z"
        ":claude-sonnet-4-5-20250929",
        "source": "litellm_payload",
        "grain": "attempt",
        "occurred_at": datetime(2026, 11, 21, 9, 53, 23, 965665, tzinfo=UTC),
        "call_id": "9c8785a6-ff92-467a-9dc9-fc9047a0f156",
        "request_id": "9c8785a6-ff92-467a-9dc9-fc9047a0f156",
        "tenant_id": "org-globex",
        "user_id": "cust-002",
        "session_id": "02231b35-1f4a-4b8f-af42-5ca86f2e35a4",
        "provider": "anthropic",
        "model": "claude-sonnet-4-5-20250929",
        "model_requested": "claude-sonnet-4-5",
        "service_tier": "standard",
        "status": "success",
        "latency_ms": 3756,
        "prompt_tokens": 4528,
        "completion_tokens": 79,
        "total_tokens": 4607,
        "cache_read_tokens": 0,
        "cache_write_5m_tokens": 4449,
        "cache_write_1h_tokens": 0,
        "reasoning_tokens": 0,
        "reported_cost_usd": Decimal("0.018105750000000"),
        "provider_request_id": "req_011Ce8e25d940ed904759531",
    }


def test_spend_logs_as_csv_and_as_jsonl_are_the_same_rows(tmp_path_factory: pytest.TempPathFactory) -> None:
    landed = []
    for name in (SPEND_CSV, SPEND_JSONL):
        lab = Lab(tmp_path_factory.mktemp("lab"))
        lab.copy_fixture(name, f"litellm_spend_logs/{name}")
        report = lab.run()
        assert (report.total.events, report.total.quarantined) == (192, 0)
        assert report.total.ignored == (1 if name == SPEND_CSV else 0)
        rows = lab.rows("litellm_spend_logs")
        landed.append([{name: row[name] for name in row if name not in LINEAGE_NAMES} for row in rows])
    assert landed[0] == landed[1]
    assert sum(row["reported_cost_usd"] for row in landed[0]) == Decimal("1.11817062")
    assert Counter(row["retry_count"] for row in landed[0]) == {0: 150, 1: 36, 2: 3, None: 3}


def test_both_forms_of_spend_logs_at_once_count_each_request_once(lab: Lab) -> None:
    lab.copy_fixture(SPEND_CSV, f"litellm_spend_logs/{SPEND_CSV}")
    lab.copy_fixture(SPEND_JSONL, f"litellm_spend_logs/{SPEND_JSONL}")
    total = lab.run().total
    assert (total.events, total.duplicates, total.conflicts, total.quarantined) == (192, 192, 0, 0)


def test_a_failure_without_output_or_spend_lands_its_estimate_as_a_tag(lab: Lab) -> None:
    lab.copy_fixture(SPEND_JSONL, f"litellm_spend_logs/{SPEND_JSONL}")
    lab.run()
    failures = [row for row in lab.rows("litellm_spend_logs") if row["status"] == "failure"]
    assert [row["prompt_tokens"] + row["completion_tokens"] + row["total_tokens"] for row in failures] == [
        0
    ] * 8
    estimates = [json.loads(row["tags"] or "{}").get("estimated_prompt_tokens") for row in failures]
    assert sorted(filter(None, estimates)) == ["25", "27", "27", "27", "28", "28", "28"]


# ---- canonical events


def test_a_canonical_event_lands_as_it_says() -> None:
    row = mapped(
        "events",
        event(
            7,
            timestamp="2026-11-21T10:00:00.123456+02:00",
            provider="ollama_chat",
            tenant_id="acme",
            computed_cost="0.000000000000001",
            input_audio_seconds=1.5,
            cache_hit=False,
            total_tokens=None,
            tags={"b": "2", "a": "é"},
            feature="",
            region=None,
        ),
    )
    assert row["occurred_at"] == datetime(2026, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)
    assert (row["provider"], row["model"], row["attempt"], row["grain"]) == (
        "ollama",
        "gpt-4o-mini",
        1,
        "attempt",
    )
    assert row["reported_cost_usd"] == Decimal("1E-15")
    assert row["input_audio_seconds"] == Decimal("1.5")
    assert row["tags"] == '{"a":"é","b":"2"}'
    assert row["cache_hit"] is False
    assert row["feature"] is None
    assert row["total_tokens"] is None
    assert set(row) <= set(ATTEMPTS.names) - LINEAGE_NAMES


@pytest.mark.parametrize(
    "name", ["timestamp", "request_id", "provider", "model", "prompt_tokens", "completion_tokens"]
)
def test_a_required_field_that_is_missing_is_named(name: str) -> None:
    record = event()
    del record[name]
    assert refusal("events", record) == f"{name}: missing or empty"
    if name in {"request_id", "provider", "model"}:
        assert refusal("events", event(**{name: ""})) == f"{name}: missing or empty"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"prompt_tokens": 3.7}, "prompt_tokens: expected a whole number >= 0, got 3.7"),
        ({"prompt_tokens": True}, "prompt_tokens: expected a whole number >= 0, got a boolean"),
        ({"completion_tokens": "5"}, "completion_tokens: expected a whole number >= 0, got text"),
        ({"cache_read_tokens": -1}, "cache_read_tokens: expected a whole number >= 0, got -1"),
        (
            {"prompt_tokens": 10**30},
            "prompt_tokens: expected a whole number up to 10^12, got a number of 31 characters",
        ),
        ({"computed_cost": -0.1}, "computed_cost: expected a number >= 0, got -0.1"),
        ({"computed_cost": "0.1234567890123456"}, "computed_cost: more than 15 decimals"),
        ({"cache_hit": "true"}, "cache_hit: expected true or false, got text"),
        ({"tags": {"a": 1}}, "tags: expected an object of text, got a value that is 1"),
        ({"tags": ["a"]}, "tags: expected an object, got an array"),
        ({"user_id": 7}, "user_id: expected text, got 7"),
        ({"model": "a\x00b"}, "model: contains a NUL character"),
        (
            {"timestamp": "2026-11-21T10:00:00"},
            "timestamp: has no offset; write it as 2026-11-21T10:00:00Z or with +01:00",
        ),
        ({"timestamp": 1795254803}, "timestamp: expected RFC 3339 text such as 2026-11-21T10:00:00Z, got 1795254803"),
    ],
)  # fmt: skip
def test_a_field_that_breaks_a_rule_is_named_with_the_rule(fields: dict[str, Any], reason: str) -> None:
    assert refusal("events", event(**fields)) == reason


def test_a_subset_larger_than_its_total_is_no_matter_of_the_gate() -> None:
    assert mapped("events", event(prompt_tokens=1, cache_read_tokens=5))["cache_read_tokens"] == 5


def test_an_event_without_an_id_gets_one_from_its_content() -> None:
    one, same = mapped("events", event(event_id=None)), mapped("events", event(event_id=""))
    other = mapped("events", event(event_id=None, latency_ms=1))
    assert one["event_id"] == same["event_id"]
    assert one["event_id"].startswith("derived:")
    assert other["event_id"] != one["event_id"]


# ---- LiteLLM payload


def test_a_payload_of_1_80_without_call_id_or_prefix_is_keyed_by_status_and_time() -> None:
    record = first_payload(id="same", model="claude-sonnet-4-5-20250929", status="failure")
    del record["litellm_call_id"]
    first = mapped("litellm_payload", record)
    second = mapped("litellm_payload", record | {"startTime": record["startTime"] + 0.01})
    assert first["model"] == "claude-sonnet-4-5-20250929"
    assert first["request_id"] == first["call_id"] == "same"
    assert first["event_id"] != second["event_id"]


def test_payload_places_are_looked_up_in_order() -> None:
    metadata = {
        "user_api_key_team_id": "team",
        "user_api_key_user_id": "owner",
        "requester_metadata": {"feature": "from-metadata", "prompt_template_id": "tpl"},
        "usage_object": {"inference_geo": "eu"},
    }
    row = mapped(
        "litellm_payload", first_payload(metadata=metadata, end_user="", request_tags=[], cost_breakdown=None)
    )
    assert (row["tenant_id"], row["user_id"], row["feature"]) == ("team", "owner", "from-metadata")
    assert (row["prompt_template_id"], row["region"]) == ("tpl", "eu")
    row = mapped(
        "litellm_payload",
        first_payload(
            metadata=metadata
            | {"user_api_key_org_id": "org", "prompt_management_metadata": {"prompt_id": "managed"}},
            end_user="end",
            request_tags=["feature:tagged", "User-Agent: x", "bare"],
            cost_breakdown={"data_residency": None, "vertex_location": "europe-west4"},
        ),
    )
    assert (row["tenant_id"], row["user_id"], row["feature"]) == ("org", "end", "tagged")
    assert (row["prompt_template_id"], row["region"]) == ("managed", "europe-west4")
    assert row["tags"] == '{"bare":"","feature":"tagged"}'


def test_payload_counts_may_be_absent_but_not_invented() -> None:
    row = mapped("litellm_payload", first_payload(prompt_tokens=None, response_cost=None, metadata={}))
    assert row["prompt_tokens"] is None
    assert row["reported_cost_usd"] is None
    assert row["cache_read_tokens"] is None
    assert row["reasoning_tokens"] is None
    assert refusal("litellm_payload", first_payload(prompt_tokens=1.5)).startswith("prompt_tokens: ")
    assert refusal("litellm_payload", first_payload(completion_tokens="7")).startswith("completion_tokens: ")
    assert refusal("litellm_payload", first_payload(startTime=0)) == "startTime: before 2015"
    assert refusal("litellm_payload", first_payload(id=None, litellm_call_id=None)).endswith(
        "missing or empty"
    )


def test_odd_metadata_of_a_client_does_not_cost_a_billed_call() -> None:
    metadata = {"requester_metadata": {"feature": ["a"], "prompt_template_id": 5}}
    row = mapped("litellm_payload", first_payload(metadata=metadata, request_tags=None))
    assert (row["feature"], row["prompt_template_id"], row["tags"]) == (None, None, None)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, (None, None, None)),
        ({"cache_creation_input_tokens": 9, "cache_read_input_tokens": 4}, (4, 9, 0)),
        ({"prompt_tokens_details": {"cached_tokens": 0}, "cache_read_input_tokens": 4}, (4, None, None)),
        ({"prompt_tokens_details": {"cached_tokens": 3}, "cache_read_input_tokens": 4}, (3, None, None)),
        ({"prompt_tokens_details": {"cached_tokens": None}, "cache_read_input_tokens": 0}, (0, None, None)),
        (
            {"prompt_tokens_details": {"cache_creation_token_details": {"ephemeral_1h_input_tokens": 8}}},
            (None, 0, 8),
        ),
        (
            {
                "prompt_tokens_details": {
                    "cache_creation_tokens": 10,
                    "cache_creation_token_details": {
                        "ephemeral_5m_input_tokens": 3,
                        "ephemeral_1h_input_tokens": 5,
                    },
                }
            },
            (None, 5, 5),
        ),
        ({"cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 1}}, (None, 2, 1)),
    ],
)
def test_cache_reads_and_writes_come_from_wherever_a_version_puts_them(
    usage: dict[str, Any], expected: tuple[int | None, ...]
) -> None:
    details = usage_details(usage, "usage_object")
    names = ("cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
    assert tuple(details[name] for name in names) == expected


def test_web_searches_and_audio_are_read_from_the_usage_object() -> None:
    details = usage_details(
        {
            "server_tool_use": {"web_search_requests": 2},
            "prompt_tokens_details": {"audio_tokens": 5, "cached_tokens_details": {"audio_tokens": 1}},
            "completion_tokens_details": {"audio_tokens": 6, "reasoning_tokens": 7, "image_tokens": 8},
        },
        "usage_object",
    )
    assert {name: value for name, value in details.items() if value is not None} == {
        "web_searches": 2,
        "input_audio_tokens": 5,
        "cache_read_audio_tokens": 1,
        "output_audio_tokens": 6,
        "reasoning_tokens": 7,
        "output_image_tokens": 8,
    }


def test_tags_are_split_at_the_first_colon_and_repeated_keys_are_joined() -> None:
    feature, tags = split_tags(
        ["feature:a:b", "env:prod", "env:eu", "User-Agent: curl", "", "feature:second"]
    )
    assert feature == "a:b"
    assert tags == {"feature": "a:b,second", "env": "prod,eu"}
    with pytest.raises(Refused, match="request_tags"):
        split_tags("env:prod")


# ---- LiteLLM spend logs


def test_a_broken_stream_keeps_what_it_used_and_cost() -> None:
    row = mapped(
        "litellm_spend_logs", first_spend_log(status="failure", spend=0.0024572, completion_tokens=0)
    )
    assert row["prompt_tokens"] == 460
    assert row["reported_cost_usd"] == Decimal("0.0024572")
    row = mapped("litellm_spend_logs", first_spend_log(status="failure", spend=0, completion_tokens=3))
    assert (row["prompt_tokens"], row["completion_tokens"]) == (460, 3)


def test_spend_log_places_are_looked_up_in_order() -> None:
    row = mapped(
        "litellm_spend_logs",
        first_spend_log(
            litellm_call_id="",
            request_duration_ms=None,
            organization_id="",
            team_id="team",
            end_user=None,
            user="u",
            request_tags='["feature:x"]',
            metadata=json.dumps(
                {"attempted_retries": 2, "attempted_fallbacks": 1, "original_model_group": "asked"}
            ),
        ),
    )
    assert row["request_id"] == row["call_id"] == row["event_id"]
    assert (row["tenant_id"], row["user_id"], row["feature"]) == ("team", "u", "x")
    assert (row["latency_ms"], row["retry_count"], row["model_requested"]) == (6681, 3, "asked")


@pytest.mark.parametrize(("value", "meant"), [("True", True), ("False", False), ("None", None), ("", None)])
def test_cache_hit_in_spend_logs_is_text_of_three_values(value: str, meant: bool | None) -> None:
    assert mapped("litellm_spend_logs", first_spend_log(cache_hit=value))["cache_hit"] is meant
    assert refusal("litellm_spend_logs", first_spend_log(cache_hit="yes")).startswith("cache_hit: ")


def test_one_amount_in_two_notations_is_one_row(lab: Lab) -> None:
    header = "request_id,startTime,spend,prompt_tokens,completion_tokens,model,metadata,request_tags\n"
    lab.put(
        "litellm_spend_logs/a.csv",
        header + 'r1,2026-11-21 10:00:00.5,2.3e-06,1,2,m,"{""usage_object"": {}}","[""k:a\nb""]"\n',
    )
    record = {
        "request_id": "r1",
        "startTime": "2026-11-21T10:00:00.500",
        "spend": Decimal("0.0000023"),
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "model": "m",
        "metadata": {"usage_object": {}},
        "request_tags": ["k:a\nb"],
        "status": "",
    }
    text = json.dumps(record, default=lambda value: "SPEND").replace('"SPEND"', "0.0000023")
    lab.put("litellm_spend_logs/b.jsonl", text + "\n")
    total = lab.run().total
    # a line feed inside a quoted JSON text is no JSON: the CSV row is refused, the JSONL row has it escaped
    assert (total.events, total.quarantined, total.ignored) == (1, 1, 1)
    row = 'r1,2026-11-21 10:00:00.5,2.3e-06,1,2,m,"{""usage_object"":\n{}}","[""k:a\\nb""]"\n'
    lab.put("litellm_spend_logs/c.csv", header + row)
    total = lab.run().total
    assert (total.duplicates, total.quarantined, total.ignored) == (1, 0, 1)


def test_a_csv_file_that_is_no_export_is_refused_line_by_line(lab: Lab) -> None:
    lab.put("litellm_spend_logs/notes.csv", "when,what\nMonday,hunter2\n")
    report = lab.run()
    assert [note.reason for note in report.quarantined] == [
        "not a header of litellm_spend_logs: column completion_tokens is missing",
        "the file has no usable header",
    ]
    lab.append("litellm_spend_logs/notes.csv", "Tuesday,hunter3\n")
    assert lab.run().total.quarantined == 1
    assert b"Monday" not in (lab.landing / "manifest.json").read_bytes()


def test_joined_exports_repeat_their_header_and_rows_must_fit_it(lab: Lab) -> None:
    header = "request_id,startTime,spend,prompt_tokens,completion_tokens,model,secret\n"
    row = "r{},2026-11-21 10:00:00,0,1,2,m,x\n"
    lab.put("litellm_spend_logs/a.csv", header + row.format(1) + header + row.format(2) + "r3,too,few\n\n")
    total = lab.run().total
    assert (total.events, total.ignored, total.quarantined) == (2, 3, 1)
    lab.append("litellm_spend_logs/a.csv", row.format(4))
    assert lab.run().total.events == 1


# ---- providers


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ollama_chat", "ollama"),
        ("gemini", "google"),
        ("vertex_ai_beta", "vertex"),
        ("vertex_ai-anthropic_models", "vertex"),
        ("bedrock_converse", "bedrock"),
        ("cohere_chat", "cohere"),
        ("text-completion-openai", "openai"),
        ("azure_text", "azure"),
        ("OpenAI", "openai"),
        ("My Own Proxy", "my own proxy"),
    ],
)
def test_a_provider_is_named_by_who_sends_the_bill(name: str, expected: str) -> None:
    assert family(name) == expected


@pytest.mark.parametrize(
    ("model", "provider", "expected"),
    [
        ("anthropic/claude-opus-4-20250514", "anthropic", "claude-opus-4-20250514"),
        ("ollama/qwen:32b", "ollama_chat", "qwen:32b"),
        ("gemini/gemini-2.5-pro", "gemini", "gemini-2.5-pro"),
        ("vertex_ai/gemini-2.5-pro", "vertex_ai", "gemini-2.5-pro"),
        ("openai/ft:acme-7b-v3", "openai", "ft:acme-7b-v3"),
        ("ft:acme-7b-v3", "openai", "ft:acme-7b-v3"),
        ("meta-llama/llama-3", "groq", "meta-llama/llama-3"),
        ("openrouter/google/gemini", "openrouter", "google/gemini"),
        ("openai/", "openai", "openai/"),
        ("openai/gpt-5", None, "openai/gpt-5"),
    ],
)
def test_only_the_serving_providers_own_prefix_is_taken_off(
    model: str, provider: str | None, expected: str
) -> None:
    assert without_prefix(model, provider) == expected
