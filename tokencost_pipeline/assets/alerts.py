"""Open incidents to the webhook. Delivery never fails the run: what could not be sent is tried again next time."""

import dagster as dg

from tokencost_pipeline.alerts.message import worth_telling
from tokencost_pipeline.alerts.notify import notify
from tokencost_pipeline.assets.common import OWNERS, POOL, markdown_table
from tokencost_pipeline.clock import utc_now
from tokencost_pipeline.settings import load_settings
from tokencost_pipeline.warehouse.look import ask

INCIDENTS = """
select anomalies.*, run_context.as_of
from marts.anomalies cross join ingest.run_context
order by excess_usd desc, dimension, entity
"""


@dg.asset(
    key=["alerts", "messages"],
    deps=[["exports", "marts"]],
    group_name="alerts",
    kinds={"python", "webhook"},
    owners=OWNERS,
    pool=POOL,
    description="One message per rule, entity and day to TOKENCOST_WEBHOOK_URL, signed when a secret is set.",
)
def alert_messages(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    settings = load_settings()
    seen = ask(settings, INCIDENTS)
    page = "markdown/anomalies.md"  # below TOKENCOST_REPORTS_DIR: a path of this machine would mean nothing in a chat
    incidents = [
        {**incident, "link": page} for incident in (worth_telling(seen, seen[0]["as_of"]) if seen else [])
    ]
    report = notify(settings, incidents, now=utc_now(settings))
    for reason in report.reasons:
        context.log.warning(reason)
    return dg.MaterializeResult(
        metadata={
            "incidents": markdown_table(
                [
                    {
                        name: row[name]
                        for name in ("dimension", "entity", "actual_usd", "expected_usd", "ratio", "severity")
                    }
                    for row in incidents
                ]
            ),
            "delivered": report.delivered,
            "pending": report.pending,
            "failed": report.failed,
            "endpoint": "set"
            if settings.webhook_url
            else "TOKENCOST_WEBHOOK_URL is not set: nothing is sent",
        }
    )
