"""Claude Code transcripts (`~/.claude/projects/**/*.jsonl`): one row per distinct line that carries usage.

A message is written several times: once for each part of its answer, with totals that grow while it streams, again in
the transcripts of sub-agents and of resumed sessions. Every distinct line lands; `int_transcripts__messages` keeps
one a message. All other lines (the user's, tool results, summaries, snapshots of files) are ignored, and so is what
Claude Code made up itself (model `<synthetic>`).

| landed field | from | rule |
|---|---|---|
| event_id | message.id, and a hash of the landed fields | the same line dropped again is a duplicate |
| call_id, request_id | message.id, else requestId, else uuid | what the lines of one message have in common |
| provider_request_id | requestId | the key on invoices |
| occurred_at | timestamp | RFC 3339 |
| session_id | sessionId | |
| feature | cwd | its last part alone, the project's folder; NULL without cwd (older versions) |
| provider, model | message.model, message.id | see `served_by` |
| region | message.usage.inference_geo | `global` and `not_available` are none |
| service_tier | message.usage.speed, service_tier | speed `fast` is the tier `fast` |
| status | isApiErrorMessage | failure when true |
| prompt_tokens | input + cache_creation + cache_read | input_tokens EXCLUDES the cache |
| other token classes, web_searches | message.usage | see `usage.anthropic`; thinking is part of the output |
| reported_cost_usd | costUSD | older versions; notional for who pays a subscription |
| tags | isSidechain, message.usage.speed | `sidechain`: "true"; `speed`: its word. They decide between lines |
| tenant_id, user_id, attempt, latency_ms, … | - | not in a transcript |

`{"type": "progress", "data": {"message": …}}` holds a line of a sub-agent; what that one leaves out (session, folder,
time) is taken from around it. Nothing else is read: no text, no full path, no branch.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tokencost_pipeline.ingest.fields import (
    Ignored,
    boolean,
    float_money,
    instant,
    mapping,
    required,
    text,
)
from tokencost_pipeline.ingest.rows import content_hash
from tokencost_pipeline.ingest.sources.litellm_common import tags_text
from tokencost_pipeline.ingest.sources.providers import family, without_prefix
from tokencost_pipeline.ingest.usage import canonical_usage

_SYNTHETIC = "<synthetic>"
_NO_REGION = {"global", "not_available"}
_WORD = re.compile(r"[a-z_]{1,32}")
_BEDROCK_MODEL = re.compile(r"(?:[a-z]{2,6}\.)?anthropic\.claude")
_OF_THE_LINE = ("timestamp", "sessionId", "cwd", "requestId", "uuid", "isSidechain", "isApiErrorMessage")


def map_line(record: dict[str, Any], row: dict[str, Any], now: datetime) -> None:
    """Fill `row` from one line of a transcript. Raises Ignored for a line that is no answer of a model, Refused
    at the first field that breaks a rule."""
    line = _line_with_usage(record)
    message = mapping(line.get("message"), "message")
    model = text(message.get("model"), "message.model")
    if model == _SYNTHETIC:
        raise Ignored
    usage = mapping(message.get("usage"), "message.usage")

    row["grain"] = "attempt"
    row["occurred_at"] = instant(required(line.get("timestamp"), "timestamp"), "timestamp", now)
    message_id = text(message.get("id"), "message.id")
    row["provider_request_id"] = text(line.get("requestId"), "requestId")
    key = message_id or row["provider_request_id"] or text(line.get("uuid"), "uuid")
    row["call_id"] = row["request_id"] = required(key, "message.id, requestId or uuid")
    row["provider"], row["model"] = served_by(model, message_id)
    row |= canonical_usage("anthropic_messages", {"usage": usage})
    row["reported_cost_usd"] = float_money(line.get("costUSD"), "costUSD")

    speed = text(usage.get("speed"), "message.usage.speed")
    row["service_tier"] = "fast" if speed == "fast" else text(usage.get("service_tier"), "service_tier")
    geo = text(usage.get("inference_geo"), "message.usage.inference_geo")
    row["region"] = None if geo in _NO_REGION else geo
    failed = boolean(line.get("isApiErrorMessage"), "isApiErrorMessage")
    row["status"] = "failure" if failed else "success"
    row["session_id"] = text(line.get("sessionId"), "sessionId")
    row["feature"] = last_part(text(line.get("cwd"), "cwd"))
    tags = {"sidechain": "true"} if boolean(line.get("isSidechain"), "isSidechain") else {}
    if speed is not None and _WORD.fullmatch(speed):
        tags["speed"] = speed
    row["tags"] = tags_text(tags)
    row["event_id"] = f"{key}:{content_hash(row).hex()}"


def served_by(model: str | None, message_id: str | None) -> tuple[str | None, str | None]:
    """(provider, model) behind a name in a transcript.

    The id of a message tells Bedrock (`msg_bdrk_…`) and Vertex (`msg_vrtx_…`). A router's name says who serves:
    `openrouter,some/model`, `ollama/qwen`. A bare `claude-…` is Anthropic's, unless a router serves that name too,
    which nothing in a transcript shows. Any other bare name is somebody's, but whose is unknown: no provider, so
    that the call is unpriced and not priced wrongly.
    """
    if model is None:
        return None, None
    prefix, comma, rest = model.partition(",")
    if comma and prefix and rest:
        return family(prefix), without_prefix(rest, prefix)
    if (message_id or "").startswith("msg_bdrk_") or _BEDROCK_MODEL.match(model):
        return "bedrock", model
    if (message_id or "").startswith("msg_vrtx_"):
        return "vertex", model
    prefix, slash, rest = model.partition("/")
    if slash and prefix and rest:
        return family(prefix), rest
    return ("anthropic" if model.startswith("claude-") else None), model


def last_part(folder: str | None) -> str | None:
    """The last part of a path in either notation: `/home/ann/shop` and `C:\\\\work\\\\shop` are `shop`."""
    return re.split(r"[/\\]", folder.rstrip("/\\"))[-1] or None if folder else None


def _line_with_usage(record: dict[str, Any]) -> dict[str, Any]:
    """The line that carries usage: the record, or the sub-agent's line within it. Raises Ignored."""
    if _has_usage(record.get("message")):
        return record
    data = record.get("data")
    inner = data.get("message") if isinstance(data, dict) else None
    if record.get("type") != "progress" or not isinstance(inner, dict):
        raise Ignored
    around = {name: record.get(name) for name in _OF_THE_LINE}
    if _has_usage(inner):
        return around | {"message": inner}
    if _has_usage(inner.get("message")):
        return around | {name: value for name, value in inner.items() if value is not None}
    raise Ignored


def _has_usage(message: object) -> bool:
    return (
        isinstance(message, dict)
        and message.get("usage") is not None
        and message.get("role") in (None, "assistant")
    )
