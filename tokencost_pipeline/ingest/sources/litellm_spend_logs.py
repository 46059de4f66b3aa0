"""LiteLLM_SpendLogs as CSV or JSONL, one row a client request. Both forms of a table give identical rows.

| landed field | column | rule |
|---|---|---|
| event_id | request_id | the table's key |
| call_id, request_id | litellm_call_id, metadata.litellm_call_id, request_id | first that holds text (1.80 has only the last) |
| occurred_at | startTime | UTC without saying so; 'T' or a space, with or without a fraction |
| latency_ms | request_duration_ms, else endTime - startTime | of a retried request it is the last attempt's |
| tenant_id | organization_id, metadata.user_api_key_org_id, team_id, metadata.user_api_key_team_id | first |
| user_id | end_user, user | first |
| feature | request_tags 'feature:…', metadata.spend_logs_metadata.feature | first |
| session_id | session_id | |
| provider, model | custom_llm_provider, model | billing family; model without the provider's prefix |
| model_requested | metadata.original_model_group, model_group | the alias that was asked for |
| region | metadata.cost_breakdown.data_residency, vertex_location, metadata.usage_object.inference_geo | first |
| service_tier | metadata.usage_object.service_tier | the tier served |
| status, error_code | status (else metadata.status), metadata.error_information.error_code | 499 stays 'success' |
| cache_hit | cache_hit | text 'True', 'False', 'None' |
| prompt_tokens, completion_tokens, total_tokens | same | include cache reads and writes |
| other token classes, web_searches | metadata.usage_object over additional_usage_values | absent is NULL |
| retry_count | metadata.attempted_retries + attempted_fallbacks | of the whole request; NULL when both are absent |
| attempt | - | NULL: one row stands for all attempts |
| prompt_template_id | metadata.prompt_management_metadata.prompt_id, spend_logs_metadata.prompt_template_id | first |
| reported_cost_usd | spend | USD, 15 decimals |
| tags | request_tags | as in the payload |

Money rule: a request that failed before any output and was billed nothing carries an *estimated* prompt_tokens. It
lands with zero tokens, and the estimate is kept as tag `estimated_prompt_tokens`: nothing lost, nothing counted. A
failure with spend or output (a broken stream) keeps its tokens.

Empty text, an empty CSV field and null are all "absent". api_key, messages, response, proxy_server_request, addresses
and error texts are never read.
"""  # noqa: E501

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tokencost_pipeline.ingest.fields import (
    Refused,
    count,
    float_money,
    kind,
    mapping,
    milliseconds_between,
    naive_utc,
    required,
    text,
)
from tokencost_pipeline.ingest.gate import parse_object, parse_value
from tokencost_pipeline.ingest.sources.litellm_common import (
    client_text,
    error_code,
    first_text,
    split_tags,
    tags_text,
    usage_details,
)
from tokencost_pipeline.ingest.sources.providers import family, without_prefix

_COUNT_COLUMNS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens", "request_duration_ms"})
_JSON_COLUMNS = frozenset({"metadata", "request_tags"})
_TEXT_COLUMNS = frozenset(
    {
        "request_id",
        "litellm_call_id",
        "startTime",
        "endTime",
        "organization_id",
        "team_id",
        "end_user",
        "user",
        "session_id",
        "custom_llm_provider",
        "model",
        "model_group",
        "status",
        "cache_hit",
        "spend",
    }
)
COLUMNS = _COUNT_COLUMNS | _JSON_COLUMNS | _TEXT_COLUMNS
"""The columns that are read; all others stay in the raw file."""

REQUIRED_COLUMNS = frozenset(
    {"request_id", "startTime", "spend", "prompt_tokens", "completion_tokens", "model"}
)
"""Without them a CSV file is no export of this table."""

_WHOLE = re.compile(r"-?[0-9]{1,20}")
_THREE_VALUES = {"True": True, "False": False, "None": None}


def from_csv(columns: Mapping[str, str]) -> dict[str, Any]:
    """The record a CSV row stands for, in the shape its JSONL twin has."""
    record: dict[str, Any] = {}
    for name, value in columns.items():
        if value == "":
            record[name] = None
        elif name in _COUNT_COLUMNS and _WHOLE.fullmatch(value):
            record[name] = int(value)
        else:
            record[name] = value  # text where a count belongs is refused by the mapping
    return record


