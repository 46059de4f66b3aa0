"""Claude Code transcripts: which lines are calls, what they say, and what they must not say."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_lab import NOW, Lab

from tokencost_pipeline.ingest.fields import Ignored, Refused
from tokencost_pipeline.ingest.gate import parse_object
from tokencost_pipeline.ingest.sources.claude_code import last_part, map_line, served_by

FOLDER = "claude_code/projects"
SPEECH = "please summarise my medical file"


def usage(**fields: Any) -> dict[str, Any]:
    return {
        "input_tokens": 3,
        "output_tokens": 20,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    } | fields


def line(message: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A line as Claude Code writes it today."""
    return {
        "parentUuid": "p",
        "isSidechain": False,
        "userType": "external",
        "cwd": "/home/ann/clients/acme/shop",
        "sessionId": "0f0e",
        "version": "2.1.0",
        "gitBranch": "fix/secret-project",
        "type": "assistant",
        "uuid": "u-1",
        "timestamp": "2026-11-20T10:00:00.123Z",
        "requestId": "req_011",
        "message": {
            "id": "msg_01",
            "type": "message",
            "role": "assistant",
            "model": "claude-opus-4-5-20251101",
            "content": [{"type": "text", "text": SPEECH}],
            "usage": usage(),
        }
        | (message or {}),
    } | fields


