"""Retention: attempts of old days go once their rollups are built and exported."""

import dagster as dg

from tokencost_pipeline.assets.common import OWNERS, POOL, writing
from tokencost_pipeline.retention import apply_retention


@dg.asset(
    key=["warehouse", "retention"],
    deps=[["exports", "marts"]],
    group_name="exports",
    kinds={"duckdb", "parquet"},
    owners=OWNERS,
    pool=POOL,
    description="With TOKENCOST_RAW_RETENTION_DAYS set, attempts and requests of older days go from the landing zone, "
    "the warehouse and the exports. Rollups by hour and day stay; a late event of a closed day is quarantined.",
)
def retention(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    with writing(context, "retention") as settings:
        report = apply_retention(settings)
    if report.postponed:
        context.log.warning(report.postponed)
    return dg.MaterializeResult(
        metadata={
            "days kept": report.days or "TOKENCOST_RAW_RETENTION_DAYS is not set: every attempt is kept",
            "attempts reach back to": report.closed_before.isoformat()
            if report.closed_before
            else "the first one",
            "attempts gone": report.attempts,
            "landed files gone": report.files,
            "bytes gone": report.bytes,
            "postponed": report.postponed or "no",
        }
    )
