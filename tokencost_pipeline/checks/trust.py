"""Can the number be trusted? Coverage of prices, and agreement with what the gateway computed."""

from decimal import Decimal

import dagster as dg

from tokencost_pipeline.assets.common import POOL, markdown_table
from tokencost_pipeline.settings import load_settings
from tokencost_pipeline.warehouse.look import ask

UNPRICED_SHARE_OF_ERROR = Decimal("0.05")  # above 5 % of attempts the totals mislead
DRIFT_OF_WARNING = Decimal("0.01")  # 1 %: below it, rounding of the gateway's floats
LEAST_DRIFT_USD = Decimal("0.01")

UNPRICED = """
select provider, model, sum(unpriced_attempts)::bigint as attempts, sum(unpriced_tokens)::bigint as tokens
from marts.agg_daily group by provider, model having sum(unpriced_attempts) > 0
order by attempts desc, provider, model
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
    f"above {UNPRICED_SHARE_OF_ERROR:.0%} of all attempts the check is an error.",
    pool=POOL,
)
def every_attempt_has_a_price() -> dg.AssetCheckResult:
    settings = load_settings()
    rows = ask(settings, UNPRICED)
    [total] = ask(settings, "select coalesce(sum(attempts), 0)::bigint as n from marts.agg_daily")
    unpriced = sum(int(row["attempts"]) for row in rows)
    severe = unpriced > UNPRICED_SHARE_OF_ERROR * int(total["n"])
    return dg.AssetCheckResult(
        passed=unpriced == 0,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        metadata={
            "unpriced attempts": unpriced,
            "of attempts": int(total["n"]),
            "models": markdown_table(rows),
            "what to do": "add the model to pricing/price_book.yaml; its history is priced by the next run",
        },
    )


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
