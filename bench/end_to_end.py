"""From bytes in raw/ to the marts: ours beside DuckDB's floor, Polars, ClickHouse and pandas on the same lines.

Ours is the real thing without Dagster: ingest, price book, dbt's build with all its tests; every import and start-up
included. It checks each line, keeps what it read, and makes ten marts. The peers do the part that is asked of
everybody: parse, one of each event_id, the price in force (models change their price twice within the month), the
priced events, the requests and both rollups on disk. They trust every line. Each must find what ours found.

`ours, the same marts` is ours held to that part: the same ingest and price book, then those four marts, whatever they
are made from and no tests. Both begin with an empty data folder, in which dbt parses its project; what that costs, and
a second run would not pay, is measured apart.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from bench import floor
from bench.events import Traffic, write_jsonl
from bench.frame import GAVE_UP, Benchmark, Measurement, Meter
from bench.peers import PEERS, Totals, installed, peer
from tokencost_pipeline.settings import Settings

if TYPE_CHECKING:  # what ours imports is part of its figures
    from tokencost_pipeline.warehouse.dbt import DbtOutcome

OURS, SAME, NOTHING, FLOOR = "ours", "ours, the same marts", "ours, nothing to read", "duckdb floor"
STEPS = ("ingest", "price book", "dbt build")
MARTS_STEP = "dbt run"
PARSE = "of which dbt parse, once a data folder"
MARTS = ("fct_attempts", "fct_requests", "agg_hourly", "agg_daily")
LINES, PRICES, EXPECTED = "events.jsonl", "prices.parquet", "expected.json"
PEER_STEP = "bytes to rollups"
MONEY = ("cost_usd", "wasted_cost_usd")
NEW_PRICES = (  # so that the month knows more than one price; USD per 1M tokens
    ("openai", "gpt-4o-mini", "0.15", "0.075", "0.6"),
    ("openai", "gpt-4.1-mini", "0.4", "0.1", "1.6"),
    ("google", "gemini-2.5-flash", "0.3", "0.03", "2.5"),
    ("anthropic", "claude-haiku-4-5-20251001", "1", "0.1", "5"),
)
CHANGES = (("2026-10-11T06:00:00Z", Decimal("0.9")), ("2026-10-21T18:30:00Z", Decimal("0.8")))


def prepare(folder: Path, events: int) -> None:
    write_jsonl(folder / LINES, Traffic(events))


def cases(events: int) -> list[str]:
    """Ours first: it leaves the prices in force and the totals behind, for the others."""
    return [OURS, SAME, NOTHING, FLOOR, *installed()]


def run(case: str, folder: Path, events: int, meter: Meter) -> None:
    if case in (OURS, SAME, NOTHING):
        ours(case, folder, meter)
    elif case == FLOOR:
        with duckdb.connect() as connection:
            meter.rounds(
                floor.ROLL_UP, lambda: f"{floor.answer(connection, folder / LINES, floor.ROLL_UP)} rows"
            )
    else:
        out = folder / "peer"
        shutil.rmtree(out, ignore_errors=True)  # of a peer that gave up
        out.mkdir()
        give_way()
        with meter.step(PEER_STEP) as facts:
            found = peer(case)(folder / LINES, folder / PRICES, out)
        found.check(expected(folder), exact="pandas" not in case)
        facts |= {"USD": str(found.cost_usd), "bytes on disk": bytes_below(out)}
        shutil.rmtree(out)


def ours(case: str, folder: Path, meter: Meter) -> None:
    """The steps of a run. Imports happen where a run would do them."""
    with meter.step(STEPS[0]) as facts:
        from bench.installation import installation, read_raw

        settings = installation(folder / case)
        change_prices(settings)
        if case != NOTHING:
            (settings.raw_dir / "events" / LINES).hardlink_to(folder / LINES)
        total = read_raw(settings).total
        facts |= {"events": total.events, "bytes landed": bytes_below(settings.landing_dir)}
    with meter.step(STEPS[1]):
        from bench.installation import land_the_rest

        land_the_rest(settings)
    with meter.step(MARTS_STEP if case == SAME else STEPS[2]) as facts:
        from bench.installation import build

        outcome = make_marts(settings) if case == SAME else build(settings)
    facts["models and tests"] = len(outcome.nodes)
    facts["bytes of warehouse"] = settings.warehouse_path.stat().st_size
    if case == OURS:
        slowest = sorted(outcome.nodes, key=lambda node: -node.seconds)[:6]
        facts["slowest (wall s)"] = "; ".join(
            f"{node.unique_id.split('.')[2]} {node.seconds:.1f}" for node in slowest
        )
    if case != NOTHING:
        found = totals(settings)
        facts["USD"] = str(found.cost_usd)
        if case == OURS:
            leave_for_peers(settings, folder, found)
        found.check(expected(folder))
        traffic = Traffic(meter.events)
        if (total.events, total.duplicates, found.events) != (
            traffic.events,
            traffic.duplicates,
            traffic.events,
        ):
            raise AssertionError(f"{total} read, {found} in the marts, {traffic.events} generated")
        parse_again(settings, folder / f"{case}, parsed", meter)


def make_marts(settings: Settings) -> DbtOutcome:
    """What `build_warehouse` does, for the marts of the peers alone and without tests."""
    from tokencost_pipeline.pipeline import run_context, withdrawn_files
    from tokencost_pipeline.warehouse import dbt
    from tokencost_pipeline.warehouse.ready import make_ready
    from tokencost_pipeline.warehouse.reference import land_run_context, land_shapes, land_withdrawn_files

    land_shapes(settings)
    land_withdrawn_files(settings, withdrawn_files(settings))
    land_run_context(settings, run_context(settings))
    make_ready(settings)
    select = [f"+{mart}" for mart in MARTS]
    outcome = dbt.invoke(
        settings, ["run", *dbt.common_arguments(settings), "--no-write-json", "--select", *select]
    )
    outcome.raise_for_failure()
    made = {node.unique_id.split(".")[2] for node in outcome.nodes}
    if not made.issuperset(MARTS):
        raise AssertionError(f"dbt made {sorted(made)}")
    return outcome


def parse_again(settings: Settings, data_dir: Path, meter: Meter) -> None:
    """dbt's first parse, in a data folder that does not know it yet. Afterwards and not before the build: a process
    that has not used dbt yet would spend as much again on imports, which every run has to pay."""
    from tokencost_pipeline.warehouse import dbt

    def parse() -> None:
        shutil.rmtree(data_dir, ignore_errors=True)
        elsewhere = settings.model_copy(update={"data_dir": data_dir})
        dbt.invoke(
            elsewhere, ["parse", *dbt.common_arguments(elsewhere), "--no-write-json"]
        ).raise_for_failure()

    meter.rounds(PARSE, parse)


def expected(folder: Path) -> Totals:
    """What ours found, which everybody has to find."""
    known = json.loads((folder / EXPECTED).read_text("utf-8"))
    return Totals(**{**known, **{name: Decimal(known[name]) for name in MONEY}})


def give_way() -> None:
    """Where memory runs out (Linux), this process is the one to go: some peers hold everything in it at once."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    except OSError:
        return


