"""The marts by day: a daily partition is a day that can be rebuilt from the landing zone on its own."""

import warnings
from datetime import date
from zoneinfo import ZoneInfo

import dagster as dg

from tokencost_pipeline.assets.common import OWNERS, POOL, writing
from tokencost_pipeline.ingest.manifest import oldest_occurred_at, read_manifest
from tokencost_pipeline.pipeline import build_warehouse
from tokencost_pipeline.settings import Settings, load_settings
from tokencost_pipeline.warehouse.exports import export_marts
from tokencost_pipeline.warehouse.look import ask

warnings.filterwarnings("ignore", category=dg.BetaWarning)  # backfill_policy; pinned, and our tests cover it

DAYS_KEY = dg.AssetKey(["marts", "days"])
FIRST_DAY_UNKNOWN = date(2024, 1, 1)


def daily_partitions() -> dg.DailyPartitionsDefinition:
    """Days as the reports cut them, from the first event to today."""
    settings = load_settings()
    return dg.DailyPartitionsDefinition(
        start_date=first_day(settings).isoformat(), timezone=settings.timezone, end_offset=1
    )


def first_day(settings: Settings) -> date:
    """The local day of the oldest event that has been read."""
    oldest = oldest_occurred_at(read_manifest(settings.landing_dir))
    return oldest.astimezone(ZoneInfo(settings.timezone)).date() if oldest else FIRST_DAY_UNKNOWN


def build_days_asset() -> dg.AssetsDefinition:
    """The partitioned asset behind backfills: any range of days is one dbt build."""

    @dg.asset(
        key=DAYS_KEY,
        deps=[["marts", "agg_daily"]],
        partitions_def=daily_partitions(),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="marts",
        kinds={"dbt", "duckdb"},
        owners=OWNERS,
        pool=POOL,
        description="Every mart, by day. Materialise days to rebuild them from the landing zone with today's price "
        "book; a backfill of a range is one dbt build. Ordinary runs mark the days they touched here.",
    )
    def days(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        window = context.partition_time_window
        with writing(context, "rebuild of days") as settings:
            build_warehouse(settings, window.start, window.end).raise_for_failure()
            export_marts(settings)
        [totals] = ask(
            settings,
            "select coalesce(sum(attempts), 0) as attempts, sum(cost_usd)::varchar as cost,"
            " coalesce(sum(unpriced_attempts), 0) as unpriced"
            " from marts.agg_daily where day >= ?::date and day < ?::date",
            [window.start.date(), window.end.date()],
        )
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": int(totals["attempts"]),
                "cost in USD": totals["cost"] or "0",
                "unpriced attempts": int(totals["unpriced"]),
            }
        )

    return days
