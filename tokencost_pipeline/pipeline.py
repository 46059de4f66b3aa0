"""The steps of a run that are more than one call; assets and the command line share them. Imports no Dagster."""

from __future__ import annotations

from datetime import datetime

from tokencost_pipeline.clock import resolve_as_of, utc_now
from tokencost_pipeline.ingest.manifest import newest_occurred_at, only_sample_files, read_manifest
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse import dbt
from tokencost_pipeline.warehouse.reference import RunContext, land_run_context, land_shapes


def run_context(
    settings: Settings, rebuild_from: datetime | None = None, rebuild_to: datetime | None = None
) -> RunContext:
    """What this run calls now, from the settings and what has been read so far."""
    manifest = read_manifest(settings.landing_dir)
    only_sample = only_sample_files(manifest)
    as_of = resolve_as_of(
        settings.as_of, utc_now(settings), newest_occurred_at(manifest), only_sample=only_sample
    )
    return RunContext(as_of, only_sample, rebuild_from, rebuild_to)


def build_warehouse(
    settings: Settings,
    rebuild_from: datetime | None = None,
    rebuild_to: datetime | None = None,
    *,
    full_refresh: bool = False,
) -> dbt.DbtOutcome:
    """Bring the marts up to what has landed.

    Only hours with new, late or re-priced events are recomputed; with a range [rebuild_from, rebuild_to) those hours
    too. Never raises for a failing model or test: see the outcome.
    """
    land_shapes(settings)
    land_run_context(settings, run_context(settings, rebuild_from, rebuild_to))
    return dbt.build(settings, full_refresh=full_refresh)
