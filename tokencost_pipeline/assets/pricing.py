"""pricing/ to the landing zone: checked as a whole, so that a bad file leaves the last good one in force."""

import dagster as dg

from tokencost_pipeline.alerts.rules import alerts_path, land_alert_rules, load_alert_settings
from tokencost_pipeline.assets.common import OWNERS, POOL, markdown_table, writing
from tokencost_pipeline.pricing.land import land_reference


@dg.asset(
    key=["pricing", "price_book"],
    group_name="pricing",
    kinds={"python", "yaml"},
    owners=OWNERS,
    pool=POOL,
    description="`pricing/price_book.yaml` and `routing_baselines.yaml`, validated, expanded and landed.",
)
def price_book(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    with writing(context, "price book") as settings:
        report = land_reference(settings)
    return dg.MaterializeResult(
        metadata={
            "price versions": report.versions,
            "rows after expansion": report.rows,
            "models": report.models,
            "providers": report.providers,
            "aliases": report.aliases,
            "unchanged": report.unchanged,
            "sha256": report.book_sha256,
        }
    )


@dg.asset(
    key=["pricing", "alert_rules"],
    group_name="pricing",
    kinds={"python", "yaml"},
    owners=OWNERS,
    pool=POOL,
    description="`pricing/alerts.yaml`, validated and landed.",
)
def alert_rules(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    with writing(context, "alert rules") as settings:
        land_alert_rules(settings)
    rules = load_alert_settings(alerts_path(settings)).rows()
    return dg.MaterializeResult(metadata={"rules": len(rules), "preview": markdown_table(rules)})
