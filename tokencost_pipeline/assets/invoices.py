"""raw/invoices to the landing zone: read whole each run, the newest export of a line in force."""

import dagster as dg

from tokencost_pipeline.assets.common import OWNERS, POOL, markdown_table, writing
from tokencost_pipeline.clock import gate_now
from tokencost_pipeline.ingest.invoices import land_invoices


@dg.asset(
    key=["raw", "invoices"],
    group_name="raw",
    kinds={"python", "parquet"},
    owners=OWNERS,
    pool=POOL,
    description="What the providers billed (`raw/invoices/openai`: organization costs, `raw/invoices/anthropic`: "
    "cost_report). Only compared with our figures, never added to them.",
)
def invoices(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    with writing(context, "invoices") as settings:
        report = land_invoices(settings, now=gate_now(settings))
    return dg.MaterializeResult(
        metadata={
            "lines": report.lines,
            "dagster/row_count": report.lines,
            "files": report.files,
            "refused": len(report.refused),
            "refused files": markdown_table(
                [
                    {"file": refusal.path, "line": refusal.line_no, "why": refusal.reason}
                    for refusal in report.refused
                ]
            ),
            "unchanged": report.unchanged,
        }
    )
