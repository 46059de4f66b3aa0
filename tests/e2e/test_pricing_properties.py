"""What holds of every book and every attempt, through the real models' compiled SQL; and that mistakes break it.

An example is several small books side by side, each at a provider of its own, and attempts drawn from a seed: dbt
compiles once, then each example is one run of the models in memory.
"""

from __future__ import annotations

import json
import random
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from bench.compiled import Pricing, PricingSql, compile_pricing
from bench.events import write_attempts
from bench.frame import one_case
from bench.pricing import BENCHMARK, CASES, TRAFFIC
from tokencost_pipeline.ingest.schema import ATTEMPTS, FX_RATES, RUN_CONTEXT
from tokencost_pipeline.pricing import terms
from tokencost_pipeline.pricing.book import AliasRow, Band, PriceBook, PriceRow, UnitFee, Window
from tokencost_pipeline.pricing.expand import expand, to_arrow

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 8
INTERVALS = ((1, 100), (100, 1000), (1000, 10**9))  # the bands of every drawn book begin at some of these
PROMPT = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "input_audio",
    "cache_read_audio",
    "input_image",
)
COMPLETION = ("output", "output_reasoning", "output_audio", "output_image")
UNITS = (
    "requests",
    "web_searches",
    "grounded_prompts",
    "rerank_searches",
    "input_audio_seconds",
    "input_characters",
    "input_pages",
)
WINDOWS = (
    None,
    Window("UTC", ((540, 720),)),
    Window("Asia/Shanghai", ((0, 120), (1320, 1440)), (1, 2, 3, 4, 5), ((FIRST + timedelta(days=2)).date(),)),
)
FX = pa.Table.from_pylist(
    [
        {
            "currency": "EUR",
            "valid_from": (FIRST + timedelta(days=day)).date(),
            "valid_to": (FIRST + timedelta(days=day + 2)).date(),
            "usd_per_unit": Decimal("1.083412345") + day,
            "row_hash": "x",
        }
        for day in (0, 3)
    ],
    schema=FX_RATES,
)

Leaves = dict[str, int]
Event = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """Books side by side, and the seed of the attempts."""

    prices: tuple[PriceRow, ...]
    aliases: tuple[AliasRow, ...]
    providers: int
    seed: int


rates = st.builds(
    lambda digits, decimals: Decimal(digits).scaleb(-decimals), st.integers(0, 30_000), st.integers(0, 9)
)


def day(number: int, microseconds: int = 0) -> datetime:
    return FIRST + timedelta(days=number, microseconds=microseconds)


@st.composite
def rate_cards(draw: st.DrawFn) -> tuple[Band, ...]:
    starts = [0, *(start for start in (100, 1000) if draw(st.booleans()))]
    both = draw(st.integers(0, 9)) > 0  # an embedding has no price of output
    card = st.fixed_dictionaries(
        {name: rates for name in ("input", "output") if both or name == "input"},
        optional={name: rates for name in terms.COMPONENTS if name not in ("input", "output")},
    )
    return tuple(Band(start, draw(card), 1) for start in starts)


fees = st.dictionaries(
    st.sampled_from(terms.UNITS),
    st.builds(
        UnitFee, rates, st.sampled_from([1, 7, 1000]), st.sampled_from([None, Decimal(10), Decimal("0.5")])
    ),
    max_size=3,
)


@st.composite
def rows(draw: st.DrawFn, provider: str, currencies: Sequence[str]) -> PriceRow:
    start = draw(st.integers(0, DAYS - 2))
    return PriceRow(
        id="",
        provider=provider,
        model=draw(st.sampled_from(["m0", "m1", "m0", "*"])),
        region=draw(st.sampled_from(["default", "us"])),
        service_tier=draw(st.sampled_from(["standard", "batch"])),
        currency=draw(st.sampled_from(list(currencies))),
        effective_from=day(start, draw(st.sampled_from([0, 0, 1]))),
        recorded_at=day(start, 10) + timedelta(hours=draw(st.integers(0, 3))),
        line=1,
        status=draw(st.sampled_from(["active", "active", "active", "ended", "retracted"])),
        window=draw(st.sampled_from(WINDOWS)),
        bands=draw(rate_cards()),
        unit_fees=draw(fees),
    )


