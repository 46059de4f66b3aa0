"""Can the number be trusted? Coverage of prices, and agreement with what the gateway computed."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

import dagster as dg

from tokencost_pipeline.assets.common import POOL, markdown_table
from tokencost_pipeline.pricing.suggest import Suggestion, suggester
from tokencost_pipeline.reports.report import open_report
from tokencost_pipeline.reports.source import open_exports
from tokencost_pipeline.settings import load_settings
from tokencost_pipeline.warehouse.look import ask

DRIFT_OF_WARNING = Decimal("0.01")  # 1 %: below it, rounding of the gateway's floats
LEAST_DRIFT_USD = Decimal("0.01")

TOTAL = """
select coalesce(sum(attempts), 0)::bigint as attempts, coalesce(sum(unpriced_attempts), 0)::bigint as unpriced
from marts.agg_all_time
"""

REPORTED = """
select
    provider, model,
    count(*) as attempts,
    sum(cost_usd) as ours_usd,
    sum(reported_cost_usd) as reported_usd,
    sum(cost_usd) - sum(reported_cost_usd) as difference_usd
from marts.fct_attempts
where cost_usd is not null and reported_cost_usd is not null and cost_basis in ('tokens', 'free')
group by provider, model
order by abs(sum(cost_usd) - sum(reported_cost_usd)) desc, provider, model
"""


@dg.asset_check(
    asset=["exports", "marts"],
    name="every_attempt_has_a_price",
    description="Every attempt has a known cost. Unpriced ones are never counted as $0; "
    "above TOKENCOST_MAX_UNPRICED_SHARE of all attempts the check is an error.",
    pool=POOL,
)
def every_attempt_has_a_price() -> dg.AssetCheckResult:
    settings = load_settings()
    [total] = ask(settings, TOTAL)
    with closing(open_exports(settings.exports_dir)) as connection:
        models = open_report(connection, suggest=suggester(settings)).unpriced_models
    return coverage(int(total["attempts"]), int(total["unpriced"]), models, settings.max_unpriced_share)


def coverage(
    attempts: int, unpriced: int, models: Sequence[Mapping[str, Any]], limit: Decimal
) -> dg.AssetCheckResult:
    """The check's result: an error above the share `limit`, a warning below. `models` as of the report, with their
    proposals."""
    severe = unpriced > limit * attempts
    return dg.AssetCheckResult(
        passed=unpriced == 0,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        metadata={
            "unpriced attempts": unpriced,
            "of attempts": attempts,
            "unpriced tokens": sum(int(row["tokens"]) for row in models),
            "error above a share of": str(limit),
            "models": markdown_table([_told(row) for row in models]),
            "what to do": "add the model to pricing/price_book.yaml; its history is priced by the next run. "
            "The nearest known price is a proposal, check it first",
        },
    )


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    nearest: Suggestion | None = row["proposal"]
    return {
        **{name: row[name] for name in ("provider", "model", "why", "attempts", "tokens")},
        "nearest known price, USD per 1M tokens": nearest and nearest.price,
        "of": nearest and f"{nearest.provider}/{nearest.model}",
        "according to": nearest and nearest.origin,
        "see": nearest and nearest.see,
    }


@dg.asset_check(
    asset=["exports", "marts"],
    name="reported_cost_agrees_with_ours",
    description="The gateway's own figure agrees with ours by model, within 1 % and a cent. "
    "It warns where a gateway does not know a price: LiteLLM reports $0 for retired models.",
    pool=POOL,
)
def reported_cost_agrees_with_ours() -> dg.AssetCheckResult:
    rows = ask(load_settings(), REPORTED)
    apart = [
        row
        for row in rows
        if abs(row["difference_usd"]) > max(LEAST_DRIFT_USD, DRIFT_OF_WARNING * abs(row["ours_usd"]))
    ]
    return dg.AssetCheckResult(
        passed=not apart,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "models apart": len(apart),
            "difference in USD": str(sum((row["difference_usd"] for row in apart), Decimal(0))),
            "apart": markdown_table(apart),
            "all": markdown_table(rows),
        },
    )
