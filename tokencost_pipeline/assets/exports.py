"""Marts to Parquet: the hand-over to reports, checks, notebooks and other tools."""

import dagster as dg

from tokencost_pipeline.assets.common import OWNERS, POOL, bar_chart, markdown_table, writing
from tokencost_pipeline.warehouse.exports import export_marts
from tokencost_pipeline.warehouse.look import ask


@dg.asset(
    key=["exports", "marts"],
    deps=[
        ["marts", name]
        for name in (
            "fct_attempts", "fct_requests", "agg_hourly", "agg_daily", "agg_monthly", "agg_all_time",
            "dim_prices", "routing_savings_daily", "anomalies", "reconciliation", "restatements", "agg_litellm_log",
        )
    ]
    + [["ingest", name] for name in ("files", "quarantine", "conflicts", "unknown_fields", "run_context")],
    group_name="exports",
    kinds={"duckdb", "parquet"},
    owners=OWNERS,
    pool=POOL,
    description="Every mart as Parquet under the data folder's `exports/`; `current.json` names the files in force.",
)  # fmt: skip
def exported_marts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    with writing(context, "exports") as settings:
        report = export_marts(settings)
    days = ask(
        settings,
        "select day::varchar as day, sum(attempts) as attempts, sum(cost_usd) as cost_usd,"
        " sum(unpriced_attempts) as unpriced from marts.agg_daily group by day order by day desc limit 14",
    )
    return dg.MaterializeResult(
        metadata={
            "cost by day": bar_chart(
                [
                    (
                        str(day["day"]),
                        float(day["cost_usd"] or 0),
                        f"${day['cost_usd'] or 0:,.2f}, {day['unpriced']} unpriced",
                    )
                    for day in reversed(days)
                ]
            ),
            "preview": markdown_table(days),
            "rows": markdown_table([{"relation": name, "rows": n} for name, n in report.relations.items()]),
            "bytes": report.bytes,
            "generation": report.generation,
            "unchanged": report.unchanged,
        }
    )
