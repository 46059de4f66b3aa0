"""Does the bill agree with our figure?"""

from decimal import Decimal

import dagster as dg

from tokencost_pipeline.assets.common import POOL, markdown_table
from tokencost_pipeline.settings import load_settings
from tokencost_pipeline.warehouse.look import ask

GAP_OF_WARNING = Decimal("0.01")  # 1 % of what was billed
LEAST_GAP_USD = Decimal(1)

BY_CAUSE = """
select
    provider, cause,
    count(*) as cells,
    sum(gap_usd) as gap_usd,
    sum(invoiced_usd) as invoiced_usd,
    sum(computed_usd) as computed_usd,
    min(day)::varchar as first_day, max(day)::varchar as last_day
from marts.reconciliation group by provider, cause
order by abs(sum(gap_usd)) desc nulls last, provider, cause
"""


@dg.asset_check(
    asset=["exports", "marts"],
    name="computed_cost_agrees_with_the_invoice",
    description="Over the days with an invoice the provider billed what we computed, within 1 % or 1 USD a provider. "
    "Passes when there are no invoices.",
    pool=POOL,
)
def computed_cost_agrees_with_the_invoice() -> dg.AssetCheckResult:
    return verdict(ask(load_settings(), BY_CAUSE))


def verdict(rows: list[dict[str, object]]) -> dg.AssetCheckResult:
    """The check's result for the rows of BY_CAUSE. Each provider is judged by itself: gaps of two of them do not
    make up for each other."""
    gaps: dict[str, Decimal] = {}
    invoiced: dict[str, Decimal] = {}
    for row in rows:
        if row["cause"] != "other_currency":
            provider = str(row["provider"])
            gaps[provider] = gaps.get(provider, Decimal(0)) + Decimal(str(row["gap_usd"]))
            invoiced[provider] = invoiced.get(provider, Decimal(0)) + Decimal(str(row["invoiced_usd"]))
    apart = [
        provider
        for provider, gap in gaps.items()
        if abs(gap) > max(LEAST_GAP_USD, GAP_OF_WARNING * abs(invoiced[provider]))
    ]
    return dg.AssetCheckResult(
        passed=not apart,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "gap in USD": str(sum(gaps.values(), Decimal(0))),
            "invoiced in USD": str(sum(invoiced.values(), Decimal(0))),
            "providers apart": ", ".join(sorted(apart)) or "none",
            "gap by cause": markdown_table(rows),
        },
    )
