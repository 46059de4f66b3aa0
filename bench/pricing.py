"""What pricing an event costs, and that it does not depend on how many prices the book remembers.

A month of distinct events is priced by the compiled SQL of the real models, in memory: `deduplicate`
(int_attempts__deduped), `resolve` (the few distinct keys against the whole book) and `price` (the join of every event
with its price, and the exact sums).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa

from bench.compiled import PRICED, Model, Pricing, PricingSql, compile_pricing
from bench.events import Traffic, write_attempts
from bench.frame import Benchmark, Measurement, Meter
from tokencost_pipeline.ingest.schema import LOCAL_PROVIDERS, ROUTING_BASELINES

MODELS = 64
DEDUPED = "int_attempts__deduped"
YEARS, MONTH = "over three years", "within the month"
LAYOUTS = {
    YEARS: ("2023-11-01", 1096),
    MONTH: ("2026-09-30", 31),
}  # first version, and days to spread them over
CASES = {
    "1 version a model": (1, YEARS),
    "10 versions a model": (10, YEARS),
    "100 versions a model": (100, YEARS),
    "800 versions a model": (800, YEARS),
    "100 versions a model, all within the month": (100, MONTH),
}
TRAFFIC = Traffic(
    lines=0, models=tuple((f"provider-{number % 6}", f"model-{number}") for number in range(MODELS))
)


def prepare(folder: Path, events: int) -> None:
    """The events, and dbt's compiled SQL, once for all cases."""
    write_attempts(folder / "attempts.parquet", replace(TRAFFIC, lines=events, duplicate_every=0))
    (folder / "sql.json").write_text(json.dumps(asdict(compile_pricing(folder / "dbt"))), "utf-8")


def compiled(folder: Path) -> PricingSql:
    """The models, with the deduplicated attempts as a table, so that their cost does not count as pricing."""
    read = json.loads((folder / "sql.json").read_text("utf-8"))
    models = [Model(**model) for model in read["models"]]
    stored = tuple(replace(it, kind="table") if it.name == DEDUPED else it for it in models)
    return PricingSql(**{**read, "models": stored})


def write_book(pricing: Pricing, versions: int, layout: str) -> int:
    """Land a book with so many versions of each model; every fourth model has two bands. Returns its rows."""
    first, days = LAYOUTS[layout]
    pricing.connection.execute(
        f"""
        insert into landed.prices by name
        select
            model || '@' || v as price_id, provider, model, 'default' as region, 'standard' as service_tier,
            'USD' as currency, 'active' as status,
            timestamptz '{first} 00:00:00+00' + to_microseconds(v * 86400000000 * {days} // {versions})
                as effective_from,
            effective_from as recorded_at,
            band as min_context_tokens, case when two and band = 0 then 2000 end as max_context_tokens,
            '' as window_key,
            cast(1 + v * 0.001 + band as decimal(18, 9)) as input_rate,
            cast(4 + v * 0.001 + band as decimal(18, 9)) as output_rate,
            cast(0.1 as decimal(18, 9)) as cache_read_rate,
            v as book_line, 'x' as row_hash
        from (
            select 'provider-' || (n % 6) as provider, 'model-' || n as model, n % 4 = 0 as two
            from range({MODELS}) as numbers(n)
        )
        cross join range({versions}) as versions(v)
        inner join (values (0), (2000)) as bands(band) on band = 0 or two
        """
    )
    rule = {
        "rule_no": 1,
        "model_requested": "*",
        "feature": "*",
        "baseline_provider": "provider-1",
        "baseline_model": "model-1",
    }
    pricing.land(
        {
            "routing_baselines": pa.Table.from_pylist([rule], schema=ROUTING_BASELINES),
            "local_providers": pa.Table.from_pylist([{"provider": "provider-0"}], schema=LOCAL_PROVIDERS),
        }
    )
    [(rows,)] = pricing.connection.execute("select count(*) from landed.prices").fetchall()
    return int(rows)


def run(case: str, folder: Path, events: int, meter: Meter) -> None:
    versions, layout = CASES[case]
    pricing = Pricing(compiled(folder))
    rows = write_book(pricing, versions, layout)
    pricing.connection.execute(
        f"insert into {pricing.sql.attempts} by name"
        " select *, 1 as source_rank, true as is_billed from read_parquet(?)",
        [str(folder / "attempts.parquet")],
    )
    tables = [model for model in pricing.sql.models if model.kind == "table"]
    with meter.step("deduplicate"):
        pricing.store(DEDUPED)
    with meter.step("resolve") as facts:
        for model in tables:
            if model.name != DEDUPED:
                pricing.store(model.name)
        facts["price rows in the book"] = rows
    priced = pricing.sql.model(PRICED).relation
    question = f"select count(price_id), sum(cost_usd), sum(baseline_cost_usd) from {priced}"

    def price() -> str:
        [(found, cost, baseline)] = pricing.connection.execute(question).fetchall()
        if found != events:
            raise AssertionError(f"{events - found} events met no price")
        return f"{cost:.2f} USD, {baseline:.2f} at the baseline"

    meter.rounds("price", price)


def findings(measurements: Sequence[Measurement]) -> list[str]:
    """The dearest book against the one with a single version, at each size."""
    told = []
    for events in sorted({it.events for it in measurements}):
        cost = {
            it.case: it.cpu_us_per_row for it in measurements if (it.step, it.events) == ("price", events)
        }
        one = cost["1 version a model"]
        worst = max(cost, key=lambda case: cost[case])
        told.append(
            f"{events:,} events: pricing takes {one:.2f} µs CPU an event with one version a model; the dearest book is"
            f" {worst!r} with {cost[worst]:.2f} µs, {cost[worst] / one:.2f} times as much."
        )
    return told


BENCHMARK = Benchmark(
    name="pricing",
    title="Pricing: a month of events against books of growing length",
    sizes=(2_000_000,),
    cases=lambda events: list(CASES),
    run=run,
    prepare=prepare,
    findings=findings,
)
