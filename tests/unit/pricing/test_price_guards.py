"""Each guard stands for an error that a catalogue has made."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tokencost_pipeline.pricing.book import Band
from tokencost_pipeline.pricing.guards import doubts, rate_at


def card(*bands: str) -> tuple[Band, ...]:
    """card('input 3 output 15', '200001 input 6 output 22')"""
    made = []
    for text in bands:
        words = text.split()
        start = int(words.pop(0)) if words[0].isdigit() else 0
        made.append(Band(start, dict(zip(words[::2], map(Decimal, words[1::2]), strict=True)), 0))
    return tuple(made)


GOOD = card(
    "input 3 output 15 cache_read 0.3 cache_write_5m 3.75 cache_write_1h 6",
    "200001 input 6 output 22.5 cache_read 0.6 cache_write_5m 7.5 cache_write_1h 12",
)


def test_a_sound_card_raises_no_doubt():
    assert doubts("standard", GOOD, before=GOOD) == []


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        (card("input 3 output 15 cache_read 3.1"), "cache_read is dearer than input"),
        (card("input 3 output 15 cache_write_5m 3.75 cache_write_1h 3.7"), "cache_write_1h is cheaper"),
        (card("input 3 output 15 cache_write_1h 2"), "cache_write_1h is cheaper"),
        (card("input 3 output 15", "200001 input 2 output 15"), "input is cheaper from 200001"),
        (card("input 3 output 15", "200001 input 3 output 14"), "output is cheaper from 200001"),
        (card("input 200.000001 output 15"), "above 200"),
        (card("input 2.9999900000000002 output 15"), "noise of a float"),
    ],
)
def test_a_card_that_contradicts_itself_is_doubted(bands: tuple[Band, ...], said: str):
    assert any(said in doubt for doubt in doubts("standard", bands))


@pytest.mark.parametrize("bound", ["input 200 output 15", "input 3 output 15 cache_read 3"])
def test_the_bounds_themselves_are_not_doubted(bound: str):
    assert doubts("standard", card(bound)) == []


@pytest.mark.parametrize("tier", ["batch", "flex"])
def test_a_cheap_tier_may_not_be_dearer_than_standard(tier: str):
    standard = card("input 3 output 15")
    assert doubts(tier, card("input 3 output 15"), standard) == []
    assert doubts(tier, card("input 3.1 output 15"), standard)
    assert doubts(tier, card("input 3 output 15", "200001 input 6 output 15"), standard)


def test_priority_may_cost_three_times_standard_but_not_more():
    standard = card("input 3 output 15")
    assert doubts("priority", card("input 9 output 45"), standard) == []
    assert doubts("priority", card("input 9.1 output 45"), standard)


@pytest.mark.parametrize(("rate", "doubted"), [("6", False), ("6.1", True), ("1.5", False), ("1.4", True)])
def test_a_change_by_more_than_two_needs_a_second_source(rate: str, doubted: bool):
    found = doubts("standard", card(f"input {rate} output 15"), before=card("input 3 output 15"))
    assert any("second source" in doubt for doubt in found) == doubted


def test_a_free_model_that_begins_to_cost_needs_a_second_source():
    assert doubts("standard", card("input 1 output 0"), before=card("input 0 output 0"))


def test_a_rate_left_out_is_its_parents():
    bands = card("input 3 output 15 cache_write_5m 4")
    found = {name: rate_at(bands, 5, name) for name in ("cache_read", "cache_write_1h", "output_audio")}
    assert found == {"cache_read": 3, "cache_write_1h": 4, "output_audio": 15}
    assert rate_at(card("input 3"), 0, "output") is None


def test_a_leap_is_told_for_what_is_written_and_not_again_for_what_follows_from_it():
    found = doubts("standard", card("input 7 output 15"), before=card("input 3 output 15"))
    assert len(found) == 1
    audio = doubts("standard", card("input 3 output 15 input_audio 9"), before=card("input 3 output 15"))
    assert "input_audio" in audio[0]
