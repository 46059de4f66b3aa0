from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tokencost_pipeline.demo.prices import event_cost
from tokencost_pipeline.demo.profile import FEATURES, LONGEST_PROMPT
from tokencost_pipeline.demo.traffic import REQUESTS_PER_DAY, generate
from tokencost_pipeline.demo.write import line
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.gate import parse_object
from tokencost_pipeline.ingest.sources.canonical_events import FIELDS, REQUIRED, map_event

MONDAY = datetime(2026, 11, 9, tzinfo=UTC)

Event = dict[str, Any]


@pytest.fixture(scope="module")
def fortnight() -> list[Event]:
    return list(generate(MONDAY, 14, 7))


def instant(event: Event) -> datetime:
    return datetime.fromisoformat(event["timestamp"])


def without(events: list[Event], feature: str) -> list[Event]:
    return [event for event in events if event["feature"] != feature]


def test_every_event_is_one_of_the_contract(fortnight: list[Event]) -> None:
    assert {name for event in fortnight for name in event} <= FIELDS
    assert all(set(REQUIRED) <= set(event) for event in fortnight)
    for event in fortnight[::25]:
        row: dict[str, Any] = {}
        map_event(parse_object(line(event)), row, MONDAY + timedelta(days=20))
        assert row["event_id"] == event["event_id"]
        assert row["occurred_at"] == instant(event)


def test_ids_are_unique_and_time_runs_forward(fortnight: list[Event]) -> None:
    assert len({event["event_id"] for event in fortnight}) == len(fortnight)
    assert all(a["timestamp"] <= b["timestamp"] for a, b in pairwise(fortnight))
    assert instant(fortnight[0]) >= MONDAY
    assert instant(fortnight[-1]) < MONDAY + timedelta(days=14)


def test_parts_are_never_more_than_their_whole(fortnight: list[Event]) -> None:
    for event in fortnight:
        cached = event.get("cache_read_tokens", 0) + event.get("cache_write_5m_tokens", 0)
        assert cached <= event["prompt_tokens"] <= LONGEST_PROMPT
        assert event.get("reasoning_tokens", 0) <= event["completion_tokens"]
        assert event["total_tokens"] == event["prompt_tokens"] + event["completion_tokens"]


def test_the_same_seed_gives_the_same_events_and_another_seed_others() -> None:
    assert list(generate(MONDAY, 2, 7)) == list(generate(MONDAY, 2, 7))
    ids = {event["event_id"] for event in generate(MONDAY, 2, 7)}
    assert ids.isdisjoint(event["event_id"] for event in generate(MONDAY, 2, 8))


def test_a_day_is_the_same_whatever_is_generated_with_it(fortnight: list[Event]) -> None:
    third = MONDAY + timedelta(days=2)
    alone = list(generate(third, 1, 7))
    assert alone == [event for event in fortnight if third <= instant(event) < third + timedelta(days=1)]
    noon = third + timedelta(hours=12)
    assert list(generate(third, 1, 7, until=noon)) == [event for event in alone if instant(event) < noon]


def test_weekends_are_quieter_and_offices_sleep_at_night(fortnight: list[Event]) -> None:
    by_day = Counter(instant(event).date() for event in fortnight)
    weekend = [count for day, count in by_day.items() if day.weekday() >= 5]
    weekdays = [count for day, count in by_day.items() if day.weekday() < 5]
    assert max(weekend) < min(weekdays)
    assert max(weekdays) <= 3000
    hours = Counter(instant(event).hour for event in fortnight if event["feature"] == "code-review")
    assert hours[10] > 10 * hours[2]


def test_a_day_costs_some_tens_of_dollars(fortnight: list[Event]) -> None:
    by_day: dict[Any, Decimal] = defaultdict(Decimal)
    for event in fortnight:
        by_day[instant(event).date()] += event_cost(event)
    assert all(20 < cost < 100 for cost in by_day.values())


