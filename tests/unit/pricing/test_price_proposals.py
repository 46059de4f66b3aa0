"""What a catalogue would change: complete rows, doubtful ones commented out, and the nearest entry for the unpriced."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from catalogue_shapes import info, prices, provider, starting, tiered, variant
from price_book_texts import BANDS, alias_row, book_text, load, price_row

from tokencost_pipeline.pricing.book import PriceBook
from tokencost_pipeline.pricing.catalogues import Catalogue, from_genai_prices
from tokencost_pipeline.pricing.nearest import base_name, nearest_proposal
from tokencost_pipeline.pricing.propose import Proposal, propose

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def catalogue(*providers: Any) -> Catalogue:
    return from_genai_prices(providers, "0.0", NOW)


def acme(*models: Any) -> Catalogue:
    return catalogue(provider("acme", *models))


def only(found: list[Proposal]) -> Proposal:
    assert len(found) == 1, [it.row.id for it in found]
    return found[0]


def pasted(folder: Path, text: str, found: list[Proposal]) -> PriceBook:
    """The book after somebody pasted the proposals below its last row."""
    return load(folder, text + "\n".join(it.yaml for it in found) + "\n")


def test_the_same_price_proposes_nothing(tmp_path: Path):
    book = load(tmp_path, book_text(price_row()))
    assert propose(book, acme(info("m1", prices(input_mtok="3.0", output_mtok="15"))), NOW) == []


def test_what_the_catalogue_does_not_say_is_no_difference(tmp_path: Path):
    rest = BANDS.replace("'15'}", "'15', cache_write_1h: '6'}")
    book = load(tmp_path, book_text(price_row(rest=rest)))
    assert propose(book, acme(info("m1", prices(input_mtok="3", output_mtok="15"))), NOW) == []


def test_a_rate_equal_to_its_parent_is_no_difference(tmp_path: Path):
    book = load(tmp_path, book_text(price_row()))
    same = acme(info("m1", prices(input_mtok="3", output_mtok="15", cache_read_mtok="3")))
    assert propose(book, same, NOW) == []


def test_a_dated_change_becomes_a_complete_row_that_can_be_pasted(tmp_path: Path):
    rest = BANDS.replace("'15'}", "'15', cache_write_1h: '8'}")
    text = book_text(price_row(rest=f"{rest}, multipliers: [{{region: us, factor: '1.1'}}]"))
    dated = [starting("2026-10-01", input_mtok=tiered("4", k200="5"), output_mtok=tiered("20", k200="30"))]
    found = propose(load(tmp_path, text), acme(info("m1", dated)), NOW)
    proposal = only(found)
    assert (proposal.kind, proposal.doubts) == ("changed", ())
    assert "kept from the book" in proposal.yaml
    after = pasted(tmp_path, text, found)
    row = after.prices[1]
    assert row.id == "acme/m1@2026-10-01"
    assert (row.effective_from, row.recorded_at) == (datetime(2026, 10, 1, tzinfo=UTC), NOW)
    assert [{name: f"{rate:f}" for name, rate in band.rates.items()} for band in row.bands] == [
        {"input": "4", "output": "20", "cache_write_1h": "8"},
        {"input": "5", "output": "30", "cache_write_1h": "8"},
    ]
    assert [it.region for it in row.multipliers] == ["us"]
    assert row.source == {"catalogue": "genai-prices 0.0", "checked_on": "2026-11-21", "verified": False}
    assert propose(after, acme(info("m1", dated)), NOW) == [], "once pasted, the catalogue has nothing to add"


def test_without_a_date_the_row_begins_today_and_says_that_this_is_not_known(tmp_path: Path):
    book = load(tmp_path, book_text(price_row()))
    proposal = only(propose(book, acme(info("m1", prices(input_mtok="4", output_mtok="15"))), NOW))
    assert proposal.row.effective_from == datetime(2026, 11, 21, tzinfo=UTC)
    assert "effective_from_known: false" in proposal.yaml


def test_another_price_for_the_same_start_is_a_correction(tmp_path: Path):
    text = book_text(price_row())
    dated = [starting("2026-01-01", input_mtok="4", output_mtok="15")]
    found = propose(load(tmp_path, text), acme(info("m1", dated)), NOW)
    assert (only(found).kind, only(found).row.id) == ("correction", "one/corrected")
    assert pasted(tmp_path, text, found).prices[1].recorded_at == NOW


def test_a_catalogue_older_than_the_book_is_doubted(tmp_path: Path):
    book = load(tmp_path, book_text(price_row()))
    dated = [starting("2025-06-01", input_mtok="4", output_mtok="15")]
    assert "is newer" in only(propose(book, acme(info("m1", dated)), NOW)).doubts[0]


def test_a_doubtful_row_is_commented_out_with_its_reason(tmp_path: Path):
    text = book_text(price_row())
    found = propose(load(tmp_path, text), acme(info("m1", prices(input_mtok="3000", output_mtok="15"))), NOW)
    assert all(line.startswith("#") for line in only(found).yaml.splitlines())
    assert "second source" in only(found).yaml
    assert "above 200" in only(found).yaml
    assert len(pasted(tmp_path, text, found).prices) == 1


def test_a_price_of_the_future_or_of_the_past_is_not_what_is_compared(tmp_path: Path):
    past = price_row("past", BANDS.replace("'3'", "'9'"), effective_from="'2025-01-01T00:00:00Z'")
    future = price_row("next", BANDS.replace("'3'", "'9'"), effective_from="'2027-01-01T00:00:00Z'")
    book = load(tmp_path, book_text(past, price_row(), future))
    assert propose(book, acme(info("m1", prices(input_mtok="3", output_mtok="15"))), NOW) == []


@pytest.mark.parametrize(
    "row",
    [
        price_row(region="us"),
        price_row(currency="EUR"),
        price_row(rest=f"{BANDS}, window: {{utc_hours: ['01:00-02:00']}}"),
    ],
)
def test_what_a_catalogue_cannot_know_is_not_compared(tmp_path: Path, row: str):
    book = load(tmp_path, book_text(row))
    assert propose(book, acme(info("m1", prices(input_mtok="9", output_mtok="9"))), NOW) == []


def test_a_tier_the_book_lacks_is_proposed_but_not_one_it_has_ended(tmp_path: Path):
    text = book_text(price_row())
    theirs = acme(
        info(
            "m1",
            prices(input_mtok="3", output_mtok="15"),
            variant({"processing": "batch"}, "2026-10-14", input_mtok="1.5", output_mtok="7.5"),
        )
    )
    found = propose(load(tmp_path, text), theirs, NOW)
    assert (only(found).kind, only(found).row.id) == ("new tier", "acme/m1@2026-10-14/batch")
    batch = price_row("b", service_tier="batch")
    ended = price_row("e", "status: ended", service_tier="batch", effective_from="'2026-02-01T00:00:00Z'")
    assert propose(load(tmp_path, book_text(price_row(), batch, ended)), theirs, NOW) == []


def test_grounded_prompts_stay_what_the_book_calls_them(tmp_path: Path):
    rest = f"{BANDS}, unit_fees: {{grounded_prompt: {{price: '35', per: 1000}}}}"
    book = load(tmp_path, book_text(price_row(rest=rest)))
    same = prices(input_mtok="3", output_mtok="15", web_searches_kcount="35")
    assert propose(book, acme(info("m1", same)), NOW) == []
    dearer = prices(input_mtok="3", output_mtok="15", web_searches_kcount="40")
    proposal = only(propose(book, acme(info("m1", dearer)), NOW))
    assert {unit: fee.price for unit, fee in proposal.row.unit_fees.items()} == {"grounded_prompt": 40}


def test_new_models_are_proposed_when_asked_for_and_unless_an_alias_covers_them(tmp_path: Path):
    rows = book_text(price_row(), aliases=(alias_row(alias="m1", match="date_suffix"),))
    book = load(tmp_path, rows)
    cost = prices(input_mtok="3", output_mtok="15")
    theirs = catalogue(
        provider("acme", info("m1", cost), info("m1-20260101", cost), info("m2", cost), info("m2", cost)),
        provider("other", info("m3", cost)),
    )
    assert propose(book, theirs, NOW) == []
    assert only(propose(book, theirs, NOW, new_models=True)).row.model == "m2"
    assert only(propose(book, theirs, NOW, model="m2")).kind == "new model"


def test_one_model_can_be_asked_for_by_its_alias(tmp_path: Path):
    book = load(tmp_path, book_text(price_row(), price_row("two", model="m2"), aliases=(alias_row(),)))
    cost = prices(input_mtok="4", output_mtok="15")
    assert only(propose(book, acme(info("m1", cost), info("m2", cost)), NOW, model="a1")).row.model == "m1"


COST = prices(input_mtok="1", output_mtok="2")
WIDE = catalogue(
    provider("reseller", info("gpt-x", COST), info("vendor/claude-y-20260101", COST)),
    provider("openai", info("gpt-x", COST), info("gpt-x-mini", COST)),
    provider("anthropic", info("claude-y-20260101", COST), info("claude-y-20250101", COST)),
    provider("acme", info("llama-3-2026-01-01", COST), info("fees-only", prices(requests_kcount="1"))),
)


@pytest.mark.parametrize(
    ("place", "model", "nearest"),
    [
        ("openai", "gpt-x", ("openai", "gpt-x", "the same provider's entry")),
        ("azure", "gpt-x", ("openai", "gpt-x", "the same name at another provider")),
        ("openai", "gpt-x-2026-08-01", ("openai", "gpt-x", "the base name at the same provider")),
        ("acme", "llama-3", ("acme", "llama-3-2026-01-01", "the base name at the same provider")),
        ("bedrock", "us.anthropic.claude-y-20250601-v1:0", ("anthropic", "claude-y-20260101", "base name")),
        ("proxy", "openai/gpt-x-latest", ("openai", "gpt-x", "the base name at another provider")),
    ],
)
def test_the_nearest_entry_and_how_it_was_found(place: str, model: str, nearest: tuple[str, str, str]):
    found = nearest_proposal(place, model, WIDE)
    assert found
    assert (found.entry.provider, found.entry.name) == nearest[:2]
    assert nearest[2] in found.how


@pytest.mark.parametrize("model", ["gpt", "gpt-x-pro", "gpt-xy", "x", "claude", "", "/", "-20260101"])
def test_likeness_of_spelling_is_no_reason(model: str):
    assert nearest_proposal("openai", model, WIDE) is None


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("openrouter/meta-llama/Llama-3:latest", "llama-3"),
        ("gemini-2.5-pro-preview", "gemini-2.5-pro-preview"),
        ("deepseek-v3", "deepseek-v3"),
        ("qwen2.5:7b", "qwen2.5:7b"),
    ],
)
def test_base_names(model: str, base: str):
    assert base_name(model) == base