@st.composite
def plain_rows(draw: st.DrawFn, provider: str, model: str) -> PriceRow:
    """What most attempts meet."""
    key = {"provider": provider, "model": model, "region": "default", "service_tier": "standard"}
    return PriceRow(
        id="",
        currency="USD",
        effective_from=FIRST,
        recorded_at=FIRST,
        line=1,
        bands=draw(rate_cards()),
        unit_fees=draw(fees),
        **key,
    )


@st.composite
def examples(draw: st.DrawFn, currencies: Sequence[str] = ("USD",)) -> Example:
    providers = draw(st.integers(3, 6))
    prices: list[PriceRow] = []
    aliases: list[AliasRow] = []
    for number in range(providers):
        provider = f"p{number}"
        written = [
            draw(rows(provider, currencies)),
            *(draw(plain_rows(provider, model)) for model in ("m0", "m1")),
            *draw(st.lists(rows(provider, currencies), min_size=1, max_size=3)),
        ]
        corrected = [row for row in written if draw(st.integers(0, 3)) == 0]
        hour = timedelta(hours=1)
        prices += written
        prices += [
            replace(row, recorded_at=row.recorded_at + hour, bands=draw(rate_cards())) for row in corrected
        ]
        for match in draw(st.lists(st.sampled_from(terms.MATCHES), unique=True)):
            since = day(draw(st.integers(0, 3)))
            aliases.append(AliasRow(provider, "nick", match, "m0", since, since, "active", 1))
    return Example(numbered(prices), tuple(aliases), providers, draw(st.integers(0, 2**32)))


def numbered(prices: Sequence[PriceRow]) -> tuple[PriceRow, ...]:
    """The rows that a valid book could hold together, each with an id of its own."""
    known = {(row.key, row.effective_from, row.recorded_at): row for row in prices}
    return tuple(
        replace(row, id=f"{'/'.join(row.key)} {row.effective_from.isoformat()} {row.recorded_at.isoformat()}")
        for row in known.values()
    )


def kind_of_call(dice: random.Random, providers: int) -> Event:
    """Who, where and when: boundaries of price rows more often than chance would have it."""
    instant = day(dice.randrange(DAYS), dice.choice([-1, 0, 0, 1]))
    if dice.random() < 0.5:
        instant += timedelta(minutes=dice.randrange(24 * 60))
    return {
        "source": "events",
        "grain": "attempt",
        "occurred_at": instant,
        "provider": f"p{dice.randrange(providers)}",
        "model": dice.choice(["m0", "m0", "m0", "m1", "m1", "nick", "nick-20260301", "other"]),
        "region": dice.choice([None, None, "us", "us", "eu"]),
        "service_tier": dice.choice([None, None, None, "default", "standard", "batch", "batch", "flex"]),
        "attempt": 1,
        "tenant_id": dice.choice(["acme", None]),
    }


def usage(leaves: Leaves, units: Leaves) -> Event:
    """Inclusive totals, as a gateway reports them, of disjoint leaves."""
    of = {name: leaves.get(name, 0) for name in (*PROMPT, *COMPLETION)}
    return {
        "prompt_tokens": sum(of[name] for name in PROMPT),
        "completion_tokens": sum(of[name] for name in COMPLETION),
        "cache_read_tokens": of["cache_read"] + of["cache_read_audio"],
        "cache_write_5m_tokens": of["cache_write_5m"],
        "cache_write_1h_tokens": of["cache_write_1h"],
        "input_audio_tokens": of["input_audio"] + of["cache_read_audio"],
        "cache_read_audio_tokens": of["cache_read_audio"],
        "input_image_tokens": of["input_image"],
        "reasoning_tokens": of["output_reasoning"],
        "output_audio_tokens": of["output_audio"],
        "output_image_tokens": of["output_image"],
        **{name: units.get(name) for name in UNITS},
    }


def some_leaves(dice: random.Random, room: int) -> Leaves:
    """Counts whose prompt leaves leave room: their sum is below `room`."""
    prompt = dice.sample(PROMPT, dice.randrange(len(PROMPT)))
    each = max(0, room - 1) // max(1, len(prompt))
    leaves = {
        name: dice.choice([0, 1, dice.randint(0, min(each, 3_000_000))]) % (each + 1) for name in prompt
    }
    completion = dice.sample(COMPLETION, dice.randrange(len(COMPLETION)))
    return leaves | {name: dice.choice([1, dice.randrange(200_000)]) for name in completion}


def some_units(dice: random.Random) -> Leaves:
    return {name: dice.randrange(1, 30) for name in UNITS if dice.random() < 0.05}


