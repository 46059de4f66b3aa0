"""The price watch: do the installed catalogues know newer prices than the book? Never writes, uses no network."""

import dagster as dg

from tokencost_pipeline.assets.common import OWNERS, POOL, markdown_table
from tokencost_pipeline.clock import utc_now
from tokencost_pipeline.pricing.watch import Watch, watch_prices
from tokencost_pipeline.settings import Settings, load_settings
from tokencost_pipeline.warehouse.look import ask

BILLED = """
select distinct provider, model from marts.dim_prices
where price_id in (select distinct price_id from marts.fct_attempts)
order by provider, model
"""


@dg.asset(
    key=["pricing", "price_watch"],
    deps=[["pricing", "price_book"], ["exports", "marts"]],
    group_name="pricing",
    kinds={"python"},
    owners=OWNERS,
    pool=POOL,
    description="Prices of the book for which an installed catalogue (genai-prices, litellm: the extra `catalogues`) "
    "knows a newer one. Without a catalogue there is nothing to compare; nothing is ever fetched or written.",
)
def price_watch() -> dg.MaterializeResult:
    watch = look(load_settings())
    return dg.MaterializeResult(
        metadata={
            "result": watch.told,
            "catalogues": markdown_table(
                [{"catalogue": name, "version": version} for name, version in watch.catalogues.items()]
            ),
            "newer, for models you use": markdown_table([it.row for it in watch.newer]),
            "newer, for other models of the book": markdown_table([it.row for it in watch.unused]),
            "other prices without a later date": markdown_table(
                [
                    {"catalogue": name, "rows": count, "see": f"tokencost prices diff --source {name}"}
                    for name, count in watch.undated.items()
                ]
            ),
        }
    )


def look(settings: Settings) -> Watch:
    """The watch over the models that the exported marts were billed for."""
    billed = [(row["provider"], row["model"]) for row in ask(settings, BILLED)]
    return watch_prices(settings, billed, utc_now(settings))
