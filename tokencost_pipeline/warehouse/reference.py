"""What dbt needs beside the landed events: typed empty shapes, and the context of the run."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from tokencost_pipeline import atomic
from tokencost_pipeline.alerts.outbox import OUTBOX
from tokencost_pipeline.ingest import schema
from tokencost_pipeline.settings import Settings

SHAPES: dict[str, pa.Schema] = {
    "attempts": schema.ATTEMPTS,
    "quarantine": schema.QUARANTINE,
    "quarantine_replayed": schema.QUARANTINE_REPLAYED,
    "conflicts": schema.CONFLICTS,
    "files": schema.FILES,
    "prices": schema.PRICES,
    "price_aliases": schema.ALIASES,
    "request_estimates": schema.REQUEST_ESTIMATES,
    "routing_baselines": schema.ROUTING_BASELINES,
    "local_providers": schema.LOCAL_PROVIDERS,
    "invoices": schema.INVOICES,
    "invoice_refusals": schema.QUARANTINE,
    "fx_rates": schema.FX_RATES,
    "discounts": schema.DISCOUNTS,
    "alert_rules": schema.ALERT_RULES,
    "run_context": schema.RUN_CONTEXT,
    "withdrawn_files": schema.WITHDRAWN_FILES,
    "alerts_outbox": OUTBOX,
}


@dataclass(frozen=True)
class Reprice:
    """Price changes applied on request: only in the hours from `since` up to `until` (UTC, whole hours), with the
    book as it was recorded by `book_as_of` (UTC; None = as it is)."""

    since: datetime
    until: datetime
    book_as_of: datetime | None = None


@dataclass(frozen=True)
class RunContext:
    """The instant the run calls now (UTC), whether only the shipped sample is loaded, the run's stamp, a range to
    rebuild, and a re-pricing that was asked for."""

    as_of: datetime
    is_sample: bool
    run_at: datetime
    rebuild_from: datetime | None = None
    rebuild_to: datetime | None = None
    reprice: Reprice | None = None


def land_shapes(settings: Settings) -> None:
    """Zero-row files that keep every landed table typed before anything has landed in it."""
    for name, shape in SHAPES.items():
        write_table(settings, f"shapes/{name}.parquet", shape.empty_table())


def land_run_context(settings: Settings, context: RunContext) -> None:
    """Land the one row that dbt knows the run by."""
    table = pa.Table.from_pylist(
        [
            {
                "as_of": context.as_of.astimezone(UTC),
                "is_sample": context.is_sample,
                "timezone": settings.timezone,
                "rebuild_from": context.rebuild_from,
                "rebuild_to": context.rebuild_to,
                "run_at": context.run_at.astimezone(UTC),
                "reprice_from": context.reprice.since if context.reprice else None,
                "reprice_to": context.reprice.until if context.reprice else None,
                "book_as_of": context.reprice.book_as_of if context.reprice else None,
            }
        ],
        schema=schema.RUN_CONTEXT,
    )
    write_table(settings, "reference/run_context.parquet", table)


def land_withdrawn_files(settings: Settings, file_ids: Sequence[str]) -> None:
    """Land the file generations whose rows no longer count."""
    table = pa.Table.from_pylist(
        [{"file_id": file_id} for file_id in sorted(file_ids)], schema=schema.WITHDRAWN_FILES
    )
    write_table(settings, "reference/withdrawn_files.parquet", table)


def write_table(settings: Settings, name: str, table: pa.Table) -> None:
    """Write one small Parquet file atomically, unless it already holds the same bytes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    path = settings.landing_dir / name
    if not path.exists() or path.read_bytes() != buffer.getvalue():
        atomic.write_bytes(path, buffer.getvalue())
