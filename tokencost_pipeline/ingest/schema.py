"""The shape of a landed row: one schema for every source, so that a new format is one mapping and no new shape."""

from __future__ import annotations

import pyarrow as pa

MONEY = pa.decimal128(38, 15)
INSTANT = pa.timestamp("us", tz="UTC")

TOKEN_COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "cache_read_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
)
"""Token counts. prompt_tokens and completion_tokens are inclusive totals, every other count is a subset of one of
them; total_tokens is what the source reported (NULL when it reported none)."""

UNIT_COUNTS = (
    "requests",
    "web_searches",
    "grounded_prompts",
    "rerank_searches",
    "input_audio_seconds",
    "input_characters",
    "input_pages",
)
"""Counts of things billed by the piece. input_audio_seconds may have decimals, the others are whole."""

PLACE = (
    pa.field("path", pa.string(), nullable=False),  # relative to raw/
    pa.field("file_id", pa.string(), nullable=False),  # file generation, key of the files ledger
    pa.field("line_no", pa.int64(), nullable=False),  # 1-based, physical line where the record starts
    pa.field(
        "byte_offset", pa.int64(), nullable=False
    ),  # of the record's first byte (in the unpacked stream for gzip)
)
"""Where a row comes from."""

LINEAGE = (
    *PLACE,
    pa.field("body_sha256", pa.string(), nullable=False),  # of the record's bytes without its line end
)
"""Of rows that nobody has in full elsewhere: refused lines, conflicts, invoices."""

ATTEMPTS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # folder under raw/: events, litellm_payload, ...
        pa.field("grain", pa.string(), nullable=False),  # attempt | request | count
        pa.field("occurred_at", INSTANT),  # NULL for the grain count alone: a plain log may not say when
        pa.field("call_id", pa.string()),  # key on which sources that saw the same call are merged
        pa.field("tenant_id", pa.string()),
        pa.field("user_id", pa.string()),
        pa.field("feature", pa.string()),
        pa.field("session_id", pa.string()),
        pa.field("request_id", pa.string()),  # NULL for the grain count alone
        pa.field(
            "attempt", pa.int64()
        ),  # NULL when the source has no attempt number; dbt then numbers by time
        pa.field("retry_count", pa.int64()),
        pa.field("provider", pa.string()),  # who served: normalised family (ollama_chat -> ollama)
        pa.field("model", pa.string()),  # what served, without provider prefix
        pa.field("model_requested", pa.string()),  # what was asked for: alias, public name
        pa.field("region", pa.string()),
        pa.field("service_tier", pa.string()),  # the tier served, as the source spells it
        pa.field("status", pa.string()),  # success | failure, or the gateway's own word
        pa.field("error_code", pa.string()),  # HTTP status or provider code; 499 stands beside 'success'
        pa.field("latency_ms", pa.int64()),
        pa.field("cache_hit", pa.bool_()),  # the gateway's response cache, three-valued; not prompt caching
        pa.field("prompt_template_id", pa.string()),
        *(pa.field(name, pa.int64()) for name in TOKEN_COUNTS),
        *(pa.field(name, MONEY if name == "input_audio_seconds" else pa.int64()) for name in UNIT_COUNTS),
        pa.field("reported_cost_usd", MONEY),  # what the gateway computed; kept beside ours
        pa.field("tags", pa.string()),  # JSON object of strings
        pa.field("provider_request_id", pa.string()),
        *PLACE,
    ]
)

ALL_DIFFERENT = frozenset({"event_id", "request_id", "session_id", "call_id", "provider_request_id"})
"""Texts of an attempt that are not worth looking at for repetitions."""

QUARANTINE = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        *LINEAGE,
        pa.field("reason", pa.string(), nullable=False),
        pa.field(
            "body", pa.string()
        ),  # NULL where the line could hold somebody's prompt; the raw file still has it
    ]
)

QUARANTINE_REPLAYED = pa.schema(
    [
        *QUARANTINE,  # the refusal that is in force no longer, as it landed
        pa.field("replayed_at", INSTANT, nullable=False),
        pa.field(
            "became", pa.string(), nullable=False
        ),  # event | duplicate | conflict | ignored | quarantined
    ]
)

