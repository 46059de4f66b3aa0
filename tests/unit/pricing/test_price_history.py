"""What a model cost over time, with derived ends, and its chart."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from price_book_texts import BANDS, alias_row, book_text, load, price_row

from tokencost_pipeline.pricing.history import BLOCKS, GAP, History, chart, histories

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at(day: str) -> str:
    return f"'{day}T00:00:00Z'"


def cheaper(rate: str) -> str:
    return BANDS.replace("'3'", f"'{rate}'")


def told(history: History) -> list[tuple[str, str | None, str]]:
    return [
        (it.row.id, f"{it.effective_to:%Y-%m-%d}" if it.effective_to else None, it.state)
        for it in history.versions
    ]


def test_ends_are_derived_and_corrections_and_withdrawals_are_told_apart(tmp_path: Path):
    text = book_text(
        price_row("first", effective_from=at("2025-01-01"), recorded_at=at("2025-01-01")),
        price_row("wrong", cheaper("9"), effective_from=at("2026-01-01"), recorded_at=at("2026-01-01")),
        price_row("right", cheaper("2"), effective_from=at("2026-01-01"), recorded_at=at("2026-01-02")),
        price_row("planned", cheaper("8"), effective_from=at("2026-12-01"), recorded_at=at("2026-02-01")),
        price_row("not", "status: retracted", effective_from=at("2026-12-01"), recorded_at=at("2026-03-01")),
        price_row("last", cheaper("1"), effective_from=at("2027-01-01"), recorded_at=at("2026-04-01")),
    )
    (history,) = histories(load(tmp_path, text), "m1", NOW)
    assert told(history) == [
        ("first", "2026-01-01", "past"),
        ("wrong", None, "corrected"),
        ("right", "2027-01-01", "now"),
        ("planned", None, "retracted"),
        ("not", None, "retracted"),
        ("last", None, "future"),
    ]


def test_an_ended_price_ends_and_leaves_a_gap_in_the_chart(tmp_path: Path):
    text = book_text(
        price_row("first", effective_from=at("2025-01-01")),
        price_row("end", "status: ended", effective_from=at("2026-01-01")),
    )
    (history,) = histories(load(tmp_path, text), "m1", NOW)
    assert told(history) == [("first", "2026-01-01", "past"), ("end", None, "ended")]
    drawn = chart(history.versions, "input", NOW, width=20)
    assert drawn == BLOCKS[-1] * drawn.count(BLOCKS[-1]) + GAP * drawn.count(GAP)
    assert GAP in drawn


def test_the_chart_steps_where_the_price_does(tmp_path: Path):
    text = book_text(
        price_row("a", cheaper("8"), effective_from=at("2024-11-21")),
        price_row("b", cheaper("4"), effective_from=at("2025-11-21")),
    )
    (history,) = histories(load(tmp_path, text), "m1", NOW)
    assert chart(history.versions, "input", NOW, width=10) == "█████▄▄▄▄▄"
    assert chart(history.versions, "output", NOW, width=10) == "█" * 10
    assert chart(history.versions, "cache_read", NOW, width=10) == GAP * 10


def test_a_free_model_is_drawn_and_a_start_nobody_knows_does_not_stretch_the_chart(tmp_path: Path):
    free = "bands: [{min_context_tokens: 0, rates: {input: '0', output: '0'}}]"
    text = book_text(
        price_row("a", free, effective_from=at("2020-01-01"), effective_from_known="false"),
        price_row("b", effective_from=at("2026-10-21")),
    )
    (history,) = histories(load(tmp_path, text), "m1", NOW)
    drawn = chart(history.versions, "input", NOW, width=21)
    assert drawn.startswith("▁▁")
    assert drawn.endswith("██")


def test_an_alias_leads_to_every_model_it_was_and_is_billed_as(tmp_path: Path):
    aliases = (alias_row(), alias_row(model="m2", effective_from=at("2026-06-01")))
    book = load(tmp_path, book_text(price_row(), price_row("two", model="m2"), aliases=aliases))
    found = histories(book, "a1", NOW)
    assert [(it.model, [alias.alias for alias in it.via]) for it in found] == [("m1", ["a1"]), ("m2", ["a1"])]


def test_a_name_with_a_date_leads_to_its_base_and_nothing_fuzzier(tmp_path: Path):
    aliases = (alias_row(alias="m1", match="date_suffix"),)
    book = load(tmp_path, book_text(price_row(), aliases=aliases))
    assert [it.model for it in histories(book, "m1-20260101", NOW)] == ["m1"]
    assert [it.model for it in histories(book, "m1-2026-01-01", NOW)] == ["m1"]
    assert histories(book, "m1-mini", NOW) == []
    assert histories(book, "m", NOW) == []


def test_one_provider_can_be_asked_for_and_multipliers_are_rows(tmp_path: Path):
    rest = f"{BANDS}, multipliers: [{{region: us, factor: '1.1'}}]"
    book = load(tmp_path, book_text(price_row(rest=rest), price_row("two", provider="other")))
    assert [it.provider for it in histories(book, "m1", NOW)] == ["acme", "other"]
    (history,) = histories(book, "m1", NOW, "acme")
    assert [it.row.region for it in history.versions] == ["default", "us"]