def lines(calls: Sequence[Event]) -> pa.Table:
    """Attempts in the landing schema. Each call's `n` is its request, its `part` the feature."""
    made = [
        {
            "event_id": f"{call['n']}:{call['part']}",
            "request_id": str(call["n"]),
            "feature": call["part"].split("-")[0],
            **{name: value for name, value in call.items() if name not in {"n", "part"}},
        }
        for call in calls
    ]
    known = [field for field in ATTEMPTS if field.name in made[0]]
    return pa.Table.from_pylist(made, schema=pa.schema(known))


def shuffled(rows: pa.Table, order: random.Random) -> pa.Table:
    return rows.take(pa.array(order.sample(range(len(rows)), len(rows)), pa.int64()))


def price(
    pricing: Pricing,
    example: Example,
    attempts: pa.Table,
    *,
    more: Sequence[PriceRow] = (),
    known_by: datetime | None = None,
    order: random.Random | None = None,
) -> None:
    """Run the models over a book and attempts; `order` shuffles the landed rows."""
    book = PriceBook(Path("book.yaml"), "", numbered([*example.prices, *more]), example.aliases)
    context = {"as_of": day(DAYS), "is_sample": False, "timezone": "UTC", "book_as_of": known_by}
    tables = {
        **to_arrow(expand(book)),
        "fx_rates": FX,
        "run_context": pa.Table.from_pylist([context], schema=RUN_CONTEXT),
    }
    if order:
        tables = {name: shuffled(rows, order) for name, rows in tables.items()}
        attempts = shuffled(attempts, order)
    pricing.land(tables)
    pricing.attempts(attempts)
    pricing.resolve()


def ask(pricing: Pricing, sql: str) -> list[tuple[Any, ...]]:
    return pricing.connection.execute(
        sql.format(priced=pricing.sql.model("int_attempts__priced").relation)
    ).fetchall()


# --- the properties -------------------------------------------------------------------------------------------------


def cost_is_additive(pricing: Pricing, example: Example) -> None:
    """An attempt costs what its leaves cost one by one, each beside the same base that puts it into its band.

    And it is unpriced exactly when one of its leaves is.
    """
    dice = random.Random(example.seed)
    calls: list[Event] = []
    for n in range(60):
        call = kind_of_call(dice, example.providers)
        low, high = dice.choice(INTERVALS)
        leaves, units = some_leaves(dice, high - low), some_units(dice)
        base = {"input": low}
        whole = leaves | {"input": low + leaves.get("input", 0)}
        calls.append({**call, **usage(whole, units), "n": n, "part": "whole"})
        calls.append({**call, **usage(base, {}), "n": n, "part": "base"})
        for name, count in leaves.items():
            part = {**base, name: base.get(name, 0) + count}
            calls.append({**call, **usage(part, {}), "n": n, "part": f"part-{name}"})
        calls += [
            {**call, **usage(base, {name: count}), "n": n, "part": f"part-{name}"}
            for name, count in units.items()
        ]
    price(pricing, example, lines(calls))
    wrong = ask(
        pricing,
        """
        with sums as (
            select
                request_id,
                max(cost_usd) filter (feature = 'whole') as whole,
                max(cost_usd) filter (feature = 'base') as base,
                coalesce(sum(cost_usd) filter (feature = 'part'), 0) as parts,
                count(*) filter (feature = 'part') as n,
                count(*) filter (feature != 'whole' and cost_usd is null) as unknown
            from {priced} group by request_id
        )
        select * from sums
        where (whole is null) != (unknown > 0) or whole is not null and whole - base != parts - n * base
        """,
    )
    assert wrong == []


def cost_is_monotone(pricing: Pricing, example: Example) -> None:
    """More tokens of any kind within a band never cost less, and what is priced stays priced with fewer."""
    dice = random.Random(example.seed)
    calls: list[Event] = []
    for n in range(250):
        call = kind_of_call(dice, example.providers)
        low, high = dice.choice(INTERVALS)
        room = (high - low) // 2
        less = some_leaves(dice, room)
        less["input"] = low + less.get("input", 0)
        leaf = dice.choice([*PROMPT, *COMPLETION])
        more = less | {leaf: less.get(leaf, 0) + dice.choice([1, dice.randint(1, min(room, 10**6))])}
        units = some_units(dice)
        calls.append({**call, **usage(less, units), "n": n, "part": "less"})
        calls.append({**call, **usage(more, units), "n": n, "part": "more"})
    price(pricing, example, lines(calls))
    wrong = ask(
        pricing,
        """
        select request_id, less.cost_usd, more.cost_usd
        from {priced} as less inner join {priced} as more using (request_id)
        where less.feature = 'less' and more.feature = 'more'
            and (more.cost_usd < less.cost_usd or less.cost_usd is null and more.cost_usd is not null)
        """,
    )
    assert wrong == []


