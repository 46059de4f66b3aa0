"""Exports to what people read."""

import dagster as dg

from tokencost_pipeline.assets.common import OWNERS, POOL, writing
from tokencost_pipeline.reports.publish import publish


@dg.asset(
    key=["reports", "markdown"],
    deps=[["exports", "marts"], ["warehouse", "retention"]],
    group_name="reports",
    kinds={"python", "markdown"},
    owners=OWNERS,
    pool=POOL,
    description="The Markdown report with charts, `api/stats.json` and the CSV files, published whole or not at all.",
)
def markdown_report(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    with writing(context, "reports") as settings:
        report = publish(settings)
    return dg.MaterializeResult(
        metadata={
            "pages": report.pages,
            "files": report.files,
            "bytes": report.bytes,
            "seconds": round(report.seconds, 3),
            "report": dg.MetadataValue.path(str(report.index)),
            "stats": dg.MetadataValue.path(str(report.stats)),
        }
    )
