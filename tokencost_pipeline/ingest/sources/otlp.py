"""OTLP/JSON spans that follow the GenAI conventions: one row per span that carries usage.

A line or document is an ExportTraceServiceRequest; each of its spans is a record. Spans without usage are ignored, and
so are those that only repeat or sum up what other spans carry: `raw_gen_ai_request` of LiteLLM, agents, tools.

| landed field | attribute | rule |
|---|---|---|
| event_id | - | traceId:spanId; exporters and their retries repeat spans |
| call_id | litellm.call_id | what other logs of LiteLLM call the call |
| request_id | litellm.call_id | else the event_id |
| grain | - | attempt; of LiteLLM's first integration (V1) request: its span merges the attempts |
| occurred_at, latency_ms | - | startTimeUnixNano, endTimeUnixNano |
| provider | gen_ai.provider.name, gen_ai.system | billing family, see `_SYSTEMS` |
| model | litellm.provider.model, gen_ai.response.model, gen_ai.request.model | first; V1 served request.model |
| model_requested | gen_ai.request.model | V1: gen_ai.response.model, which there is the public alias |
| prompt_tokens | gen_ai.usage.input_tokens, else prompt_tokens | never their sum; see below |
| completion_tokens | gen_ai.usage.output_tokens, else completion_tokens | reasoning included |
| total_tokens | gen_ai.usage.total_tokens, else llm.usage.total_tokens | |
| cache_read_tokens | gen_ai.usage.cache_read.input_tokens, else cache_read_input_tokens | |
| cache_write_5m_tokens | gen_ai.usage.cache_creation.input_tokens, else cache_creation_input_tokens | no split: 5 minutes |
| reasoning_tokens | gen_ai.usage.reasoning.output_tokens, else reasoning_tokens | |
| reported_cost_usd | litellm.cost.total, else gen_ai.cost.total_cost | USD |
| tenant_id | litellm.metadata.user_api_key_org_id, litellm.team.id, metadata.user_api_key_org_id, …_team_id | first |
| user_id | litellm.metadata.user_api_key_end_user_id, …_user_id, metadata.… of both, enduser.id, user.id | first |
| session_id | gen_ai.conversation.id | |
| service_tier | openai.response.service_tier, else gen_ai.openai.response.service_tier | |
| status, error_code | status.code, error.type | failure when 2 or there; litellm.provider.error.code, http.response.status_code, error.type |
| tags | - | `input_tokens`: "exclusive" where the rule below was applied |
| feature, attempt, retry_count, cache_hit, … | - | not in the conventions |

input_tokens includes what was read from and written to the cache. A producer that passes Anthropic's own count, which
leaves both out, shows by more cached tokens than input; there they are added. Where they are fewer nobody can tell.

Nothing else is read: no messages, no events, no addresses, no texts of errors.
"""  # noqa: E501

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tokencost_pipeline.ingest.fields import (
    Ignored,
    Refused,
    count,
    float_money,
    kind,
    mapping,
    milliseconds_between,
    plausible,
    required,
    text,
)
from tokencost_pipeline.ingest.sources.litellm_common import first_text, tags_text
from tokencost_pipeline.ingest.sources.providers import family, without_prefix

_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
_TOTAL = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens")
_CACHE_READ = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens")
_CACHE_WRITE = ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens")
_REASONING = ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens")
_COST = ("litellm.cost.total", "gen_ai.cost.total_cost")
_TENANT = (
    "litellm.metadata.user_api_key_org_id",
    "litellm.team.id",
    "metadata.user_api_key_org_id",
    "metadata.user_api_key_team_id",
)
_USER = (
    "litellm.metadata.user_api_key_end_user_id",
    "litellm.metadata.user_api_key_user_id",
    "metadata.user_api_key_end_user_id",
    "metadata.user_api_key_user_id",
    "enduser.id",
    "user.id",
)
_TIER = ("openai.response.service_tier", "gen_ai.openai.response.service_tier")
_ERROR_CODE = ("litellm.provider.error.code", "http.response.status_code", "error.type")

_SUMS_UP = {"invoke_agent", "create_agent", "invoke_workflow", "execute_tool", "agent", "workflow", "tool"}
"""Operations whose usage, where they report any, is that of the calls beneath them."""

