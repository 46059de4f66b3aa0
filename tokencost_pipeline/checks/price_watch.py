"""Is the price book up to date, as far as catalogues know?"""

import dagster as dg

from tokencost_pipeline.assets.common import POOL, markdown_table
from tokencost_pipeline.assets.price_watch import look
from tokencost_pipeline.pricing.watch import Watch
from tokencost_pipeline.settings import load_settings


@dg.asset_check(
    asset=["pricing", "price_watch"],
    name="no_catalogue_knows_a_newer_price",
    description="No installed catalogue dates a price of a model you use later than the book, and no two agree on "
    "another one. Passes when no catalogue is installed. Look before you paste: catalogues are often wrong.",
    pool=POOL,
)
def no_catalogue_knows_a_newer_price() -> dg.AssetCheckResult:
    return verdict(look(load_settings()))


def verdict(watch: Watch) -> dg.AssetCheckResult:
    """The check's result: a warning at most, for a catalogue is a hint and not a bill."""
    return dg.AssetCheckResult(
        passed=not watch.newer and not watch.unreadable,
        severity=dg.AssetCheckSeverity.WARN,
        description=watch.told,
        metadata={
            "newer prices": len(watch.newer),
            "models": markdown_table([it.row for it in watch.newer]),
            "what to do": "`tokencost prices diff --source …` prints rows to paste into pricing/price_book.yaml",
        },
    )