def map_spend_log(record: dict[str, Any], row: dict[str, Any], now: datetime) -> None:
    """Fill `row` with the landed fields of one request. Raises Refused at the first field that breaks a
    rule."""
    metadata = _json(record.get("metadata"), "metadata")
    usage = mapping(metadata.get("additional_usage_values"), "metadata.additional_usage_values")
    usage = usage | _held(mapping(metadata.get("usage_object"), "metadata.usage_object"))
    breakdown = mapping(metadata.get("cost_breakdown"), "metadata.cost_breakdown")
    client = mapping(metadata.get("spend_logs_metadata"), "metadata.spend_logs_metadata")
    template = mapping(metadata.get("prompt_management_metadata"), "metadata.prompt_management_metadata")

    row["grain"] = "request"
    started = naive_utc(required(_filled(record, "startTime"), "startTime"), "startTime", now)
    row["occurred_at"] = started
    row["event_id"] = required(text(record.get("request_id"), "request_id"), "request_id")
    row["call_id"] = row["request_id"] = first_text(
        (record.get("litellm_call_id"), "litellm_call_id"),
        (metadata.get("litellm_call_id"), "metadata.litellm_call_id"),
        (row["event_id"], "request_id"),
    )
    provider = text(record.get("custom_llm_provider"), "custom_llm_provider")
    row["provider"] = family(provider) if provider else None
    model = text(record.get("model"), "model")
    row["model"] = without_prefix(model, provider) if model else None
    row["model_requested"] = first_text(
        (metadata.get("original_model_group"), "metadata.original_model_group"),
        (record.get("model_group"), "model_group"),
    )
    row["status"] = first_text((record.get("status"), "status"), (metadata.get("status"), "metadata.status"))
    row["error_code"] = error_code(metadata.get("error_information"), "metadata.error_information")

    row["reported_cost_usd"] = float_money(_filled(record, "spend"), "spend")
    feature, tags = _tags(record.get("request_tags"))
    row |= _tokens(record, usage, row["status"], row["reported_cost_usd"], tags)
    row["tags"] = tags_text(tags)
    row["feature"] = feature or client_text(client.get("feature"), "spend_logs_metadata.feature")

    row["latency_ms"] = count(record.get("request_duration_ms"), "request_duration_ms")
    ended = _filled(record, "endTime")
    if row["latency_ms"] is None and ended is not None:
        row["latency_ms"] = milliseconds_between(started, naive_utc(ended, "endTime", now))
    row["cache_hit"] = _cache_hit(record.get("cache_hit"))
    row["retry_count"] = _retries(metadata)
    row["tenant_id"] = first_text(
        (record.get("organization_id"), "organization_id"),
        (metadata.get("user_api_key_org_id"), "metadata.user_api_key_org_id"),
        (record.get("team_id"), "team_id"),
        (metadata.get("user_api_key_team_id"), "metadata.user_api_key_team_id"),
    )
    row["user_id"] = first_text((record.get("end_user"), "end_user"), (record.get("user"), "user"))
    row["session_id"] = text(record.get("session_id"), "session_id")
    row["prompt_template_id"] = text(template.get("prompt_id"), "prompt_id") or client_text(
        client.get("prompt_template_id"), "spend_logs_metadata.prompt_template_id"
    )
    row["region"] = first_text(
        (breakdown.get("data_residency"), "cost_breakdown.data_residency"),
        (breakdown.get("vertex_location"), "cost_breakdown.vertex_location"),
        (usage.get("inference_geo"), "usage_object.inference_geo"),
    )
    row["service_tier"] = text(usage.get("service_tier"), "usage_object.service_tier")


def _tokens(
    record: dict[str, Any],
    usage: dict[str, Any],
    status: str | None,
    spend: Decimal | None,
    tags: dict[str, str],
) -> dict[str, int | None]:
    """The token fields after the money rule of the module's docstring; an estimate is moved into `tags`."""
    prompt = count(record.get("prompt_tokens"), "prompt_tokens")
    completion = count(record.get("completion_tokens"), "completion_tokens")
    total = count(record.get("total_tokens"), "total_tokens")
    if status == "failure" and not completion and not spend:
        if prompt:
            tags["estimated_prompt_tokens"] = str(prompt)
        return {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    return counts | usage_details(usage, "usage_object")


def _retries(metadata: dict[str, Any]) -> int | None:
    retries = count(metadata.get("attempted_retries"), "metadata.attempted_retries")
    fallbacks = count(metadata.get("attempted_fallbacks"), "metadata.attempted_fallbacks")
    return None if retries is None and fallbacks is None else (retries or 0) + (fallbacks or 0)


def _cache_hit(raw: object) -> bool | None:
    if raw is None or isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw in {"", *_THREE_VALUES}:
        return _THREE_VALUES.get(raw)
    raise Refused(f"cache_hit: expected True, False or None, got {kind(raw)}")


def _tags(raw: object) -> tuple[str | None, dict[str, str]]:
    if isinstance(raw, str):
        raw = _parsed(raw, "request_tags", parse_value) if raw else None
    return split_tags(raw)


def _json(raw: object, name: str) -> dict[str, Any]:
    """A jsonb column: an object, or its text in CSV and in exporters that do not nest."""
    if isinstance(raw, str):
        return _parsed(raw, name, parse_object) if raw else {}
    return mapping(raw, name)


def _parsed(raw: str, name: str, parse: Callable[[bytes], Any]) -> Any:
    try:
        return parse(raw.encode())
    except Refused as refusal:
        raise Refused(f"{name}: {refusal}") from None


def _held(section: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in section.items() if value is not None}


def _filled(record: dict[str, Any], name: str) -> Any:
    """The value, with empty text as absent."""
    value = record.get(name)
    return None if value == "" else value
