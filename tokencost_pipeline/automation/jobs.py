"""The job for the whole, and the job behind backfills."""

import dagster as dg

from tokencost_pipeline.assets.days import DAYS_KEY
from tokencost_pipeline.assets.reprice import REPRICED_DAYS_KEY
from tokencost_pipeline.automation.hooks import remember_failure

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets(DAYS_KEY, REPRICED_DAYS_KEY),
    description="raw/ to reports: read what is new, price it, roll it up, check it, alert, publish.",
    executor_def=dg.in_process_executor,
    hooks={remember_failure},
)

rebuild_days = dg.define_asset_job(
    "rebuild_days",
    selection=dg.AssetSelection.assets(DAYS_KEY),
    description="Rebuild a range of days from the landing zone.",
    executor_def=dg.in_process_executor,
)

reprice_days = dg.define_asset_job(
    "reprice_days",
    selection=dg.AssetSelection.assets(REPRICED_DAYS_KEY),
    description="Apply the price book to a range of days, as it is or as it was known, and keep what was published.",
    executor_def=dg.in_process_executor,
)