def test_there_is_something_of_everything_to_see(fortnight: list[Event]) -> None:
    assert {event["feature"] for event in fortnight} == {feature.name for feature in FEATURES}
    assert {event["tenant_id"] for event in fortnight} == {"acme", "globex", "initech", "umbrella"}
    assert {"openai", "anthropic", "deepseek", "google", "mistral", "ollama"} == {
        event["provider"] for event in fortnight
    }
    assert {event.get("service_tier") for event in fortnight} == {None, "batch"}
    hits = [event for event in fortnight if event.get("cache_hit")]
    assert hits
    assert {event["computed_cost"] for event in hits} == {"0"}
    strangers = [event for event in fortnight if event["model"] == "ft:acme-triage-v2"]
    assert 0 < len(strangers) < len(fortnight) // 200
    assert not any("computed_cost" in event for event in strangers)


def test_failed_attempts_are_followed_by_a_retry_and_some_of_them_are_billed(fortnight: list[Event]) -> None:
    attempts: dict[str, list[Event]] = defaultdict(list)
    for event in fortnight:
        attempts[event["request_id"]].append(event)
    retried = [tries for tries in attempts.values() if len(tries) > 1]
    assert len(retried) > len(attempts) // 50
    for tries in attempts.values():
        assert [one["attempt"] for one in tries] == list(range(1, len(tries) + 1))
        assert [one["retry_count"] for one in tries] == list(range(len(tries)))
        assert {one["status"] for one in tries[:-1]} <= {"failure"}
    failures = [event for event in fortnight if event["status"] == "failure"]
    assert any(event["prompt_tokens"] for event in failures)
    assert any(not event["prompt_tokens"] for event in failures)


def test_the_gateways_cost_is_exact_decimal_text(fortnight: list[Event]) -> None:
    told = [event for event in fortnight if event.get("computed_cost", "0") != "0"]
    assert told
    for event in told:
        assert Decimal(event["computed_cost"]) == event_cost(event)
        assert Decimal(event["computed_cost"]).as_tuple().exponent >= -15


def test_a_spike_lengthens_one_features_prompts_and_touches_nothing_else() -> None:
    start = MONDAY + timedelta(days=1, hours=12)
    plain = list(generate(MONDAY, 2, 7))
    spiked = list(generate(MONDAY, 2, 7, spike_feature="summarise", spike_factor=4.0, spike_from=start))
    assert without(plain, "summarise") == without(spiked, "summarise")

    def summarise(events: list[Event]) -> tuple[list[Event], list[Event]]:
        chosen = [event for event in events if event["feature"] == "summarise"]
        # A retry that falls into the spike belongs to the request that was sent before it.
        later = {e["request_id"] for e in chosen if e["attempt"] == 1 and instant(e) >= start}
        return (
            [event for event in chosen if event["request_id"] not in later],
            [event for event in chosen if event["request_id"] in later],
        )

    before, after = summarise(plain)
    spiked_before, spiked_after = summarise(spiked)
    assert before == spiked_before
    prompts, spiked_prompts = (
        sum(event["prompt_tokens"] for event in events) for events in (after, spiked_after)
    )
    assert prompts * 3 < spiked_prompts <= prompts * 4 + len(after) * 4
    assert sum(map(event_cost, spiked_after)) > 2 * sum(map(event_cost, after))
    assert {event["event_id"] for event in after}.isdisjoint(event["event_id"] for event in spiked_after)
    assert {event["prompt_template_id"] for event in spiked_after} == {"summarise-v8"}


def test_traffic_scales_with_the_requests_asked_for() -> None:
    few = len(list(generate(MONDAY, 1, 7, requests_per_day=260)))
    many = len(list(generate(MONDAY, 1, 7)))
    assert REQUESTS_PER_DAY == 2600
    assert 8 < many / few < 12


def test_an_unknown_feature_is_told_with_those_there_are() -> None:
    with pytest.raises(UserError, match="summarise"):
        next(generate(MONDAY, 1, 7, spike_feature="sumarise"))
