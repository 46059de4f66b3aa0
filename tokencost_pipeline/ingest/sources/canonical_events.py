"""Canonical events: our own format, one JSON object a line, one line an attempt.

| landed field | from | rule |
|---|---|---|
| event_id | event_id | absent: 'derived:' + SHA-256 of all mapped fields, so the same line again is a duplicate |
| occurred_at | timestamp | required; RFC 3339 with offset |
| request_id, provider, model | same | required text; provider by its billing family |
| prompt_tokens, completion_tokens | same | required; inclusive totals |
| attempt | attempt | absent: 1 |
| token classes, unit counts, retry_count, latency_ms | same | whole numbers >= 0 |
| input_audio_seconds | same | number or decimal text from 0 to 10^9, at most 9 decimals |
| reported_cost_usd | computed_cost | USD, number or decimal text from 0 to 10^9, at most 9 decimals, never rounded |
| cache_hit | cache_hit | true, false or absent |
| tags | tags | object of text, landed as JSON with sorted keys |
| tenant_id, user_id, feature, session_id, region, service_tier, status, prompt_template_id | same | text |
| call_id, model_requested, error_code, provider_request_id | - | NULL: not part of the format |

null and empty text mean absent. Fields that are not in the format stay out of the warehouse and are counted by name.
A subset that is larger than its total is landed: pricing marks it `invalid_usage` where it can be seen.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from importlib import resources
from typing import Any

from tokencost_pipeline.ingest.fields import (
    Refused,
    boolean,
    count,
    exact_decimal,
    instant,
    kind,
    mapping,
    required,
    text,
)
from tokencost_pipeline.ingest.limits import MAX_SECONDS, SECONDS_DECIMALS
from tokencost_pipeline.ingest.rows import content_bytes
from tokencost_pipeline.ingest.schema import TOKEN_COUNTS, UNIT_COUNTS
from tokencost_pipeline.ingest.sources.litellm_common import tags_text
from tokencost_pipeline.ingest.sources.providers import family

TEXTS = (
    "tenant_id",
    "user_id",
    "feature",
    "session_id",
    "region",
    "service_tier",
    "status",
    "prompt_template_id",
)
REQUIRED_COUNTS = ("prompt_tokens", "completion_tokens")
COUNTS = (
    "attempt",
    "retry_count",
    "latency_ms",
    *(name for name in TOKEN_COUNTS if name not in REQUIRED_COUNTS),
    *(name for name in UNIT_COUNTS if name != "input_audio_seconds"),
)
REQUIRED = ("timestamp", "request_id", "provider", "model", *REQUIRED_COUNTS)
FIELDS = frozenset(
    (*REQUIRED, "event_id", *TEXTS, *COUNTS, "cache_hit", "input_audio_seconds", "computed_cost", "tags")
)
"""Every field of the format. The JSON Schema beside this package says the same; a test holds the two
together."""


def map_event(record: dict[str, Any], row: dict[str, Any], now: datetime) -> None:
    """Fill `row` with the landed fields of one canonical event. Raises Refused at the first field that
    breaks a rule; what was read before it is in `row`."""
    row["grain"] = "attempt"
    row["occurred_at"] = instant(required(record.get("timestamp"), "timestamp"), "timestamp", now)
    row["request_id"] = required(text(record.get("request_id"), "request_id"), "request_id")
    row["provider"] = family(required(text(record.get("provider"), "provider"), "provider"))
    row["model"] = required(text(record.get("model"), "model"), "model")
    for name in REQUIRED_COUNTS:
        row[name] = required(count(record.get(name), name), name)
    for name in TEXTS:
        row[name] = text(record.get(name), name)
    for name in COUNTS:
        row[name] = count(record.get(name), name)
    if row["attempt"] is None:
        row["attempt"] = 1
    row["cache_hit"] = boolean(record.get("cache_hit"), "cache_hit")
    row["input_audio_seconds"] = _seconds(record.get("input_audio_seconds"), "input_audio_seconds")
    row["reported_cost_usd"] = exact_decimal(record.get("computed_cost"), "computed_cost")
    row["tags"] = _tags(record.get("tags"))
    given = text(record.get("event_id"), "event_id")
    row["event_id"] = given or "derived:" + hashlib.sha256(content_bytes(row)).hexdigest()


def _seconds(value: object, name: str) -> Decimal | None:
    seconds = exact_decimal(value, name)
    if seconds is not None and (seconds > MAX_SECONDS or seconds != round(seconds, SECONDS_DECIMALS)):
        raise Refused(f"{name}: expected up to 10^9 seconds with at most {SECONDS_DECIMALS} decimals")
    return seconds


def _tags(raw: object) -> str | None:
    tags = mapping(raw, "tags")
    for key, value in tags.items():
        if not isinstance(value, str):
            raise Refused(f"tags: expected an object of text, got a value that is {kind(value)}")
        text(key, "tags")
        text(value, "tags")
    return tags_text(tags)


def json_schema() -> str:
    """The format as JSON Schema 2020-12 (text), as `tokencost schema` prints it."""
    return (
        resources.files("tokencost_pipeline.ingest")
        .joinpath("canonical_event.schema.json")
        .read_text("utf-8")
    )