def calls_of(example: Example, number: int = 300) -> list[Event]:
    dice = random.Random(example.seed)
    calls = []
    for n in range(number):
        leaves = some_leaves(dice, dice.choice([50, 500, 10**9]))
        calls.append(
            {
                **kind_of_call(dice, example.providers),
                **usage(leaves, some_units(dice)),
                "n": n,
                "part": "call",
            }
        )
    return calls


def outcome(pricing: Pricing) -> list[tuple[Any, ...]]:
    """Every column of every priced attempt but the number of its price row, which counts the whole book."""
    return ask(pricing, "select * exclude (served_row, baseline_row) from {priced} order by event_id")


def unrelated_rows(example: Example) -> list[PriceRow]:
    """Made from rows of the book, and none of the attempts' concern."""
    return [
        other
        for row in example.prices[::2]
        for other in (
            replace(row, provider="stranger"),
            replace(row, model="stranger" if row.model != "*" else "nobody"),
            replace(row, region="mars"),
            replace(row, service_tier="ultrafast"),
            replace(row, effective_from=day(DAYS, -1), recorded_at=day(DAYS)),  # the day of the last attempts
            replace(row, model="stranger", recorded_at=row.recorded_at + timedelta(days=1)),
        )
    ]


def dearer(row: PriceRow) -> PriceRow:
    """So that meeting the row by mistake shows."""
    bands = [replace(it, rates={name: rate + 1 for name, rate in it.rates.items()}) for it in row.bands]
    return replace(row, bands=tuple(bands), status="active")


def unrelated_rows_change_nothing(pricing: Pricing, example: Example) -> None:
    """Other providers, models, regions, tiers, prices of later and what is recorded of another model change nothing."""
    attempts = lines(calls_of(example))
    price(pricing, example, attempts)
    before = outcome(pricing)
    price(pricing, example, attempts, more=[dearer(row) for row in unrelated_rows(example)])
    assert outcome(pricing) == before


