"""Adapters: what an installed catalogue says, as neutral cards."""

from __future__ import annotations

import importlib.util
import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from catalogue_shapes import always, in_some_hours, info, prices, provider, starting, tiered, variant

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing.catalogues import (
    SOURCES,
    Card,
    Catalogue,
    from_genai_prices,
    from_litellm,
    load_catalogue,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def genai(*models: Any, at: str = "acme") -> Catalogue:
    return from_genai_prices([provider(at, *models)], "0.0", NOW)


def card_of(catalogue: Catalogue, tier: str = "standard") -> Card:
    found = catalogue.models[0].card(tier)
    assert found
    return found


def rates_of(card: Card, band: int = 0) -> dict[str, str]:
    return {name: f"{rate:f}" for name, rate in card.bands[band].rates.items()}


def test_genai_rates_bands_and_fees_come_over():
    card = card_of(
        genai(
            info(
                "m",
                prices(
                    input_mtok=tiered("3", k200="6"),
                    output_mtok=tiered("15", k200="22.5"),
                    cache_read_mtok="0.3",
                    cache_write_mtok="3.75",
                    cache_write_1h_mtok="6",
                    web_searches_kcount="10",
                ),
            )
        )
    )
    assert [band.min_context_tokens for band in card.bands] == [0, 200_001]
    assert rates_of(card)["cache_write_5m"] == "3.75"
    assert rates_of(card, 1) == {
        **{"input": "6", "output": "22.5", "cache_read": "0.3"},
        **{"cache_write_5m": "3.75", "cache_write_1h": "6"},
    }
    assert (card.unit_fees["web_search"].price, card.unit_fees["web_search"].per) == (10, 1000)
    assert card.since is None


def test_of_dated_genai_prices_the_last_one_begun_counts_and_hours_of_the_day_never():
    dated = [
        always(input_mtok="1", output_mtok="1"),
        starting("2026-09-10", input_mtok="2", output_mtok="2"),
        starting("2026-12-01", input_mtok="4", output_mtok="4"),
        in_some_hours(input_mtok="8", output_mtok="8"),
    ]
    card = card_of(genai(info("m", dated)))
    assert rates_of(card) == {"input": "2", "output": "2"}
    assert card.since == datetime(2026, 9, 10, tzinfo=UTC)


def test_a_genai_tier_inherits_what_it_does_not_name_and_waits_for_its_day():
    catalogue = genai(
        info(
            "m",
            prices(input_mtok="2", output_mtok="8", cache_read_mtok="0.5"),
            variant({"processing": "batch"}, "2026-10-14", input_mtok="1", output_mtok="4"),
            variant({"service_tier": "flex"}, "2026-12-24", input_mtok="1", output_mtok="4"),
            variant({"service_tier": "default"}),
            variant({"route": "eu"}, input_mtok="3"),
        )
    )
    assert [card.service_tier for card in catalogue.models[0].cards] == ["standard", "batch"]
    assert rates_of(card_of(catalogue, "batch")) == {"input": "1", "output": "4", "cache_read": "0.5"}


def test_providers_are_spelled_as_in_the_book():
    assert genai(info("m", prices(input_mtok="1")), at="aws").models[0].provider == "bedrock"
    assert genai(info("m", prices(input_mtok="1")), at="x-ai").models[0].provider == "xai"


def test_an_exact_name_beats_an_earlier_entry_that_answers():
    family = info("m", prices(input_mtok="1"), match=lambda name: name.startswith("m"))
    exact = info("m-2026", prices(input_mtok="2"))
    catalogue = genai(family, exact)
    found = [catalogue.find("acme", name) for name in ("m-2026", "m-2027", "x")]
    assert [entry.name if entry else None for entry in found] == ["m-2026", "m", None]


ENTRY = {
    "litellm_provider": "openai",
    "input_cost_per_token": 2.5e-06,
    "output_cost_per_token": 1.5e-05,
    "cache_read_input_token_cost": 2.5e-07,
    "input_cost_per_token_above_272k_tokens": 5e-06,
    "output_cost_per_token_above_272k_tokens": 2.25e-05,
    "input_cost_per_token_batches": 1.25e-06,
    "output_cost_per_token_batches": 7.5e-06,
    "input_cost_per_token_flex": 1.25e-06,
    "input_cost_per_token_above_128k_tokens": 0.0,
}


def test_litellm_floats_become_the_decimals_that_were_meant():
    catalogue = from_litellm({"gpt-x": ENTRY}, "0.0")
    assert [card.service_tier for card in catalogue.models[0].cards] == ["standard", "batch"]
    card = card_of(catalogue)
    assert rates_of(card) == {"input": "2.5", "output": "15", "cache_read": "0.25"}
    assert [band.min_context_tokens for band in card.bands] == [0, 272_001]
    assert rates_of(card, 1) == {"input": "5", "output": "22.5", "cache_read": "0.25"}


def test_a_float_with_noise_keeps_it_for_the_guards_to_see():
    noisy = {**ENTRY, "input_cost_per_token": 2.9999900000000002e-06}
    assert card_of(from_litellm({"m": noisy}, "0")).bands[0].rates["input"] == Decimal("2.9999900000000002")


@pytest.mark.parametrize(
    ("key", "theirs", "place"),
    [
        ("gpt-x", "openai", ("openai", "gpt-x")),
        ("gemini/gemini-x", "gemini", ("google", "gemini-x")),
        ("mistral/m", "mistral", ("mistral", "m")),
        ("us.anthropic.c-v1:0", "bedrock_converse", ("bedrock", "us.anthropic.c-v1:0")),
        ("xai/grok", "xai", ("xai", "grok")),
    ],
)
def test_litellm_names_are_spelled_as_in_the_book(key: str, theirs: str, place: tuple[str, str]):
    entry = from_litellm({key: {**ENTRY, "litellm_provider": theirs}}, "0").models[0]
    assert (entry.provider, entry.name) == place


def test_at_xai_the_long_price_begins_at_the_threshold_itself():
    catalogue = from_litellm({"xai/g": {**ENTRY, "litellm_provider": "xai"}}, "0")
    assert card_of(catalogue).bands[1].min_context_tokens == 272_000


@pytest.mark.parametrize(
    "entry",
    [
        {"litellm_provider": "x", "mode": "chat"},
        {"litellm_provider": "x", "input_cost_per_second": 1e-05},
        {**ENTRY, "off_peak_pricing": {}},
        {**ENTRY, "tiered_pricing": []},
        {**ENTRY, "input_cost_per_token": True},
    ],
)
def test_litellm_entries_that_one_card_cannot_tell_are_left_out(entry: dict[str, Any]):
    catalogue = from_litellm({"m": entry}, "0")
    assert all(card.service_tier != "standard" for model in catalogue.models for card in model.cards)


def test_a_rerank_price_is_a_fee_and_no_free_model():
    entry = {
        **{"litellm_provider": "cohere", "input_cost_per_query": 0.002},
        **{"input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
    }
    card = card_of(from_litellm({"rerank": entry}, "0"))
    assert (card.bands, card.unit_fees["rerank_search"].price) == ((), Decimal("0.002"))


@pytest.mark.parametrize("source", SOURCES)
def test_a_catalogue_is_read_when_installed_and_else_its_command_is_told(source: str):
    if importlib.util.find_spec(source.replace("-", "_")):
        assert len(load_catalogue(source, NOW).models) > 100
        return
    with pytest.raises(UserError, match=f"pip install {source}"):
        load_catalogue(source, NOW)


def test_litellm_is_read_from_its_file_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "litellm"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    (package / "model_prices_and_context_window_backup.json").write_text(
        json.dumps({"gpt-x": ENTRY}), encoding="utf-8"
    )
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "")
    monkeypatch.syspath_prepend(tmp_path)
    assert [entry.name for entry in load_catalogue("litellm", NOW).models] == ["gpt-x"]
    assert os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
