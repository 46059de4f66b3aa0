"""Marts to Parquet: what reports, checks and notebooks read, so that nobody needs the warehouse file.

A generation of files is written whole, then `current.json` names it: a reader sees the old world or the new one.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import orjson

from tokencost_pipeline import atomic
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.read_only import read_only

SCHEMAS = ("marts", "ingest", "alerts")
INTERNAL = {"ingest.applied_batches", "ingest.applied_reference"}

ORDER = {
    "marts.fct_attempts": "occurred_at, source, event_id",
    "marts.fct_requests": "first_seen, request_id",
    "marts.agg_hourly": "hour, tenant_id, feature, provider, model",
    "marts.agg_daily": "day, tenant_id, feature, provider, model",
    "marts.dim_prices": "provider, model, region, service_tier, effective_from, min_context_tokens, price_id",
    "marts.routing_savings_daily": "day, provider, model",
    "marts.anomalies": "day, dimension, entity, rule",
    "marts.agg_litellm_log": (
        "path, observation, day, provider, model, model_requested, http_path, http_status, status, error_code"
    ),
    "marts.reconciliation": "provider, day, model, currency",
    "marts.restatements": "restated_at, day, tenant_id, provider, model, why",
    "ingest.files": "path, generation",
    "ingest.quarantine": "path, line_no, byte_offset",
    "ingest.conflicts": "path, line_no",
    "ingest.unknown_fields": "source, field",
}


@dataclass(frozen=True)
class ExportReport:
    """Rows and bytes of one generation; `unchanged` when the marts were already published."""

    generation: str
    relations: dict[str, int]
    bytes: int
    unchanged: bool


def export_marts(settings: Settings) -> ExportReport:
    """Write every mart to Parquet and make it current. The same marts give the same generation, written once."""
    exports = settings.exports_dir
    exports.mkdir(parents=True, exist_ok=True)
    known = read_current(exports)
    building = exports / ".building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    with read_only(settings) as connection:
        rows = {name: copy_relation(connection, name, building) for name in relations(connection)}
        context = connection.execute(
            "select strftime(as_of, '%Y-%m-%dT%H:%M:%S.%fZ'), timezone, is_sample from ingest.run_context"
        ).fetchone()
    generation = generation_name(building)
    size = sum(path.stat().st_size for path in building.iterdir())
    current: dict[str, Any] = {
        "generation": generation,
        "relations": {name: f"{generation}/{name}.parquet" for name in rows},
        "as_of": context[0] if context else None,
        "timezone": context[1] if context else settings.timezone,
        "is_sample": bool(context[2]) if context else False,
    }
    unchanged = known == current and (exports / generation).is_dir()
    if unchanged:
        shutil.rmtree(building)
    else:
        target = exports / generation
        shutil.rmtree(target, ignore_errors=True)
        building.replace(target)
        atomic.sync_directory(exports)
        atomic.write_bytes(exports / "current.json", orjson.dumps(current, option=orjson.OPT_INDENT_2))
        prune(exports, keep={generation, (known or {}).get("generation", "")})
    return ExportReport(generation, rows, size, unchanged)


def relations(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The published relations of the warehouse, `schema.name`."""
    found = connection.execute(
        "select table_schema || '.' || table_name from information_schema.tables"
        " where list_contains(?, table_schema) order by 1",
        [list(SCHEMAS)],
    ).fetchall()
    return [name for (name,) in found if name not in INTERNAL and "__dbt_" not in name]


def copy_relation(connection: duckdb.DuckDBPyConnection, name: str, folder: Path) -> int:
    """Copy one relation in a fixed order; returns its rows. `name` is a catalogue name, never user input."""
    order = f" order by {ORDER[name]}" if name in ORDER else ""
    target = str(folder / f"{name}.parquet").replace("'", "''")
    copied = connection.execute(
        f"copy (select * from {name}{order}) to '{target}' (format parquet, compression zstd)"
    ).fetchone()
    return int(copied[0]) if copied else 0


def generation_name(folder: Path) -> str:
    """A name made from the content, so that the same marts are the same generation."""
    digest = sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as handle:
            while chunk := handle.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()[:16]


def read_current(exports: Path) -> dict[str, Any] | None:
    """The current generation's description, or None before the first export."""
    path = exports / "current.json"
    return orjson.loads(path.read_bytes()) if path.exists() else None


def prune(exports: Path, keep: set[str]) -> None:
    """Drop generations that nobody reads any more."""
    for path in exports.iterdir():
        if path.is_dir() and path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)