def pricing_twice_gives_the_same_row(pricing: Pricing, example: Example) -> None:
    """To every column, in whatever order the rows stand; and what was learnt later changes no book of the past."""
    calls = calls_of(example)
    known_by = day(DAYS // 2)
    price(pricing, example, lines(calls), known_by=known_by)
    before = ask(pricing, "select * from {priced} order by event_id")
    later = [dearer(replace(row, recorded_at=known_by + timedelta(days=1))) for row in example.prices]
    price(
        pricing, example, lines(calls), more=later, known_by=known_by, order=random.Random(example.seed + 1)
    )
    after = ask(pricing, "select * from {priced} order by event_id")
    assert after == before


def every_token_is_billed_once(pricing: Pricing, example: Example) -> None:
    """Where a book lists input and output alone, what the tokens were (cached, audio, reasoning) changes no cost."""
    plain = {"input", "output"}
    bands = {
        row.id: tuple(
            replace(it, rates={"output": Decimal(7), **{n: it.rates[n] for n in it.rates.keys() & plain}})
            for it in row.bands
        )
        for row in example.prices
    }
    flat = replace(example, prices=tuple(replace(row, bands=bands[row.id]) for row in example.prices))
    told = calls_of(example)
    totals = ("prompt_tokens", "completion_tokens")
    untold = [
        {
            name: None if name.endswith("_tokens") and name not in totals else value
            for name, value in call.items()
        }
        for call in told
    ]
    attempts = [*told, *({**call, "part": "untold"} for call in untold)]
    price(pricing, flat, lines(attempts))
    wrong = ask(
        pricing,
        """
        select request_id, list(cost_usd)
        from {priced} group by request_id having count(distinct coalesce(cost_usd, -1)) > 1
        """,
    )
    assert wrong == []


PROPERTIES: dict[str, tuple[Callable[[Pricing, Example], None], st.SearchStrategy[Example]]] = {
    "additive": (cost_is_additive, examples()),
    "billed once": (every_token_is_billed_once, examples()),
    "monotone": (cost_is_monotone, examples()),
    "unrelated": (unrelated_rows_change_nothing, examples(("USD", "USD", "EUR", "GBP"))),
    "twice": (pricing_twice_gives_the_same_row, examples(("USD", "EUR"))),
}


def hold(name: str, sql: PricingSql, tries: int) -> Counter[str]:
    """Try a property on so many examples, always the same ones; the attempts they priced, by their basis."""
    check, drawn = PROPERTIES[name]
    pricing = Pricing(sql)
    seen: Counter[str] = Counter()

    @settings(
        max_examples=tries,
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(example=drawn)
    def each(example: Example) -> None:
        check(pricing, example)
        seen.update(dict(ask(pricing, "select cost_basis, count(*) from {priced} group by all")))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)  # a book is long to print
        each()
    return seen


@pytest.fixture(scope="module")
def sql(tmp_path_factory: pytest.TempPathFactory) -> PricingSql:
    return compile_pricing(tmp_path_factory.mktemp("compiled"))


@pytest.mark.parametrize("name", PROPERTIES)
def test_it_holds_of_every_book_and_attempt(sql: PricingSql, name: str) -> None:
    seen = hold(name, sql, tries=8)
    print(f"{name}: {seen.total()} attempts {dict(seen)}")
    assert 10 * seen["tokens"] > seen.total()
    assert 50 * seen["unpriced"] > seen.total()


def test_the_benchmark_of_pricing_prices_every_event(sql: PricingSql, tmp_path: Path) -> None:
    (tmp_path / "sql.json").write_text(json.dumps(asdict(sql)), "utf-8")
    write_attempts(tmp_path / "attempts.parquet", replace(TRAFFIC, lines=300))
    case = next(iter(CASES))
    deduplicate, resolve, price = one_case(BENCHMARK, case, tmp_path, 300 - 300 // TRAFFIC.duplicate_every)
    assert [deduplicate.step, resolve.step, price.step] == ["deduplicate", "resolve", "price"]
    assert resolve.facts == {"price rows in the book": 80}
    assert BENCHMARK.findings([price])


def swap(model: str, old: str, new: str) -> Callable[[PricingSql], PricingSql]:
    return lambda sql: sql.changed(model, lambda text: text.replace(old, new))


def wrap(model: str, columns: str) -> Callable[[PricingSql], PricingSql]:
    return lambda sql: sql.changed(model, lambda text: f"select {columns} from ({text})")


PRICED, VERSIONS = "int_attempts__priced", "int_prices__versions"
MUTANTS = {
    "rounded to 6 decimals": (
        "additive",
        wrap(PRICED, "* replace (cast(cast(cost_usd as decimal(38, 6)) as decimal(38, 15)) as cost_usd)"),
    ),
    "fees instead of tokens": (
        "additive",
        wrap(PRICED, "* replace (greatest(unit_cost_usd, cost_usd - unit_cost_usd) as cost_usd)"),
    ),
    "reasoning on top of output": (
        "billed once",
        swap(PRICED, "- coalesce(reasoning_tokens, 0) - coalesce(output_audio", "- coalesce(output_audio"),
    ),
    "cached tokens taken off twice": (
        "monotone",
        swap(
            PRICED,
            "- coalesce(cache_read_tokens, 0) - coalesce(cache_write_5m",
            "- 2 * coalesce(cache_read_tokens, 0) - coalesce(cache_write_5m",
        ),
    ),
    "another provider's price": (
        "unrelated",
        swap(PRICED, "served.price_of_provider = a.price_provider", "true"),
    ),
    "another model's price": ("unrelated", swap(PRICED, "served.price_of_model = a.price_model", "true")),
    "a price of later": ("unrelated", swap(PRICED, "and a.occurred_at >= served.valid_from", "")),
    "a correction of another model": (
        "unrelated",
        swap(VERSIONS, "partition by provider, model, region", "partition by provider, region"),
    ),
    "any of two recorded rows": (
        "twice",
        swap(VERSIONS, "order by recorded_at desc, price_id, min_context_tokens", "order by status"),
    ),
    "the book of today": (
        "twice",
        swap("stg_pricing__prices", "recorded_at <=", "timestamptz '2000-01-01' <="),
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_each_property_fails_when_the_sql_is_wrong(sql: PricingSql, name: str) -> None:
    property_name, mutate = MUTANTS[name]
    with pytest.raises(AssertionError, match="assert"):
        hold(property_name, mutate(sql), tries=100)  # ends with the first that fails
