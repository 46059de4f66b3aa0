"""Regenerates the sample that ships in raw/.

With the raw folder alone it writes the events; --payload and --spend-logs take the LiteLLM exports to cut
down. The events are invented. The LiteLLM records are real ones of a test proxy, cut down to the fields
listed here; what is not listed is left out: prompts, answers, headers, keys, addresses, e-mail addresses
and error texts.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tokencost_pipeline.atomic import write_bytes
from tokencost_pipeline.demo.traffic import generate
from tokencost_pipeline.demo.write import by_day

FIRST_DAY = datetime(2026, 10, 18, tzinfo=UTC)
UNTIL = datetime(2026, 11, 21, 10, tzinfo=UTC)
"""The LiteLLM records are of 09:53 to 10:19 UTC of that day. In between mistral-large-4 has three prices."""

DAYS = 35
SEED = 2026
REQUESTS_PER_DAY = 200

Record = Mapping[str, Any]

_USAGE_HEADERS = ("llm_provider-request-id", "llm_provider-x-request-id")
_ERROR = ("error_code", "error_class", "llm_provider")
_PAYLOAD = [
    "id",
    "litellm_call_id",
    "trace_id",
    "session_id",
    "call_type",
    "cache_hit",
    "stream",
    "status",
    "custom_llm_provider",
    "startTime",
    "endTime",
    "completionStartTime",
    "model",
    "model_group",
    "response_cost",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "request_tags",
    "end_user",
]
_PAYLOAD_METADATA = [
    "user_api_key_alias",
    "user_api_key_team_id",
    "user_api_key_team_alias",
    "user_api_key_org_id",
    "user_api_key_user_id",
    "user_api_key_end_user_id",
    "user_api_key_request_route",
    "usage_object",
]
_COST_BREAKDOWN = [
    "input_cost",
    "output_cost",
    "cache_read_cost",
    "cache_creation_cost",
    "reasoning_cost",
    "total_cost",
    "data_residency",
    "vertex_location",
    "service_tier",
]
_REQUESTER = ("feature", "prompt_template_id", "tags")
_SPEND_LOG = [
    "request_id",
    "litellm_call_id",
    "call_type",
    "spend",
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "startTime",
    "endTime",
    "completionStartTime",
    "request_duration_ms",
    "model",
    "model_group",
    "custom_llm_provider",
    "user",
    "team_id",
    "organization_id",
    "end_user",
    "session_id",
    "status",
    "cache_hit",
    "request_tags",
]
_SPEND_LOG_METADATA = [
    "status",
    "litellm_call_id",
    "attempted_retries",
    "max_retries",
    "attempted_fallbacks",
    "original_model_group",
    "user_api_key_alias",
    "user_api_key_team_id",
    "user_api_key_org_id",
    "user_api_key_user_id",
    "usage_object",
]


def trim_payload(record: Record) -> dict[str, Any]:
    """A StandardLoggingPayload without bodies, headers, keys, addresses and error texts."""
    metadata = record.get("metadata") or {}
    headers = (record.get("hidden_params") or {}).get("additional_headers") or {}
    return _held(
        {
            **_only(record, _PAYLOAD),
            "error_information": _only(record.get("error_information"), _ERROR),
            "cost_breakdown": _only(record.get("cost_breakdown"), _COST_BREAKDOWN),
            "hidden_params": {"additional_headers": _only(headers, _USAGE_HEADERS)},
            "metadata": {
                **_only(metadata, _PAYLOAD_METADATA),
                "user_api_key_hash": pseudonym(metadata.get("user_api_key_alias")),
                "requester_metadata": _only(metadata.get("requester_metadata"), _REQUESTER),
            },
        }
    )


def trim_spend_log(record: Record) -> dict[str, Any]:
    """A LiteLLM_SpendLogs row without bodies, keys, addresses and error texts."""
    metadata = record.get("metadata") or {}
    return _held(
        {
            **_only(record, _SPEND_LOG),
            "api_key": pseudonym(metadata.get("user_api_key_alias")),
            "metadata": {
                **_only(metadata, _SPEND_LOG_METADATA),
                "error_information": _only(metadata.get("error_information"), _ERROR),
                "cost_breakdown": _only(metadata.get("cost_breakdown"), _COST_BREAKDOWN),
            },
        }
    )


def pseudonym(alias: str | None) -> str:
    """Stands where the hash of a key stood; made from the key's public alias, so it leads nowhere."""
    return hashlib.sha256(f"sample {alias}".encode()).hexdigest()


def trim_file(source: Path, target: Path, trim: Callable[[Record], dict[str, Any]]) -> int:
    """Trim the JSON lines of `source` into `target`; returns how many there are."""
    records = [json.loads(text) for text in source.read_text("utf-8").splitlines() if text.strip()]
    lines = [json.dumps(trim(record), ensure_ascii=False, separators=(",", ":")) for record in records]
    write_bytes(target, "".join(f"{text}\n" for text in lines).encode())
    return len(lines)


def write_events(raw_dir: Path) -> list[Path]:
    """Write the invented events: packed files of a week, and the last day plain so that people see the
    format.
    """
    events = generate(FIRST_DAY, DAYS, SEED, requests_per_day=REQUESTS_PER_DAY, until=UNTIL, origin="sample")
    *days, last = by_day(events)
    files = []
    for week in (days[at : at + 7] for at in range(0, len(days), 7)):
        path = raw_dir / "events" / f"sample_events_{week[0][0]}.jsonl.gz"
        # Without a time stamp inside, so that the same events give the same file.
        write_bytes(path, gzip.compress(b"".join(text for _, lines in week for text in lines), 9, mtime=0))
        files.append(path)
    path = raw_dir / "events" / f"sample_events_{last[0]}.jsonl"
    write_bytes(path, b"".join(last[1]))
    return [*files, path]


def _only(record: Record | None, names: Iterable[str]) -> dict[str, Any]:
    return {name: record[name] for name in names if record and record.get(name) is not None}


def _held(value: Any) -> Any:
    """Without nulls and empty objects, at every depth: unknown is told by leaving it out."""
    if isinstance(value, dict):
        kept = {name: _held(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner is not None and inner != {}}
    return value


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("raw", type=Path, help="the raw folder to write to")
    parser.add_argument("--payload", type=Path, help="StandardLoggingPayload, JSON lines")
    parser.add_argument("--spend-logs", type=Path, help="LiteLLM_SpendLogs, JSON lines")
    chosen = parser.parse_args(arguments)
    write_events(chosen.raw)
    if chosen.payload:
        target = chosen.raw / "litellm_payload" / "sample_litellm_payload.jsonl"
        trim_file(chosen.payload, target, trim_payload)
    if chosen.spend_logs:
        target = chosen.raw / "litellm_spend_logs" / "sample_spend_logs.jsonl"
        trim_file(chosen.spend_logs, target, trim_spend_log)


if __name__ == "__main__":
    main()
