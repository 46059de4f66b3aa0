"""Marts to Parquet: what reports, checks and notebooks read, so that nobody needs the warehouse file.

Files are written first, then `current.json` names them: a reader sees the old world or the new one.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from tokencost_pipeline import atomic
from tokencost_pipeline.ingest.manifest import read_manifest
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.export_files import write_relation
from tokencost_pipeline.warehouse.stale import EVERYTHING, forget_stale, read_stale
from tokencost_pipeline.warehouse.store import Store, open_store

VERSION = 2
FILES = "files"
SCHEMAS = ("marts", "ingest", "alerts")
INTERNAL = {"ingest.applied_batches", "ingest.applied_reference"}

ORDER = {
    "marts.fct_attempts": "occurred_at, source, event_id",
    "marts.fct_requests": "first_seen, request_id",
    "marts.agg_hourly": "hour, tenant_id, feature, provider, model",
    "marts.agg_daily": "day, tenant_id, feature, provider, model",
    "marts.agg_monthly": "month, tenant_id, feature, provider, model",
    "marts.agg_all_time": "tenant_id, feature, provider, model",
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
    """Bring the exports up to the warehouse and make them current. The same marts give the same generation.

    Of the large relations only the days are written that the builds since the last export touched.
    """
    exports = settings.exports_dir
    files = exports / FILES
    files.mkdir(parents=True, exist_ok=True)
    known = read_current(exports) or {}
    closed = closed_before(settings)
    stale = read_stale(settings)
    if known.get("version") != VERSION or known.get("closed_before") != closed:
        stale = EVERYTHING
    if known.get("engine", "duckdb") != settings.target:
        stale = EVERYTHING  # what is behind was noted for the other engine
    parts: dict[str, dict[str, str]] = {}
    with open_store(settings) as store:
        names = relations(store)
        for name in names:
            kept = present(files, known.get("parts", {}).get(name, {}))
            parts[name] = write_relation(store, name, ORDER.get(name, ""), files, kept, stale)
        rows = {name: count_rows(store, name) for name in names}
        context = next(iter(store.rows("select as_of, timezone, is_sample from ingest.run_context")), None)
    current: dict[str, Any] = {
        "version": VERSION,
        "generation": generation_name(parts),
        "relations": {name: [f"{FILES}/{file}" for file in found.values()] for name, found in parts.items()},
        "parts": parts,
        "closed_before": closed,
        "as_of": f"{context[0].astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if context else None,
        "timezone": context[1] if context else settings.timezone,
        "is_sample": bool(context[2]) if context else False,
        **({} if settings.target == "duckdb" else {"engine": settings.target}),
    }
    unchanged = known == current
    if not unchanged:
        atomic.sync_directory(files)
        atomic.write_bytes(exports / "current.json", orjson.dumps(current, option=orjson.OPT_INDENT_2))
    forget_stale(settings)
    prune(exports, current, *([known] if known else []))
    size = sum((files / file).stat().st_size for found in parts.values() for file in found.values())
    return ExportReport(current["generation"], rows, size, unchanged)


def present(files: Path, parts: dict[str, str]) -> dict[str, str]:
    """The parts whose files are still there."""
    return {part: file for part, file in parts.items() if (files / file).exists()}


def closed_before(settings: Settings) -> str | None:
    """The retention's watermark: what it closed has left the warehouse, whichever days were touched."""
    retention = read_manifest(settings.landing_dir).retention
    return retention.closed_before.isoformat() if retention else None


def count_rows(store: Store, name: str) -> int:
    [(rows,)] = store.rows(f"select count(*) from {name}")
    return int(rows)


def relations(store: Store) -> list[str]:
    """The published relations of the warehouse, `schema.name`."""
    return [name for name in store.tables(SCHEMAS) if name not in INTERNAL and "__dbt_" not in name]


def generation_name(parts: dict[str, dict[str, str]]) -> str:
    """A name made from the content, so that the same marts are the same generation."""
    return sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def read_current(exports: Path) -> dict[str, Any] | None:
    """The current generation's description, or None before the first export."""
    path = exports / "current.json"
    return orjson.loads(path.read_bytes()) if path.exists() else None


def prune(exports: Path, *kept: dict[str, Any]) -> None:
    """Drop the files that none of the generations `kept` names: the current one and, for who reads it now, the last."""
    named = {
        file for current in kept for found in current.get("parts", {}).values() for file in found.values()
    }
    for path in [*(exports / FILES).iterdir(), *exports.iterdir()]:
        if path.is_dir() and path.name != FILES:
            shutil.rmtree(path, ignore_errors=True)  # a generation of a version that copied everything
        elif path.parent.name == FILES and path.name not in named:
            path.unlink(missing_ok=True)


def drop_last_generation(settings: Settings) -> None:
    """Drop what only the generation before the current one has."""
    prune(settings.exports_dir, read_current(settings.exports_dir) or {})
