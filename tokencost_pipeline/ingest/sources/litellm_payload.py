"""LiteLLM StandardLoggingPayload (1.80 and 1.106): one object a logged attempt, one or an array of them a line or
document (generic_api sends arrays, S3 writes one object a file, GCS one a line).

| landed field | from | rule |
|---|---|---|
| event_id | litellm_call_id (else id), status, startTime, model | `id` alone repeats: 1.80 logs all failures of a call under one |
| call_id, request_id | litellm_call_id, else id | 1.80 has no call id; there only failures carry it, as their id, and a `resp_…` made by LiteLLM is the id it wraps |
| occurred_at | startTime | seconds since 1970, UTC, to the microsecond |
| latency_ms | endTime - startTime | `response_time` is the time to the first token on streams, so it is not used |
| tenant_id | metadata.user_api_key_org_id, user_api_key_team_id, team_id | first that holds text |
| user_id | end_user, metadata.user_api_key_end_user_id, user_api_key_user_id | first that holds text |
| feature | request_tags 'feature:…', metadata.requester_metadata.feature, spend_logs_metadata.feature | first |
| session_id | session_id, trace_id | session_id is empty by default |
| provider | custom_llm_provider, else the model's prefix | billing family, see `providers`; 1.80 leaves it out on /v1/responses |
| model | model | without the provider's prefix (1.80 writes none) |
| model_requested | model_group | the public alias, after a fallback the one that served |
| region | cost_breakdown.data_residency, vertex_location, usage_object.inference_geo | first |
| service_tier | usage_object.service_tier | the tier served |
| status, error_code | status, error_information.error_code | a client that hangs up is 'success' with '499' |
| cache_hit | cache_hit | three-valued; the gateway's own cache, not prompt caching |
| prompt_tokens, completion_tokens, total_tokens | same | include cache reads and writes, also for Anthropic |
| other token classes, web_searches | metadata.usage_object | see `litellm_common.usage_details`; absent is NULL |
| prompt_template_id | metadata.prompt_management_metadata.prompt_id, requester_metadata.prompt_template_id | first |
| reported_cost_usd | response_cost | USD, 15 decimals; 0 also when LiteLLM has no price |
| provider_request_id | hidden_params.additional_headers 'llm_provider-request-id', '…-x-request-id' | the key on invoices |
| tags | request_tags | 'k:v' as {k: v}; LiteLLM's own 'User-Agent: …' left out |
| attempt, retry_count | - | NULL: not in the payload; x-litellm-attempted-retries is of the request, not of the attempt |

1.80 logs some attempts twice, once around and once within: /v1/responses of a provider that has only chat, failed
/v1/messages streams of one that has none. Both rows land; `int_payload__attempts` keeps the one within, which alone
has the details of the tokens.

Nothing else is read: messages, response, headers, keys, addresses and error texts stay in the raw file.
"""  # noqa: E501

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from tokencost_pipeline.ingest.fields import (
    boolean,
    count,
    epoch_seconds,
    float_money,
    mapping,
    milliseconds_between,
    required,
    text,
)
from tokencost_pipeline.ingest.sources.litellm_common import (
    client_text,
    error_code,
    first_text,
    split_tags,
    tags_text,
    usage_details,
)
from tokencost_pipeline.ingest.sources.providers import family, named_in, without_prefix


