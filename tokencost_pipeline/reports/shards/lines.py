"""One line of JSON for each request and each attempt. A shard is the sorted lines of its requests in one day's files.

A line is `["<32 hex digits of sha256(request_id)>","q" or "a", values…]`. The id itself is not in it: who looks up
has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import duckdb

from tokencost_pipeline.reports.text import MAX_TEXT
from tokencost_pipeline.warehouse.look import parquet_files

FORMAT = 2
"""Counts up when lines, shards or index change their shape: what an older version remembers is then of no use."""

KEY_LENGTH = 32
RELATIONS = ("marts.fct_requests", "marts.fct_attempts")

Kind = Literal["money", "instant", "number", "decimal", "text", "flag", "slug"]

REQUEST: tuple[tuple[str, Kind], ...] = (
    ("first_seen", "instant"),
    ("last_seen", "instant"),
    ("feature", "text"),
    ("feature:slug", "slug"),
    ("tenant_id", "text"),
    ("tenant_id:slug", "slug"),
    ("user_id", "text"),
    ("session_id", "text"),
    ("provider", "text"),
    ("model", "text"),
    ("final_status", "text"),
    ("attempts", "number"),
    ("retries", "number"),
    ("failures", "number"),
    ("cache_hits", "number"),
    ("latency_ms_sum", "number"),
    ("prompt_tokens", "number"),
    ("completion_tokens", "number"),
    ("total_tokens", "number"),
    ("prompt_share", "decimal"),
    ("cost_usd", "money"),
    ("wasted_cost_usd", "money"),
    ("baseline_cost_usd", "money"),
    ("unpriced_attempts", "number"),
)
ATTEMPT: tuple[tuple[str, Kind], ...] = (
    ("attempt", "number"),
    ("occurred_at", "instant"),
    ("event_id", "text"),
    ("source", "text"),
    ("provider", "text"),
    ("model", "text"),
    ("model_requested", "text"),
    ("region", "text"),
    ("service_tier", "text"),
    ("status", "text"),
    ("error_code", "text"),
    ("latency_ms", "number"),
    ("retries", "number"),
    ("cache_hit", "flag"),
    ("prompt_template_id", "text"),
    ("prompt_tokens", "number"),
    ("completion_tokens", "number"),
    ("total_tokens", "number"),
    ("cache_read_tokens", "number"),
    ("cache_write_5m_tokens", "number"),
    ("cache_write_1h_tokens", "number"),
    ("reasoning_tokens", "number"),
    ("input_audio_tokens", "number"),
    ("output_audio_tokens", "number"),
    ("input_image_tokens", "number"),
    ("output_image_tokens", "number"),
    ("price_id", "text"),
    ("discount_id", "text"),
    ("cost_basis", "text"),
    ("cost_usd", "money"),
    ("prompt_cost_usd", "money"),
    ("completion_cost_usd", "money"),
    ("unit_cost_usd", "money"),
    ("list_cost_usd", "money"),
    ("reported_cost_usd", "money"),
    ("path", "text"),
    ("line_no", "number"),
)
FIELDS = {"marts.fct_requests": ("q", REQUEST), "marts.fct_attempts": ("a", ATTEMPT)}
"""Relation -> the letter of its lines, and their values in order. The site ships the names, so that scripts need not
know the order."""


def field_names() -> dict[str, list[str]]:
    """Letter -> names of the values that follow key and letter."""
    return {letter: [name for name, _ in fields] for letter, fields in FIELDS.values()}


def lines_sql(
    connection: duckdb.DuckDBPyConnection, exports: Path, relation: str, files: Sequence[str]
) -> str:
    """A select of `line` (it ends in a line feed), `place` (the first 32 bits of its key) and `file` (a file's name)
    over Parquet files of a relation. Rows without a request (what plain logs only count) have none.

    Money is an integer count of 1e-15 USD as text, instants are microseconds since 1970. A text is cut at MAX_TEXT
    characters. A column that a file does not have is NULL: a line says the same whatever files are read with its own.
    """
    letter, fields = FIELDS[relation]
    source = (
        f"read_parquet({parquet_files(exports, files)}, hive_partitioning = false, union_by_name = true,"
        " filename = 'file')"
    )
    columns = {str(row[0]) for row in connection.execute(f"describe from {source}").fetchall()}
    values = ", ".join(_value(name, kind, columns) for name, kind in fields)
    return f"""
        select line, cast('0x' || line[3:10] as uinteger) as place, file
        from (
            select
                '["' || sha256(request_id)[1:{KEY_LENGTH}] || '","{letter}",'
                    || cast(json_array({values}) as varchar)[2:] || chr(10) as line,
                parse_filename(file) as file
            from {source}
            where request_id is not null
        )
    """


def money_units(column: str) -> str:
    """USD in SQL as an integer count of 1e-15 USD in text; exact, for it only drops the point."""
    return f"cast(cast(replace(cast(cast({column} as decimal(38, 15)) as varchar), '.', '') as hugeint) as varchar)"


def _value(name: str, kind: Kind, columns: set[str]) -> str:
    column = name.partition(":")[0]
    if column not in columns:
        return "'none'" if kind == "slug" else "null"
    match kind:
        case "money":
            return money_units(column)
        case "instant":
            return f"epoch_us({column})"
        case "decimal":
            return f"cast({column} as varchar)"
        case "text":
            return f"{column}[:{MAX_TEXT}]"
        case "slug":
            return f"coalesce(sha256({column})[1:10], 'none')"
        case _:
            return column