def change_prices(settings: Settings) -> None:
    """Two more versions of some prices, in the middle of the month."""
    rows = [
        f"- {{id: bench/{provider}/{model}@{since[:10]}, provider: {provider}, model: {model}, region: default,"
        f" service_tier: standard, currency: USD, effective_from: '{since}', recorded_at: '{since}',\n"
        f"   bands: [{{min_context_tokens: 0, rates: {{input: '{Decimal(into) * share}',"
        f" output: '{Decimal(out) * share}', cache_read: '{Decimal(cached) * share}'}}}}],\n"
        "   source: {note: a benchmark, verified: false}}"
        for provider, model, into, cached, out in NEW_PRICES
        for since, share in CHANGES
    ]
    book = settings.pricing_dir / "price_book.yaml"
    text = book.read_text("utf-8")
    assert text.count("\nprices:\n") == 1
    book.write_text(text.replace("\nprices:\n", "\nprices:\n" + "\n".join(rows) + "\n"), "utf-8")


def leave_for_peers(settings: Settings, folder: Path, found: Totals) -> None:
    """Write the prices that were in force (USD per token, 12 decimals) and what the marts hold."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        target = str(folder / PRICES).replace("'", "''")
        connection.execute(
            f"""
            copy (
                with used as (
                    select distinct provider, model, price_id from marts.fct_attempts
                ),
                priced as (
                    select used.provider, used.model, dim.effective_from,
                        cast(coalesce(dim.input_rate, 0) * 0.000001 as decimal(18, 12)) as input,
                        cast(coalesce(dim.cache_read_rate, dim.input_rate, 0) * 0.000001 as decimal(18, 12))
                            as cache_read,
                        cast(coalesce(dim.output_rate, 0) * 0.000001 as decimal(18, 12)) as output,
                        row_number() over chain as version
                    from used
                    left join marts.dim_prices as dim on dim.price_id = used.price_id and dim.min_context_tokens = 0
                    window chain as (partition by used.provider, used.model order by dim.effective_from)
                )
                select provider, model, input, cache_read, output,
                    -- times without a zone: what every peer reads the same way
                    case when version = 1 then timestamp '2000-01-01'
                        else timezone('UTC', effective_from) end as valid_from,
                    coalesce(
                        lead(timezone('UTC', effective_from)) over (partition by provider, model order by version),
                        timestamp '2100-01-01'
                    ) as valid_to
                from priced
            ) to '{target}' (format parquet)
            """
        )
    (folder / EXPECTED).write_text(json.dumps(asdict(found), default=str), "utf-8")


def totals(settings: Settings) -> Totals:
    """What the marts hold."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        [row] = connection.execute(
            "select sum(attempts)::bigint, sum(prompt_tokens)::bigint, sum(cost_usd), sum(requests)::bigint,"
            " (select sum(wasted_cost_usd) from marts.fct_requests),"
            " (select count(*) from marts.agg_hourly), count(*) from marts.agg_daily"
        ).fetchall()
    return Totals(*row)


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def findings(measurements: Sequence[Measurement]) -> list[str]:
    """Ours, whole and held to the peers' part, as multiples of each other way, CPU of the same run; and what of it does
    not depend on the events."""
    told = []
    for events in sorted({it.events for it in measurements}):
        mine = [it for it in measurements if it.events == events]
        cpu = {
            case: sum(it.cpu_seconds for it in mine if it.case == case and it.step != PARSE)
            for case in {it.case for it in mine}
        }
        parse = {it.case: it.cpu_seconds for it in mine if it.step == PARSE}
        gave_up = {it.case for it in mine if it.step == GAVE_UP}
        fixed = cpu[NOTHING]
        told += [
            f"{events:,} events: {case} takes {in_parts([it for it in mine if it.case == case])};"
            f" {parse[case]:.1f} s of it dbt's first parse, which a second run in the same folder does not pay."
            for case in (OURS, SAME)
        ]
        told.append(f"{events:,} events: {fixed:.1f} s CPU of ours in full whatever there is to read.")
        for case in (FLOOR, *PEERS):
            if case in cpu and case not in gave_up:
                told.append(
                    f"{events:,} events: ours / {case}: {cpu[OURS] / cpu[case]:.2f}"
                    f" (target: {3 if case == FLOOR else 1};"
                    f" without the fixed part {(cpu[OURS] - fixed) / cpu[case]:.2f});"
                    f" the same marts: {cpu[SAME] / cpu[case]:.2f}"
                    f" (without dbt's first parse {(cpu[SAME] - parse[SAME]) / cpu[case]:.2f})."
                )
        told += [f"{events:,} events: {case} did not finish, for want of memory." for case in sorted(gave_up)]
        missing = [case for case in PEERS if case not in cpu]
        if missing:
            told.append(f"Not installed here and left out: {', '.join(missing)} (the extra `bench`).")
    return told


def in_parts(measurements: Sequence[Measurement]) -> str:
    """The CPU of a case and of its steps, and its peak; without what is measured apart."""
    steps = [it for it in measurements if it.step != PARSE]
    parts = ", ".join(f"{it.step} {it.cpu_seconds:.1f}" for it in steps)
    whole, peak = sum(it.cpu_seconds for it in steps), max(it.peak_mb for it in steps)
    return f"{whole:.1f} s CPU ({parts}), peak {peak:,} MiB"


BENCHMARK = Benchmark(
    name="end_to_end",
    title="End to end: from bytes in raw/ to the marts",
    sizes=(1_000_000,),
    cases=cases,
    run=run,
    may_give_up=lambda case: case in PEERS,
    prepare=prepare,
    findings=findings,
)