def mapped(record: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    map_line(parse_object(json.dumps(record).encode()), row, NOW)
    return {name: value for name, value in row.items() if value is not None}


def test_a_line_of_today_lands_without_a_word_of_its_text() -> None:
    full = usage(
        input_tokens=8,
        cache_creation_input_tokens=300,
        cache_read_input_tokens=20_000,
        cache_creation={"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        server_tool_use={"web_search_requests": 2, "web_fetch_requests": 1},
        service_tier="standard",
        inference_geo="us",
        iterations=[],
    )
    row = mapped(line({"usage": full}))
    assert row.pop("event_id").startswith("msg_01:")
    assert row == {
        "grain": "attempt",
        "occurred_at": datetime(2026, 11, 20, 10, 0, 0, 123000, tzinfo=UTC),
        "call_id": "msg_01",
        "request_id": "msg_01",
        "provider_request_id": "req_011",
        "session_id": "0f0e",
        "feature": "shop",
        "provider": "anthropic",
        "model": "claude-opus-4-5-20251101",
        "region": "us",
        "service_tier": "standard",
        "status": "success",
        "prompt_tokens": 20_308,
        "completion_tokens": 20,
        "cache_read_tokens": 20_000,
        "cache_write_5m_tokens": 100,
        "cache_write_1h_tokens": 200,
        "web_searches": 2,
    }


def test_writes_without_a_split_are_of_five_minutes() -> None:
    row = mapped(line({"usage": usage(cache_creation_input_tokens=50)}))
    assert (row["prompt_tokens"], row["cache_write_5m_tokens"]) == (53, 50)
    assert "cache_write_1h_tokens" not in row


def test_the_fast_speed_is_a_tier_of_its_own() -> None:
    row = mapped(line({"usage": usage(speed="fast", service_tier="standard")}, costUSD=0.34))
    assert (row["service_tier"], row["tags"], row["reported_cost_usd"]) == (
        "fast",
        '{"speed":"fast"}',
        Decimal("0.34"),
    )
    row = mapped(
        line({"usage": usage(speed="standard", service_tier="priority", inference_geo="not_available")})
    )
    assert (row["service_tier"], row["tags"], row.get("region")) == ("priority", '{"speed":"standard"}', None)
    assert "tags" not in mapped(line({"usage": usage(speed=SPEECH)}))


def test_a_sidechain_and_an_error_are_marked() -> None:
    assert mapped(line(isSidechain=True))["tags"] == '{"sidechain":"true"}'
    assert mapped(line(isApiErrorMessage=True))["status"] == "failure"


@pytest.mark.parametrize(
    "record",
    [
        {"type": "user", "message": {"role": "user", "content": SPEECH}},
        {"type": "user", "message": {"role": "user", "usage": {"input_tokens": 1}}},
        {"type": "summary", "summary": SPEECH, "leafUuid": "x"},
        {"type": "system", "content": SPEECH, "message": None},
        {"type": "file-history-snapshot", "snapshot": {"message": {"usage": {}}}},
        {"type": "progress", "data": {"message": SPEECH}},
        {"type": "progress", "data": {"message": {"message": {"role": "user", "content": SPEECH}}}},
        {"type": "other", "data": {"message": {"usage": {"input_tokens": 1}}}},
        line({"usage": None}),
        line({"model": "<synthetic>"}),
        line({"model": "<synthetic>", "usage": {"input_tokens": "no"}}, isApiErrorMessage=True),
        {"timestamp": "2026-05-13T09:01:00.000Z", "type": "event_msg", "payload": {"type": "token_count", "info": {}}},
    ],
)  # fmt: skip
def test_a_line_that_is_no_answer_of_a_model_is_ignored(record: dict[str, Any]) -> None:
    with pytest.raises(Ignored):
        mapped(record)


def test_progress_of_a_sub_agent_is_its_line() -> None:
    inner = line({"id": "msg_02"}, timestamp="2026-11-20T11:00:00Z", isSidechain=True)
    for name in ("sessionId", "cwd"):
        del inner[name]
    outer = {key: value for key, value in line().items() if key not in ("message", "requestId")}
    row = mapped(outer | {"type": "progress", "data": {"type": "agent_progress", "message": inner}})
    assert (row["call_id"], row["occurred_at"].hour) == ("msg_02", 11)
    assert (row["session_id"], row["feature"], row["tags"]) == ("0f0e", "shop", '{"sidechain":"true"}')
    # the bare message, without a line around it
    row = mapped(outer | {"type": "progress", "data": {"message": line({"id": "msg_03"})["message"]}})
    assert (row["call_id"], row["occurred_at"].hour, row["session_id"]) == ("msg_03", 10, "0f0e")


@pytest.mark.parametrize(
    ("model", "message_id", "expected"),
    [
        ("claude-opus-4-5-20251101", "msg_01ABC", ("anthropic", "claude-opus-4-5-20251101")),
        ("claude-opus-4-5-20251101", "msg_bdrk_01ABC", ("bedrock", "claude-opus-4-5-20251101")),
        ("claude-opus-4-5@20251101", "msg_vrtx_01ABC", ("vertex", "claude-opus-4-5@20251101")),
        ("eu.anthropic.claude-sonnet-4-20250514-v1:0", None, ("bedrock", "eu.anthropic.claude-sonnet-4-20250514-v1:0")),
        ("openrouter,anthropic/claude-sonnet-4", None, ("openrouter", "anthropic/claude-sonnet-4")),
        ("gemini,gemini-2.5-pro", None, ("google", "gemini-2.5-pro")),
        ("ollama,qwen2.5-coder:32b", None, ("ollama", "qwen2.5-coder:32b")),
        ("ollama/qwen2.5-coder:32b", None, ("ollama", "qwen2.5-coder:32b")),
        ("openrouter/anthropic/claude-sonnet-4", None, ("openrouter", "anthropic/claude-sonnet-4")),
        ("glm-4.6", None, (None, "glm-4.6")),
        ("/model", None, (None, "/model")),
        (",", None, (None, ",")),
        (None, "msg_01", (None, None)),
    ],
)  # fmt: skip
def test_only_a_name_that_says_so_is_anthropics(
    model: str | None, message_id: str | None, expected: tuple[str | None, str | None]
) -> None:
    assert served_by(model, message_id) == expected


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/home/ann/shop", "shop"),
        ("C:\\work\\shop\\", "shop"),
        ("shop", "shop"),
        ("/", None),
        ("", None),
        (None, None),
    ],
)
def test_of_a_folder_only_the_last_part_lands(folder: str | None, expected: str | None) -> None:
    assert last_part(folder) == expected


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (line(timestamp=None), "timestamp: missing or empty"),
        (line(timestamp="2026-11-20T10:00:00"), "timestamp: has no offset"),
        (line({"usage": {}}), "usage: holds no count"),
        (line({"usage": usage(input_tokens=-1)}), "usage.input_tokens: expected a whole number"),
        (line({"usage": usage(output_tokens="5")}), "usage.output_tokens: expected a whole number"),
        (line({"usage": 7}), "message.usage: expected an object, got 7"),
        (line({"id": None}, requestId=None, uuid=None), "message.id, requestId or uuid: missing"),
        (line({"model": 5}), "message.model: expected text, got 5"),
    ],
)
def test_a_line_that_breaks_a_rule_is_refused(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        mapped(record)
    assert str(refused.value).startswith(reason)


def test_every_distinct_line_of_a_message_lands_and_a_repeated_one_is_a_duplicate(lab: Lab) -> None:
    lab.copy_fixture("claude_code_streaming_duplicates.jsonl", f"{FOLDER}/a/s.jsonl")
    lab.copy_fixture("claude_code_project_alpha.jsonl", f"{FOLDER}/project-alpha/session-alpha/chat.jsonl")
    lab.copy_fixture(
        "claude_code_project_beta.jsonl", f"{FOLDER}/project-beta/session-beta/subagents/agent-1.jsonl"
    )
    assert lab.run().total.events == 8
    rows = {
        (row["call_id"], row["prompt_tokens"], row["completion_tokens"]): row
        for row in lab.rows("claude_code")
    }
    assert set(rows) == {
        ("msg_123", 115, 25), ("msg_123", 115, 250), ("msg_x", 24_425, 2),
        ("msg-alpha-1", 135, 50), ("msg-alpha-2", 270, 75), ("msg-alpha-3", 340, 125),
        ("msg-beta-1", 70, 25), ("msg-beta-2", 115, 35),
    }  # fmt: skip
    assert sum(row["reported_cost_usd"] or 0 for row in rows.values()) == Decimal("1.101")
    assert rows["msg-alpha-2", 270, 75]["service_tier"] == "fast"
    lab.copy_fixture("claude_code_streaming_duplicates.jsonl", f"{FOLDER}/a/resumed.jsonl")
    total = lab.run().total
    assert (total.duplicates, total.conflicts) == (3, 0)


def test_no_text_path_or_branch_of_a_transcript_reaches_the_landing_zone(lab: Lab) -> None:
    broken = [
        line({"usage": usage(input_tokens=SPEECH)}),
        line({"usage": usage(speed=SPEECH)}),
        line(timestamp=SPEECH),
        {"type": SPEECH, "message": SPEECH},
    ]
    text = "\n".join(map(json.dumps, [line(), *broken])) + f'\n{{"message": "{SPEECH}"\n[{SPEECH}]\n'
    lab.put(f"{FOLDER}/-home-ann-x/0f0e.jsonl", text)
    total = lab.run().total
    assert (total.events, total.duplicates, total.quarantined, total.ignored) == (1, 1, 4, 1)
    everything = "".join(
        str(lab.rows(table)) for table in ("claude_code", "quarantine", "ids", "conflicts", "files")
    )
    for secret in ("medical", "clients", "/home", "secret-project"):
        assert secret not in everything


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(record: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in record.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from places(value, (*above, key))


FULL = line(
    {"usage": usage(speed="fast", cache_creation={"ephemeral_5m_input_tokens": 0}, iterations=[{}])},
    costUSD=1,
)
NESTED = {"type": "progress", "data": {"message": FULL}, "timestamp": "2026-11-20T10:00:00Z"}


@settings(deadline=None)
@given(st.sampled_from([FULL, NESTED]), st.data())
def test_no_shape_of_a_line_escapes_the_rules(record: dict[str, Any], data: st.DataObject) -> None:
    changed = json.loads(json.dumps(record))
    path = data.draw(st.sampled_from(list(places(record))))
    section = changed
    for name in path[:-1]:
        section = section[name]
    section[path[-1]] = data.draw(JSON)
    with contextlib.suppress(Refused, Ignored):
        map_line(changed, {}, NOW)
