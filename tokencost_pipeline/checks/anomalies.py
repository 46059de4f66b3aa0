"""Is today's cost within what the past days let expect? One claim for each dimension, out of one query."""

from collections.abc import Iterator

import dagster as dg

from tokencost_pipeline.assets.common import POOL, markdown_table
from tokencost_pipeline.settings import load_settings
from tokencost_pipeline.warehouse.look import ask

DIMENSIONS = ("total", "feature", "tenant", "model")

OPEN = """
select dimension, entity, actual_usd, expected_usd, excess_usd, ratio, severity, window_from, window_to, incident_id
from marts.anomalies where status = 'open' order by excess_usd desc, entity
"""


@dg.multi_asset_check(
    name="cost_within_expected_band",
    specs=[
        dg.AssetCheckSpec(
            name=f"cost_by_{dimension}_within_expected_band",
            asset=["exports", "marts"],
            description=f"Today's cost by {dimension}, up to the last complete hour, is within the band that the same "
            "hours of the past days let expect (pricing/alerts.yaml).",
        )
        for dimension in DIMENSIONS
    ],
    can_subset=True,
    pool=POOL,
)
def cost_within_expected_band(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    settings = load_settings()
    rows = ask(settings, OPEN)
    report = str(settings.reports_dir / "markdown" / "anomalies.md")
    for dimension in DIMENSIONS:
        name = f"cost_by_{dimension}_within_expected_band"
        key = dg.AssetCheckKey(dg.AssetKey(["exports", "marts"]), name)
        if key not in context.selected_asset_check_keys:
            continue
        breaches = [row for row in rows if row["dimension"] == dimension]
        worst = breaches[0] if breaches else None
        severe = any(row["severity"] == "ERROR" for row in breaches)
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=name,
            passed=not breaches,
            severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
            metadata={
                "incidents": markdown_table(breaches),
                "report": dg.MetadataValue.path(report),
                **(
                    {
                        "entity": worst["entity"],
                        "actual USD": str(worst["actual_usd"]),
                        "expected USD": str(worst["expected_usd"]),
                        "ratio": str(worst["ratio"]),
                    }
                    if worst
                    else {}
                ),
            },
        )
