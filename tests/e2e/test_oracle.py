"""The price oracle through the real models: every record exact, and every classic mistake caught.

The mutants are made in a copy of the compiled SQL of int_attempts__priced and run over the same landed events.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pipeline_lab import DATA, Lab, event, new_lab

PRICING = DATA / "pricing"
OUR_NAMES = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
}


# The oracle has no image tokens at a rate of their own; one call computed by hand:
# 400 x 5 + 600 x 8 + 100 x 10 + 400 x 32 micro-USD.
IMAGES = {
    "provider": "openai",
    "model": "gpt-image-1.5",
    "event_time": "2026-11-05T00:00:00Z",
    "usage": {
        "input_tokens": 1000,
        "output_tokens": 500,
        "input_image_tokens": 600,
        "output_image_tokens": 400,
    },
    "expected_exact": "0.0206",
    "price_id": None,
    "scenario": "image_in_and_out",
}


def records(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (PRICING / name).read_text("utf-8").splitlines()]


def as_event(number: int, record: dict[str, Any]) -> dict[str, Any]:
    """A canonical event with the record's usage under the names of the contract."""
    usage = {OUR_NAMES.get(name, name): count for name, count in record["usage"].items()}
    return event(
        number,
        record["event_time"],
        provider=record["provider"],
        model=record["model"],
        region=record.get("region"),
        service_tier=record.get("service_tier"),
        **{"prompt_tokens": 0, "completion_tokens": 0, **usage},
    )


def priced(root: Path, name: str, book: Path | None) -> tuple[Lab, list[dict[str, Any]]]:
    lab = new_lab(root)
    lab.as_of = "2027-12-01T00:00:00Z"  # the oracle holds prices of the future
    if book is not None:
        shutil.copyfile(book, lab.settings.pricing_dir / "price_book.yaml")
    cases = records(name) + ([IMAGES] if name == "oracle.jsonl" else [])
    lab.drop("events", "oracle.jsonl", [as_event(number, record) for number, record in enumerate(cases)])
    lab.run()
    return lab, cases


def differing(found: dict[str, Decimal | None], cases: list[dict[str, Any]]) -> list[int]:
    return [n for n, record in enumerate(cases) if found[f"e{n}"] != Decimal(record["expected_exact"])]


def costs(lab: Lab) -> dict[str, Decimal | None]:
    return dict(lab.ask("select event_id, cost_usd from marts.fct_attempts"))


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, list[dict[str, Any]]]:
    root = tmp_path_factory.mktemp("oracle")
    return priced(root, "oracle.jsonl", PRICING / "price_book_oracle.yaml")


def test_every_record_of_the_oracle_is_exact(oracle: tuple[Lab, list[dict[str, Any]]]) -> None:
    lab, cases = oracle
    wrong = differing(costs(lab), cases)
    print(
        f"oracle: {len(cases) - len(wrong)} of {len(cases)} exact",
        Counter(cases[n]["scenario"] for n in wrong),
    )
    assert wrong == []
    assert len(cases) == 1937 + 1
    ids = dict(lab.ask("select event_id, price_id from marts.fct_attempts"))
    assert [
        n for n, record in enumerate(cases) if record["price_id"] and ids[f"e{n}"] != record["price_id"]
    ] == []


@pytest.mark.parametrize(
    ("name", "book"),
    [
        ("oracle_scd.jsonl", PRICING / "price_book_scd.yaml"),
        ("price_history_cases.jsonl", None),  # with the book that ships
    ],
)
def test_every_price_change_is_exact_before_at_and_after(
    tmp_path: Path, name: str, book: Path | None
) -> None:
    lab, cases = priced(tmp_path, name, book)
    wrong = differing(costs(lab), cases)
    print(f"{name}: {len(cases) - len(wrong)} of {len(cases)} exact")
    assert wrong == []
    assert len(cases) >= 60


def swap(old: str, new: str) -> Any:
    return lambda sql: sql.replace(old, new)


LEAF = (
    r"\(cast\({leaf} as bigint\) \* cast\(coalesce\(price\.{rate}, 0\) as decimal\(18, 9\)\) \* 0\.000001\)"
)


def rate_of(leaf: str, rate: str) -> Any:
    """Bill a leaf at another rate."""
    pattern = LEAF.format(leaf=leaf, rate=leaf.removesuffix("_leaf") + "_rate")
    return lambda sql: re.sub(
        pattern, f"(cast({leaf} as bigint) * cast(coalesce({rate}, 0) as decimal(18, 9)) * 0.000001)", sql
    )


def marginal(sql: str) -> str:
    """Income-tax bands: input below the threshold at the low rate, only the rest at the high one."""
    pattern = LEAF.format(leaf="input_leaf", rate="input_rate")
    share = "least(input_leaf, greatest(price.min_context_tokens - 1, 0))"
    taxed = (
        f"(cast({share} as bigint) * cast(coalesce(low.input_rate, 0) as decimal(18, 9)) * 0.000001"
        f" + cast(input_leaf - {share} as bigint) * cast(coalesce(price.input_rate, 0) as decimal(18, 9)) * 0.000001)"
    )
    here = "from located\n    left join rates as price on located.served_row = price.price_row"
    low = (
        here + "\n    left join rates as low on low.price_id = price.price_id and low.min_context_tokens = 0"
        " and low.valid_from = price.valid_from"
        " and low.window_start_minute is not distinct from price.window_start_minute"
    )
    joined = sql.replace(here, low)
    return re.sub(pattern, taxed, joined)


