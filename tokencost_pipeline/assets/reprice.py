"""Re-pricing by day: the handle in the Dagster UI for a price that was learnt late."""

import dagster as dg

from tokencost_pipeline.assets.common import OWNERS, POOL, markdown_table, writing
from tokencost_pipeline.assets.days import daily_partitions
from tokencost_pipeline.reports.publish import publish
from tokencost_pipeline.reprice import parse_instant, reprice

REPRICED_DAYS_KEY = dg.AssetKey(["marts", "repriced_days"])


class RepriceConfig(dg.Config):
    """`book_as_of`: a date or an instant with its offset; the days are priced with the rows recorded by then. Empty:
    with the book as it is."""

    book_as_of: str = ""


def build_repriced_days_asset() -> dg.AssetsDefinition:
    """The partitioned asset behind re-pricing: any range of days is one dbt build."""

    @dg.asset(
        key=REPRICED_DAYS_KEY,
        deps=[["marts", "agg_daily"], ["pricing", "price_book"]],
        partitions_def=daily_partitions(),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="marts",
        kinds={"dbt", "duckdb"},
        owners=OWNERS,
        pool=POOL,
        description="Materialise days to apply the price book to them, as it is or as it was recorded by `book_as_of`. "
        "Only hours whose price differs are recomputed; what was published before is kept in `marts.restatements`.",
    )
    def repriced_days(context: dg.AssetExecutionContext, config: RepriceConfig) -> dg.MaterializeResult:
        window = context.partition_time_window
        with writing(context, "re-pricing of days") as settings:
            known = (
                parse_instant(config.book_as_of, "book_as_of", settings.timezone)
                if config.book_as_of
                else None
            )
            report = reprice(settings, window.start, window.end, known)
            publish(settings)
        return dg.MaterializeResult(
            metadata={
                "hours recomputed": report.hours,
                "attempts restated": report.attempts,
                "difference in USD": f"{report.difference_usd:f}",
                "restatements": markdown_table(report.restatements),
            }
        )

    return repriced_days