_SYSTEMS = {
    "aws.bedrock": "bedrock",
    "azure.ai.openai": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "az.ai.inference": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "vertex",
    "mistral_ai": "mistral",
    "x_ai": "xai",
}
"""The conventions' names of providers, where they are not ours already."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"[0-9]{1,19}")
_ID = re.compile(r"[0-9A-Za-z+/=]{8,44}")
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_SCALARS = ("stringValue", "intValue", "doubleValue", "boolValue")
_KEYS_OF_V1 = ("gen_ai.cost.", "metadata.user_api_key_")


def spans(value: Any) -> list[Any]:
    """The spans of an export request, or of an array of them. Raises Refused for what is built otherwise; metrics
    and logs have none."""
    found: list[Any] = []
    for request in value if isinstance(value, list) else [value]:
        for resource in _children(request, "resourceSpans"):
            for scope in _children(resource, "scopeSpans"):
                found += _children(scope, "spans")
    return found


def _children(parent: object, name: str) -> list[Any]:
    if not isinstance(parent, dict):
        raise Refused(f"above {name}: expected an object, got {kind(parent)}")
    below = parent.get(name)
    if below is not None and not isinstance(below, list):
        raise Refused(f"{name}: expected an array, got {kind(below)}")
    return below or []


def map_span(record: dict[str, Any], row: dict[str, Any], now: datetime) -> None:
    """Fill `row` from one span. Raises Ignored for a span that is no call of a model, Refused at the first field
    that breaks a rule."""
    attributes = _attributes(record.get("attributes"))
    if _is_no_call(record, attributes):
        raise Ignored
    is_v1 = "litellm.provider.model" not in attributes and any(
        key.startswith(_KEYS_OF_V1) for key in attributes
    )

    row["grain"] = "request" if is_v1 else "attempt"
    row["occurred_at"] = _instant(record.get("startTimeUnixNano"), "startTimeUnixNano", now)
    ended = record.get("endTimeUnixNano")
    row["latency_ms"] = milliseconds_between(
        row["occurred_at"], None if ended in (None, 0, "0", "") else _instant(ended, "endTimeUnixNano", now)
    )
    row["event_id"] = f"{_id(record.get('traceId'), 'traceId')}:{_id(record.get('spanId'), 'spanId')}"
    row["call_id"] = _text(attributes, "litellm.call_id")
    row["request_id"] = row["call_id"] or row["event_id"]
    provider = _text(attributes, "gen_ai.provider.name", "gen_ai.system")
    row["provider"] = _SYSTEMS.get(provider.lower(), family(provider)) if provider else None
    asked, answered = _text(attributes, "gen_ai.request.model"), _text(attributes, "gen_ai.response.model")
    if is_v1:
        asked, answered = answered or asked, asked or answered
    model = _text(attributes, "litellm.provider.model") or answered or asked
    row["model"] = without_prefix(model, row["provider"]) if model else None
    row["model_requested"] = asked

    row |= _tokens(attributes)
    row["reported_cost_usd"] = float_money(_first(attributes, _COST), "cost")
    row["tenant_id"] = _text(attributes, *_TENANT)
    row["user_id"] = _text(attributes, *_USER)
    row["session_id"] = _text(attributes, "gen_ai.conversation.id")
    row["service_tier"] = _text(attributes, *_TIER)
    failed = "error.type" in attributes or _status(record) in (2, "STATUS_CODE_ERROR")
    row["status"] = "failure" if failed else "success"
    row["error_code"] = _error_code(attributes) if failed else None


def _is_no_call(span: dict[str, Any], attributes: dict[str, Any]) -> bool:
    if span.get("name") == "raw_gen_ai_request" or attributes.get("gen_ai.operation.name") in _SUMS_UP:
        return True
    return _first(attributes, (*_INPUT, *_OUTPUT)) is None


def _tokens(attributes: dict[str, Any]) -> dict[str, Any]:
    prompt = count(_first(attributes, _INPUT), "input_tokens")
    read = count(_first(attributes, _CACHE_READ), "cache_read.input_tokens")
    written = count(_first(attributes, _CACHE_WRITE), "cache_creation.input_tokens")
    cached = (read or 0) + (written or 0)
    is_exclusive = prompt is not None and cached > prompt
    return {
        "prompt_tokens": count(prompt + cached, "input_tokens")
        if prompt is not None and is_exclusive
        else prompt,
        "completion_tokens": count(_first(attributes, _OUTPUT), "output_tokens"),
        # a total of exclusive counts is none
        "total_tokens": None if is_exclusive else count(_first(attributes, _TOTAL), "total_tokens"),
        "cache_read_tokens": read,
        "cache_write_5m_tokens": written,
        "reasoning_tokens": count(_first(attributes, _REASONING), "reasoning.output_tokens"),
        "tags": tags_text({"input_tokens": "exclusive"}) if is_exclusive else None,
    }


def _attributes(raw: object) -> dict[str, Any]:
    """Attributes by key as plain values: text, int, Decimal or bool; lists and objects are left out."""
    if raw is None:
        return {}
    if not isinstance(raw, list):
        raise Refused(f"attributes: expected an array, got {kind(raw)}")
    found: dict[str, Any] = {}
    for entry in raw:
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
            raise Refused("attributes: expected objects with a key")
        key, value = entry["key"], _plain(mapping(entry.get("value"), "attributes.value"))
        if key in found and found[key] != value:
            raise Refused("attributes: one key with two values")
        if value is not None:
            found[key] = value
    return found


def _plain(value: dict[str, Any]) -> Any:
    name = next((name for name in _SCALARS if value.get(name) is not None), None)
    if name is None:
        return None
    plain = value[name]
    if isinstance(plain, dict | list):
        raise Refused(f"attributes: {name}: expected a plain value, got {kind(plain)}")
    # proto3 writes 64-bit numbers as text
    return int(plain) if name == "intValue" and isinstance(plain, str) and _DIGITS.fullmatch(plain) else plain


def _first(attributes: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((attributes[key] for key in keys if key in attributes), None)


def _text(attributes: dict[str, Any], *keys: str) -> str | None:
    return first_text(*((attributes.get(key), key) for key in keys))


def _error_code(attributes: dict[str, Any]) -> str | None:
    """A number or one word: what looks like a sentence may be anything and stays out."""
    found = (attributes.get(key) for key in _ERROR_CODE)
    return next(
        (str(code) for code in found if type(code) in (int, str) and _CODE.fullmatch(str(code))), None
    )


def _status(span: dict[str, Any]) -> Any:
    return mapping(span.get("status"), "status").get("code")


def _id(value: object, name: str) -> str:
    found = required(text(value, name), name)
    if not _ID.fullmatch(found):
        raise Refused(f"{name}: not an id of a span or trace")
    return found


def _instant(value: object, name: str, now: datetime) -> datetime:
    """Nanoseconds since 1970 as number or text, cut to microseconds."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if type(value) is not int or not 0 <= value < 10**19:
        raise Refused(f"{name}: expected nanoseconds since 1970, got {kind(value)}")
    return plausible(_EPOCH + timedelta(microseconds=value // 1000), name, now)