MUTANTS: dict[str, Any] = {
    "cached reads billed twice": swap(
        "- coalesce(cache_read_tokens, 0) - coalesce(cache_write_5m", "- coalesce(cache_write_5m"
    ),
    "cache writes billed twice": swap(
        "- coalesce(cache_write_5m_tokens, 0) - coalesce(cache_write_1h_tokens, 0)\n", "\n"
    ),
    "cache reads free": rate_of("cache_read_leaf", "0"),
    "1h writes at 5m rate": rate_of("cache_write_1h_leaf", "price.cache_write_5m_rate"),
    "marginal tiers": marginal,
    "threshold on uncached input only": lambda sql: sql.replace(
        "coalesce(a.prompt_tokens, 0) >= served", "a.input_leaf >= served"
    ).replace("coalesce(a.prompt_tokens, 0) < served", "a.input_leaf < served"),
    "threshold counts output too": lambda sql: sql.replace(
        "coalesce(a.prompt_tokens, 0) >= served", "a.prompt_tokens + a.completion_tokens >= served"
    ).replace("coalesce(a.prompt_tokens, 0) < served", "a.prompt_tokens + a.completion_tokens < served"),
    "threshold one too low": lambda sql: sql.replace(
        "coalesce(a.prompt_tokens, 0) >= served", "coalesce(a.prompt_tokens, 0) + 1 >= served"
    ).replace("coalesce(a.prompt_tokens, 0) < served", "coalesce(a.prompt_tokens, 0) + 1 < served"),
    "threshold one too high": lambda sql: sql.replace(
        "coalesce(a.prompt_tokens, 0) >= served", "greatest(a.prompt_tokens - 1, 0) >= served"
    ).replace("coalesce(a.prompt_tokens, 0) < served", "greatest(a.prompt_tokens - 1, 0) < served"),
    "no context tiers at all": lambda sql: sql.replace(
        "coalesce(a.prompt_tokens, 0) >= served", "0 >= served"
    ).replace("coalesce(a.prompt_tokens, 0) < served", "0 < served"),
    "reasoning added on top of output": swap(
        "- coalesce(reasoning_tokens, 0) - coalesce(output_audio", "- coalesce(output_audio"
    ),
    "audio priced as text": lambda sql: rate_of("output_audio_leaf", "price.output_rate")(
        rate_of("input_audio_leaf", "price.input_rate")(sql)
    ),
    "image tokens priced as text": lambda sql: rate_of("output_image_leaf", "price.output_rate")(
        rate_of("input_image_leaf", "price.input_rate")(sql)
    ),
    "service tier ignored": lambda sql: sql.replace(
        "served.price_of_tier = a.price_tier", "served.price_of_tier = 'standard'"
    ),
    "region ignored": lambda sql: sql.replace(
        "served.price_of_region = a.price_region", "served.price_of_region = 'default'"
    ),
    "peak window ignored": swap(
        "coalesce(served_window.in_force_row, served.in_force_row)", "served.in_force_row"
    ),
    "unit fees ignored": swap(
        "prompt_cost_usd + completion_cost_usd + unit_cost_usd", "prompt_cost_usd + completion_cost_usd"
    ),
    "rounded to 6 decimals": swap(
        "coalesce(estimated_cost_usd, prompt_cost_usd + completion_cost_usd + unit_cost_usd)",
        "cast(coalesce(estimated_cost_usd, prompt_cost_usd + completion_cost_usd + unit_cost_usd) as decimal(38, 6))",
    ),
    "binary float arithmetic": swap("* 0.000001)", "/ 1000000)"),
}


@pytest.fixture(scope="module")
def compiled(oracle: tuple[Lab, list[dict[str, Any]]]) -> str:
    folder = oracle[0].settings.dbt_target_dir / "compiled" / "tokencost" / "models" / "intermediate"
    return (folder / "int_attempts__priced.sql").read_text("utf-8")


def run(lab: Lab, sql: str) -> dict[str, Decimal | None]:
    """Costs of a version of the model; a mutant that meets two prices for a call keeps one of them."""
    return dict(lab.ask(f"select event_id, cost_usd from ({sql})"))


def test_the_compiled_sql_itself_is_exact(oracle: tuple[Lab, list[dict[str, Any]]], compiled: str) -> None:
    lab, cases = oracle
    assert differing(run(lab, compiled), cases) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_each_classic_mistake_is_caught(
    oracle: tuple[Lab, list[dict[str, Any]]], compiled: str, name: str
) -> None:
    lab, cases = oracle
    mutant = MUTANTS[name](compiled)
    assert mutant != compiled, "the mutation found nothing to change"
    wrong = differing(run(lab, mutant), cases)
    print(f"{name}: {len(wrong)} of {len(cases)} records fail")
    assert wrong
