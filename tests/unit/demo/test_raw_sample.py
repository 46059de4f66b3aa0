"""What ships in raw/: small, clean, and telling enough for a first report."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tokencost_pipeline.demo.sample import (
    pseudonym,
    trim_file,
    trim_payload,
    trim_spend_log,
    write_events,
)
from tokencost_pipeline.ingest.gate import parse_object
from tokencost_pipeline.ingest.sources.canonical_events import map_event
from tokencost_pipeline.ingest.sources.litellm_payload import map_payload
from tokencost_pipeline.ingest.sources.litellm_spend_logs import map_spend_log
from tokencost_pipeline.settings import PROJECT_ROOT

RAW = PROJECT_ROOT / "raw"
READ_ON = datetime(2026, 11, 22, tzinfo=UTC)
KIB = 1024

FORBIDDEN = (
    '"messages"',
    '"content"',
    '"choices"',
    '"response"',
    "sk-",
    "authorization",
    "bearer",
    "cookie",
    "traceback",
    "error_message",
    "error_str",
    "litellm_params",
    "proxy_server_request",
    "127.0.0.1",
    "ip_address",
    "@",
)


def samples() -> list[Path]:
    return sorted(path for path in RAW.rglob("sample_*") if path.is_file())


def body(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def mapped(path: Path) -> list[dict[str, Any]]:
    rows = []
    map_record = {"events": map_event, "litellm_payload": map_payload, "litellm_spend_logs": map_spend_log}
    for line in body(path).splitlines():
        row: dict[str, Any] = {}
        map_record[path.parent.name](parse_object(line), row, READ_ON)
        rows.append(row)
    return rows


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    told: dict[str, list[dict[str, Any]]] = {}
    for path in samples():
        told.setdefault(path.parent.name, []).extend(mapped(path))
    return told


def test_the_sample_is_small() -> None:
    sizes = {path: path.stat().st_size for path in samples()}
    assert {path.parent.name for path in sizes} == {"events", "litellm_payload", "litellm_spend_logs"}
    assert all(size < 350 * KIB for size in sizes.values())
    assert sum(size for path, size in sizes.items() if path.suffix == ".gz") < 500 * KIB
    assert sum(sizes.values()) < 1024 * KIB


@pytest.mark.parametrize("path", samples(), ids=lambda path: path.name)
def test_no_prompt_key_address_or_error_text_ships(path: Path) -> None:
    text = body(path).decode().lower()
    assert [word for word in FORBIDDEN if word in text] == []


def test_every_line_is_taken_and_no_event_stands_twice(rows: dict[str, list[dict[str, Any]]]) -> None:
    assert {source: len(found) for source, found in rows.items()} == {
        "events": 6598,
        "litellm_payload": 212,
        "litellm_spend_logs": 192,
    }
    for found in rows.values():
        assert len({row["event_id"] for row in found}) == len(found)
    calls = {row["call_id"] for row in rows["litellm_payload"]}
    assert calls.isdisjoint(row["call_id"] for row in rows["litellm_spend_logs"])


def test_the_sums_that_litellm_reported_survive_the_trimming(rows: dict[str, list[dict[str, Any]]]) -> None:
    def reported(source: str) -> Decimal:
        return sum((row["reported_cost_usd"] for row in rows[source]), Decimal(0))

    assert round(reported("litellm_payload"), 6) == Decimal("0.945357")
    assert round(reported("litellm_spend_logs"), 6) == Decimal("1.118171")


def test_the_events_end_where_the_litellm_records_begin(rows: dict[str, list[dict[str, Any]]]) -> None:
    first = min(row["occurred_at"] for row in rows["events"])
    last = max(row["occurred_at"] for row in rows["events"])
    assert last - first > timedelta(days=34)
    assert first < datetime(2026, 10, 20, tzinfo=UTC)
    assert datetime(2026, 11, 21, 9, tzinfo=UTC) < last < datetime(2026, 11, 21, 10, tzinfo=UTC)
    newest = max(row["occurred_at"] for found in rows.values() for row in found)
    assert newest == datetime(2026, 11, 21, 10, 19, 5, 623000, tzinfo=UTC)


def test_the_first_report_has_something_of_everything(rows: dict[str, list[dict[str, Any]]]) -> None:
    events = rows["events"]
    assert len({row["tenant_id"] for row in events}) == 4
    assert len({row["feature"] for row in events}) == 7
    assert any(row["attempt"] == 3 for row in events)
    assert any(row["cache_hit"] for row in events)
    assert {row["model"] for row in events if row["provider"] == "ollama"} == {"llama3.1", "qwen2.5-coder"}
    assert any(row["model"] == "ft:acme-triage-v2" for row in events)
    changes = (datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 10, 29, tzinfo=UTC))
    mistral = [row["occurred_at"] for row in events if row["model"] == "mistral-large-4"]
    prices = {sum(moment >= change for change in changes) for moment in mistral}
    assert prices == {0, 1, 2}


def test_the_script_writes_the_events_that_ship(tmp_path: Path) -> None:
    written = {path.name: body(path) for path in write_events(tmp_path)}
    shipped = {path.name: body(path) for path in samples() if path.parent.name == "events"}
    assert written == shipped
    again = {path.name: path.read_bytes() for path in write_events(tmp_path)}
    assert {path.name: path.read_bytes() for path in (tmp_path / "events").iterdir()} == again


LEAKY_PAYLOAD = {
    "id": "chatcmpl-1",
    "litellm_call_id": "call-1",
    "status": "failure",
    "startTime": 1795254803.965665,
    "endTime": 1795254807.721774,
    "model": "openai/gpt-4o-mini",
    "custom_llm_provider": "openai",
    "prompt_tokens": 12,
    "completion_tokens": 3,
    "response_cost": 0.0000036,
    "cache_hit": None,
    "request_tags": ["feature:chat"],
    "messages": [{"role": "user", "content": "LEAK prompt"}],
    "response": {"choices": [{"message": {"content": "LEAK answer"}}]},
    "error_str": "LEAK error",
    "error_information": {"error_code": "429", "error_message": "LEAK", "traceback": "LEAK"},
    "requester_ip_address": "LEAK 10.1.2.3",
    "hidden_params": {"additional_headers": {"llm_provider-request-id": "req_1", "set-cookie": "LEAK"}},
    "metadata": {
        "user_api_key_hash": "LEAK hash",
        "user_api_key_alias": "team-a",
        "user_api_key_user_email": "LEAK@x",
        "requester_metadata": {"feature": "chat", "headers": {"authorization": "Bearer LEAK"}},
        "requester_custom_headers": {"x": "LEAK"},
        "usage_object": {"prompt_tokens_details": {"cached_tokens": 4}},
    },
}


def test_trimming_keeps_what_is_read_and_nothing_else(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(LEAKY_PAYLOAD) + "\n\n")
    assert trim_file(source, target, trim_payload) == 1
    assert "LEAK" not in target.read_text()
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    map_payload(parse_object(json.dumps(LEAKY_PAYLOAD).encode()), before, READ_ON)
    map_payload(parse_object(target.read_bytes().strip()), after, READ_ON)
    assert before == after
    assert after["cache_read_tokens"] == 4
    assert after["provider_request_id"] == "req_1"


def test_a_trimmed_spend_log_has_a_pseudonym_for_its_key() -> None:
    record = {
        "request_id": "r",
        "api_key": "LEAK",
        "messages": "LEAK",
        "requester_ip_address": "LEAK",
        "metadata": {"user_api_key": "LEAK", "user_api_key_alias": "team-a", "status": "success"},
    }
    trimmed = trim_spend_log(record)
    assert "LEAK" not in json.dumps(trimmed)
    assert trimmed["api_key"] == pseudonym("team-a") != pseudonym("team-b")
