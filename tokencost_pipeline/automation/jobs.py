"""The job for the whole, and the job behind backfills."""

from __future__ import annotations

import dagster as dg

from tokencost_pipeline.assets.days import DAYS_KEY, daily_partitions

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets(DAYS_KEY),
    description="raw/ to reports: read what is new, price it, roll it up, check it, alert, publish.",
    executor_def=dg.in_process_executor,
)

def rebuild_days() -> dg.UnresolvedAssetJobDefinition:
    """The backfill job; its partitions are cut in TOKENCOST_TIMEZONE."""
    return dg.define_asset_job(
        "rebuild_days",
        selection=dg.AssetSelection.assets(DAYS_KEY),
        partitions_def=daily_partitions(),
        description="Rebuild a range of days from the landing zone.",
        executor_def=dg.in_process_executor,
    )