def map_payload(record: dict[str, Any], row: dict[str, Any], now: datetime) -> None:
    """Fill `row` with the landed fields of one payload. Raises Refused at the first field that breaks a
    rule."""
    metadata = mapping(record.get("metadata"), "metadata")
    usage = mapping(metadata.get("usage_object"), "metadata.usage_object")
    breakdown = mapping(record.get("cost_breakdown"), "cost_breakdown")
    requester = mapping(metadata.get("requester_metadata"), "metadata.requester_metadata")
    spend_logs = mapping(metadata.get("spend_logs_metadata"), "metadata.spend_logs_metadata")
    template = mapping(metadata.get("prompt_management_metadata"), "metadata.prompt_management_metadata")

    row["grain"] = "attempt"
    started = epoch_seconds(record.get("startTime"), "startTime", now)
    row["occurred_at"] = started
    call_id = first_text((record.get("litellm_call_id"), "litellm_call_id")) or _wrapped(
        required(text(record.get("id"), "id"), "litellm_call_id or id")
    )
    row["call_id"] = row["request_id"] = call_id
    provider = text(record.get("custom_llm_provider"), "custom_llm_provider")
    model = text(record.get("model"), "model")
    provider = provider or (named_in(model) if model else None)
    row["provider"] = family(provider) if provider else None
    row["model"] = without_prefix(model, provider) if model else None
    row["model_requested"] = text(record.get("model_group"), "model_group")
    row["status"] = text(record.get("status"), "status")
    row["error_code"] = error_code(record.get("error_information"), "error_information")
    row["event_id"] = f"{call_id}:{row['status'] or ''}:{started:%Y-%m-%dT%H:%M:%S.%fZ}:{row['model'] or ''}"

    row["prompt_tokens"] = count(record.get("prompt_tokens"), "prompt_tokens")
    row["completion_tokens"] = count(record.get("completion_tokens"), "completion_tokens")
    row["total_tokens"] = count(record.get("total_tokens"), "total_tokens")
    row |= usage_details(usage, "usage_object")
    row["reported_cost_usd"] = float_money(record.get("response_cost"), "response_cost")

    ended = record.get("endTime")
    row["latency_ms"] = milliseconds_between(
        started, None if ended is None else epoch_seconds(ended, "endTime", now)
    )
    row["cache_hit"] = boolean(record.get("cache_hit"), "cache_hit")
    row["tenant_id"] = first_text(
        (metadata.get("user_api_key_org_id"), "metadata.user_api_key_org_id"),
        (metadata.get("user_api_key_team_id"), "metadata.user_api_key_team_id"),
        (metadata.get("team_id"), "metadata.team_id"),
    )
    row["user_id"] = first_text(
        (record.get("end_user"), "end_user"),
        (metadata.get("user_api_key_end_user_id"), "metadata.user_api_key_end_user_id"),
        (metadata.get("user_api_key_user_id"), "metadata.user_api_key_user_id"),
    )
    tagged_feature, tags = split_tags(record.get("request_tags"))
    row["feature"] = (
        tagged_feature
        or client_text(requester.get("feature"), "requester_metadata.feature")
        or client_text(spend_logs.get("feature"), "spend_logs_metadata.feature")
    )
    row["tags"] = tags_text(tags)
    row["session_id"] = first_text(
        (record.get("session_id"), "session_id"), (record.get("trace_id"), "trace_id")
    )
    row["prompt_template_id"] = text(template.get("prompt_id"), "prompt_id") or client_text(
        requester.get("prompt_template_id"), "requester_metadata.prompt_template_id"
    )
    row["region"] = first_text(
        (breakdown.get("data_residency"), "cost_breakdown.data_residency"),
        (breakdown.get("vertex_location"), "cost_breakdown.vertex_location"),
        (usage.get("inference_geo"), "usage_object.inference_geo"),
    )
    row["service_tier"] = text(usage.get("service_tier"), "usage_object.service_tier")
    row["provider_request_id"] = _provider_request_id(record.get("hidden_params"))


def _wrapped(response_id: str) -> str:
    """The chat completion's id inside an id that LiteLLM made for the Responses API:
    `resp_` and in base64 `litellm:custom_llm_provider:…;model_id:…;response_id:chatcmpl-…`. Any other id as it is."""
    try:
        inside = base64.b64decode(response_id.removeprefix("resp_"), validate=True).decode()
    except ValueError:
        return response_id
    start, _, inner = inside.partition(";response_id:")
    is_wrapper = response_id.startswith("resp_") and start.startswith("litellm:")
    return inner if is_wrapper and inner and not inner.startswith("resp_") else response_id


def _provider_request_id(hidden: object) -> str | None:
    headers = mapping(mapping(hidden, "hidden_params").get("additional_headers"), "additional_headers")
    return first_text(
        (headers.get("llm_provider-request-id"), "llm_provider-request-id"),
        (headers.get("llm_provider-x-request-id"), "llm_provider-x-request-id"),
    )
