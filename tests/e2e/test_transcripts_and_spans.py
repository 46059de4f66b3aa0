"""Transcripts that grow, echoes of LiteLLM 1.80 and spans of a call that the payload knows too: through the warehouse.
The second run is incremental, and what it shows is what one run over everything would show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pipeline_lab import DATA, Lab, new_lab

CALL = "6f1c2c1e-0000-4000-8000-000000000001"


def transcript_line(message: str, at: str, output: int, *, context: int = 0, **fields: Any) -> str:
    usage = {"input_tokens": 3, "output_tokens": output, "cache_read_input_tokens": context}
    return json.dumps(
        {
            "type": "assistant",
            "timestamp": f"2026-11-20T{at}Z",
            "sessionId": "s",
            "cwd": "/home/ann/shop",
            "requestId": f"req_{message}",
            "message": {"id": message, "role": "assistant", "model": "claude-sonnet-4-5-20250929", "usage": usage},
        }
        | fields
    )  # fmt: skip


PAYLOAD = {
    "litellm_call_id": CALL,
    "status": "success",
    "startTime": 1795255789.0,
    "endTime": 1795255790.0,
    "custom_llm_provider": "openai",
    "model": "openai/gpt-4o-mini",
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "request_tags": ["feature:search"],
}


def span(call_id: str, span_id: str) -> dict[str, Any]:
    texts = {
        "litellm.call_id": call_id,
        "litellm.provider.model": "openai/gpt-4o-mini",
        "gen_ai.provider.name": "openai",
    }
    counts = {"gen_ai.usage.input_tokens": "100", "gen_ai.usage.output_tokens": "20"}
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": span_id,
        "startTimeUnixNano": "1795255789000000000",
        "endTimeUnixNano": "1795255790000000000",
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in texts.items()]
        + [{"key": key, "value": {"intValue": value}} for key, value in counts.items()],
    }


def messages(lab: Lab) -> list[tuple[Any, ...]]:
    return lab.ask(
        "select request_id, cast(hour as varchar)[12:13], prompt_tokens, completion_tokens, attempt"
        " from marts.fct_attempts where source = 'claude_code' order by request_id"
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, list[tuple[Any, ...]]]:
    lab = new_lab(tmp_path_factory.mktemp("transcripts"))
    raw = lab.settings.raw_dir
    lab.drop("litellm_payload", "v1_80.jsonl", DATA / "ingest" / "litellm_payload_1_80.jsonl")
    for folder in ("claude_code", "otlp"):
        (raw / folder).mkdir(parents=True)
    session, agent = raw / "claude_code" / "s.jsonl", raw / "claude_code" / "agent-1.jsonl"
    session.write_text(
        transcript_line("msg_grows", "10:59:59", 2)
        + "\n"
        + transcript_line("msg_parent", "09:00:00", 10, context=20)
        + "\n"
    )
    (raw / "otlp" / "spans.json").write_text(
        json.dumps(
            {"resourceSpans": [{"scopeSpans": [{"spans": [span(CALL, "a" * 16), span("alone", "b" * 16)]}]}]}
        )
    )
    lab.run()
    first = messages(lab)
    with session.open("a") as file:
        file.write(transcript_line("msg_grows", "11:00:01", 50, context=7) + "\n")
    agent.write_text(
        transcript_line("msg_parent", "12:00:00", 10, context=50_000, isSidechain=True, requestId="req_copy")
        + "\n"
        + transcript_line("msg_agent", "12:00:01", 30, isSidechain=True)
        + "\n"
    )
    (raw / "litellm_payload" / "one.json").write_text(json.dumps(PAYLOAD, indent=2))
    lab.run()
    return lab, first


def test_a_message_counts_once_with_its_fullest_line_whenever_that_arrives(
    runs: tuple[Lab, list[tuple[Any, ...]]],
) -> None:
    lab, first = runs
    assert first == [("msg_grows", "10", 3, 2, 1), ("msg_parent", "09", 23, 10, 1)]
    assert messages(lab) == [
        ("msg_agent", "12", 3, 30, 1),
        ("msg_grows", "11", 10, 50, 1),
        ("msg_parent", "09", 23, 10, 1),
    ]
    assert lab.ask(
        "select cast(hour as varchar)[12:13], attempts from marts.agg_hourly where provider = 'anthropic'"
        " and feature = 'shop' order by all"
    ) == [("09", 1), ("11", 1), ("12", 1)]


def test_an_attempt_that_1_80_logged_around_and_within_is_one(
    runs: tuple[Lab, list[tuple[Any, ...]]],
) -> None:
    lab, _ = runs
    truth = [
        json.loads(line)
        for line in (DATA / "truth" / "payload_180.upstream_calls.jsonl").read_text().splitlines()
    ]
    assert lab.ask(
        "select count(*), count(*) filter (where is_failure), sum(prompt_tokens) from marts.fct_attempts"
        f" where source = 'litellm_payload' and call_id != '{CALL}'"
    ) == [(len(truth), sum(call["status"] != 200 for call in truth), 3 * 2340 + 4 * 110 + 19)]


def test_a_call_that_the_payload_tells_is_not_told_by_its_span(
    runs: tuple[Lab, list[tuple[Any, ...]]],
) -> None:
    lab, _ = runs
    assert lab.ask(
        "select call_id, source, merged_sources, feature from marts.fct_attempts"
        f" where call_id in ('{CALL}', 'alone') order by call_id"
    ) == [(CALL, "litellm_payload", "litellm_payload,otlp", "search"), ("alone", "otlp", None, None)]