CONFLICTS = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        *LINEAGE,
        pa.field("body", pa.string()),  # the refused row's mapped fields as JSON
    ]
)

FILES = pa.schema(
    [
        pa.field("file_id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("generation", pa.int64(), nullable=False),
        pa.field("bytes_read", pa.int64(), nullable=False),
        pa.field("lines", pa.int64(), nullable=False),
        pa.field("events", pa.int64(), nullable=False),
        pa.field("duplicates", pa.int64(), nullable=False),
        pa.field("conflicts", pa.int64(), nullable=False),
        pa.field("quarantined", pa.int64(), nullable=False),
        pa.field("ignored", pa.int64(), nullable=False),
        pa.field("last_read_at", INSTANT, nullable=False),
    ]
)

PRICES = pa.schema(
    [
        pa.field(
            "price_id", pa.string(), nullable=False
        ),  # the book row's id; expanded multiplier rows carry a suffix
        pa.field("provider", pa.string(), nullable=False),
        pa.field(
            "model", pa.string(), nullable=False
        ),  # '*' = every model of the provider without a row of its own
        pa.field("region", pa.string(), nullable=False),
        pa.field("service_tier", pa.string(), nullable=False),
        pa.field("currency", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),  # active | retracted | ended
        pa.field("effective_from", INSTANT, nullable=False),
        pa.field("recorded_at", INSTANT, nullable=False),
        pa.field("min_context_tokens", pa.int64(), nullable=False),
        pa.field("max_context_tokens", pa.int64()),  # exclusive; NULL = no bound
        pa.field("window_key", pa.string(), nullable=False),  # '' = always; else the window's canonical text
        pa.field("window_timezone", pa.string()),
        pa.field("window_minutes", pa.string()),  # e.g. '60-240,360-600': half-open minutes of the local day
        pa.field("window_weekdays", pa.string()),  # e.g. '1,2,3,4,5' (ISO, Monday = 1)
        pa.field("window_exclude_dates", pa.string()),  # e.g. '2026-10-01,2026-10-02'
        *(
            pa.field(
                f"{component}_rate", pa.decimal128(18, 9)
            )  # per 1,000,000 tokens; NULL = omitted in the book
            for component in (
                "input",
                "output",
                "cache_read",
                "cache_write_5m",
                "cache_write_1h",
                "input_audio",
                "output_audio",
                "cache_read_audio",
                "input_image",
                "output_image",
                "output_reasoning",
            )
        ),
        *(
            field
            for unit in (
                "request",
                "web_search",
                "grounded_prompt",
                "rerank_search",
                "input_audio_second",
                "input_character",
                "input_page",
            )
            for field in (
                pa.field(f"{unit}_fee", MONEY),  # per `{unit}_per` units
                pa.field(f"{unit}_per", pa.int64()),
                pa.field(f"{unit}_minimum_units", MONEY),
            )
        ),
        pa.field("source", pa.string()),  # the row's source, JSON or text
        pa.field("book_line", pa.int64(), nullable=False),
        pa.field("row_hash", pa.string(), nullable=False),  # sha256 over every other column but book_line
    ]
)

ALIASES = pa.schema(
    [
        pa.field("provider", pa.string(), nullable=False),
        pa.field("alias", pa.string(), nullable=False),
        pa.field("match", pa.string(), nullable=False),  # exact | date_suffix
        pa.field("model", pa.string(), nullable=False),
        pa.field("effective_from", INSTANT, nullable=False),
        pa.field("recorded_at", INSTANT, nullable=False),
        pa.field("status", pa.string(), nullable=False),  # active | retracted
        pa.field("row_hash", pa.string(), nullable=False),
    ]
)

REQUEST_ESTIMATES = pa.schema(
    [
        pa.field("provider", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("cost_per_request", pa.decimal128(18, 9), nullable=False),
        pa.field("currency", pa.string(), nullable=False),
        pa.field("effective_from", INSTANT, nullable=False),
        pa.field("recorded_at", INSTANT, nullable=False),
        pa.field("method", pa.string()),
        pa.field("row_hash", pa.string(), nullable=False),
    ]
)

ROUTING_BASELINES = pa.schema(
    [
        pa.field("rule_no", pa.int64(), nullable=False),  # first match wins
        pa.field("model_requested", pa.string(), nullable=False),  # '*' = any
        pa.field("feature", pa.string(), nullable=False),  # '*' = any
        pa.field("baseline_provider", pa.string()),  # both NULL: the baseline is what served
        pa.field("baseline_model", pa.string()),
    ]
)

LOCAL_PROVIDERS = pa.schema([pa.field("provider", pa.string(), nullable=False)])

ALERT_RULES = pa.schema(
    [
        pa.field("rule", pa.string(), nullable=False),
        pa.field("dimension", pa.string(), nullable=False),  # total | feature | tenant | model
        pa.field("min_usd", MONEY, nullable=False),  # least excess that is worth a message
        pa.field("ratio", pa.decimal128(18, 9), nullable=False),  # fires at actual >= ratio * expected
        pa.field("severe_ratio", pa.decimal128(18, 9), nullable=False),  # ERROR instead of WARN
        pa.field("baseline_days", pa.int64(), nullable=False),
        pa.field("min_history_days", pa.int64(), nullable=False),
        pa.field("late_arrival_minutes", pa.int64(), nullable=False),
    ]
)

WITHDRAWN_FILES = pa.schema([pa.field("file_id", pa.string(), nullable=False)])
"""Shipped or generated files (sample_*, demo_*) that were deleted from raw/: their rows no longer count."""

RUN_CONTEXT = pa.schema(
    [
        pa.field("as_of", INSTANT, nullable=False),
        pa.field("is_sample", pa.bool_(), nullable=False),
        pa.field("timezone", pa.string(), nullable=False),
        pa.field("rebuild_from", INSTANT),  # forced range of a backfill, half-open
        pa.field("rebuild_to", INSTANT),
        pa.field("run_at", INSTANT),  # stamp of this run
        pa.field("reprice_from", INSTANT),  # price changes are applied in this range alone, half-open
        pa.field("reprice_to", INSTANT),
        pa.field("book_as_of", INSTANT),  # the book as it was recorded by then; NULL = as it is
    ]
)

FX_RATES = pa.schema(
    [
        pa.field("currency", pa.string(), nullable=False),
        pa.field("valid_from", pa.date32(), nullable=False),
        pa.field(
            "valid_to", pa.date32(), nullable=False
        ),  # exclusive: the next rate's day, at most max_age_days on
        pa.field("usd_per_unit", pa.decimal128(18, 9), nullable=False),
        pa.field("row_hash", pa.string(), nullable=False),
    ]
)

DISCOUNTS = pa.schema(
    [
        pa.field("discount_id", pa.string(), nullable=False),
        pa.field("provider", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),  # '*' = any
        pa.field("tenant_id", pa.string(), nullable=False),  # '*' = any
        pa.field("effective_from", INSTANT, nullable=False),
        pa.field("effective_to", INSTANT, nullable=False),  # exclusive; 9999-12-31 while open
        pa.field("factor", pa.decimal128(18, 9), nullable=False),  # what is left to pay: 0.85 at 15 % off
        pa.field("row_hash", pa.string(), nullable=False),
    ]
)

INVOICES = pa.schema(
    [
        pa.field("invoice_line_id", pa.string(), nullable=False),
        pa.field("provider", pa.string(), nullable=False),  # openai | anthropic
        pa.field("day", pa.date32(), nullable=False),  # UTC day of the bucket
        pa.field("model", pa.string()),  # NULL when the export was not grouped by model
        pa.field("description", pa.string()),  # line item as the provider names it
        pa.field("account_id", pa.string()),  # project or workspace
        pa.field("currency", pa.string(), nullable=False),
        pa.field("amount", MONEY, nullable=False),  # in `currency`, whole units (not cents)
        *LINEAGE,
    ]
)
