"""Exports to what people read."""

import dagster as dg

from tokencost_pipeline.assets.common import OWNERS, POOL, writing
from tokencost_pipeline.reports.publish import publish


@dg.asset(
    key=["reports", "markdown"],
    deps=[["exports", "marts"], ["warehouse", "retention"]],
    group_name="reports",
    kinds={"python", "markdown", "html"},
    owners=OWNERS,
    pool=POOL,
    description="The report as a static site and as Markdown with charts, `api/stats.json` and the CSV files, "
    "published whole or not at all. `tokencost serve` shows the site.",
)
def markdown_report(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    with writing(context, "reports") as settings:
        report = publish(settings, whole_run=context.job_name == "everything")
    return dg.MaterializeResult(
        metadata={
            "pages": report.pages,
            "files": report.files,
            "bytes": report.bytes,
            "files of the site written": report.written,
            "seconds": round(report.seconds, 3),
            "site": dg.MetadataValue.url(report.site.as_uri()),
            "report": dg.MetadataValue.path(str(report.index)),
            "stats": dg.MetadataValue.path(str(report.stats)),
        }
    )
