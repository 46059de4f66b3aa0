"""The index of requests: every entry once, in its bucket, and old ones are rewritten seldom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.look_up import days_of
from tokencost_pipeline.reports.data_scripts import packed_script
from tokencost_pipeline.reports.shards import index
from tokencost_pipeline.reports.shards.days import Places, bits_for
from tokencost_pipeline.reports.shards.index import AGES, buckets, by_age

TODAY = 20_777
LAST = 2**32 - 1


def drawn(number: int, seed: int) -> Places:
    return np.unique(np.random.default_rng(seed).integers(0, 2**32, number, np.uint32))


places = st.sets(
    st.one_of(st.integers(0, LAST), st.integers(0, 20), st.integers(LAST - 20, LAST)), max_size=30
)


@given(st.dictionaries(st.integers(0, 65_535), places, min_size=1, max_size=6), st.sets(st.integers(0, LAST)))
def test_each_place_finds_its_days_and_no_others(days: dict[int, set[int]], strangers: set[int]) -> None:
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # few entries make many buckets, and are taken in several goes
        patch.setattr(index, "PLACES_PER_BUCKET", 4)
        patch.setattr(index, "_AT_ONCE", 8)
        bits, found = buckets({day: np.array(sorted(mine), np.uint32) for day, mine in days.items()})
        told = dict(found)
    assert sum(map(len, told.values())) == 6 * sum(map(len, days.values()))
    for place in strangers.union(*days.values()):
        bucket = told.get(place >> (32 - bits), b"")
        assert days_of(bucket, place, bits) == sorted(day for day, mine in days.items() if place in mine)


def test_a_bucket_of_a_large_index_is_small() -> None:
    bits, found = buckets({TODAY - day: drawn(5_000, day) for day in range(100)})
    sizes = [len(packed_script("old-1", content)) for _, content in found]
    assert len(sizes) == 1 << bits == 256
    assert max(sizes) < 10_000


@given(st.integers(0, 10**9), st.integers(1, 5_000))
def test_no_more_bits_than_it_takes(number: int, most: int) -> None:
    bits = bits_for(number, most)
    assert number <= most << bits
    assert bits == 0 or number > most << (bits - 1)


@given(st.dictionaries(st.integers(0, 2_000), st.integers(0, 300_000), max_size=200))
def test_ages_are_told_apart_by_whole_blocks(sizes: dict[int, int]) -> None:
    found = by_age(sizes)
    assert sorted(day for mine in found.values() for day in mine) == sorted(
        day for day in sizes if sizes[day]
    )
    newest_first = [day for mine in found.values() for day in reversed(mine)]
    assert newest_first == sorted(newest_first, reverse=True)
    for name, block, enough in AGES:
        mine = found.get(name, ())
        older = [day for day in sizes if sizes[day] and mine and day < mine[0]]
        assert not older or (
            sum(sizes[day] for day in mine) >= enough and max(older) // block < mine[0] // block
        )


def test_a_small_site_has_one_part() -> None:
    assert list(by_age({TODAY - day: 80 for day in range(365)})) == ["recent"]


def test_rows_of_the_future_do_not_make_today_old() -> None:
    found = by_age({TODAY + 3_000: 1, **{TODAY - day: 5_000 for day in range(365)}})
    assert TODAY in found["recent"]


def test_a_year_of_days_rewrites_each_entry_a_few_times() -> None:
    """What a part costs is its entries, whenever the days in it change."""
    per_day = 5_000
    sizes: dict[int, int] = {}
    before: dict[str, tuple[int, ...]] = {}
    written = 0
    last_day = 0
    for day in range(1, 366):
        sizes[day] = per_day
        found = by_age(sizes)
        last_day = sum(per_day * len(mine) for name, mine in found.items() if before.get(name) != mine)
        written += last_day
        before = found
    assert written < 25 * per_day * 365
    assert last_day < 20 * per_day
