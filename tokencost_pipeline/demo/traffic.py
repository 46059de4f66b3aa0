"""Invented traffic as canonical events: the same seed gives the same events, whatever else is generated
with them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tokencost_pipeline.demo.prices import believed_cost
from tokencost_pipeline.demo.profile import FEATURES, LONGEST_PROMPT, REGIONS, USERS, Feature, Model
from tokencost_pipeline.errors import UserError

Event = dict[str, Any]

REQUESTS_PER_DAY = 2600
FIRST_ATTEMPT_FAILS = 0.04
RETRY_FAILS = 0.25
MOST_ATTEMPTS = 3
FAILURE_IS_BILLED = 0.4
"""Of failed attempts: a stream that broke half-way was read and partly written, a refused call was not."""

_SATURDAY = 5


@dataclass(frozen=True)
class Spike:
    """From `start` on, prompts of `feature` are `factor` times as long: somebody shipped a new prompt
    template.
    """

    feature: str
    factor: float
    start: datetime


def generate(
    start: datetime,
    days: int,
    seed: int,
    *,
    requests_per_day: int = REQUESTS_PER_DAY,
    spike_feature: str | None = None,
    spike_factor: float = 4.0,
    spike_from: datetime | None = None,
    until: datetime | None = None,
    origin: str = "demo",
) -> Iterator[Event]:
    """Canonical events in the order of time, from `start` (with offset) over `days` UTC days, before
    `until`.

    `requests_per_day` is the count of an average weekday; retries come on top (about 4 %). The default
    costs some 45 USD a weekday at list prices. The spike lengthens prompts of `spike_feature` from
    `spike_from` (default: the last day) and changes nothing else. Raises UserError for a feature that does
    not exist.
    """
    first = start.astimezone(UTC)
    end = _midnight(first.date()) + timedelta(days=days)
    spike = None
    if spike_feature is not None:
        known_feature(spike_feature)
        spike = Spike(spike_feature, spike_factor, spike_from or end - timedelta(days=1))
    until = end if until is None else min(until, end)
    waiting: list[tuple[datetime, Event]] = []
    # From the day before on: its last requests may be retried after midnight.
    for number in range(-1, days):
        day = first.date() + timedelta(days=number)
        midnight = _midnight(day) + timedelta(days=1)
        for feature in FEATURES:
            waiting += feature_day(feature, day, seed, requests_per_day, spike, origin)
        waiting.sort(key=lambda pair: (pair[0], pair[1]["event_id"]))
        yield from (event for moment, event in waiting if first <= moment < min(midnight, until))
        waiting = [pair for pair in waiting if pair[0] >= midnight]


def known_feature(name: str) -> Feature:
    """The feature called `name`. Raises UserError that lists the features there are."""
    for feature in FEATURES:
        if feature.name == name:
            return feature
    raise UserError(
        f"there is no demo feature {name!r}", hint="one of " + ", ".join(feature.name for feature in FEATURES)
    )


def feature_day(
    feature: Feature, day: date, seed: int, requests_per_day: int, spike: Spike | None, origin: str
) -> Iterator[tuple[datetime, Event]]:
    """One feature's events of one UTC day with their instants, in no order. Draws nothing from other days."""
    dice = random.Random(f"{seed}|{day.isoformat()}|{feature.name}")
    weekday = feature.weekend if day.weekday() >= _SATURDAY else 1.0
    requests = round(requests_per_day * feature.share * weekday * dice.lognormvariate(0, 0.05))
    hours = dice.choices(range(24), weights=feature.hours, k=requests)
    for number, hour in enumerate(hours):
        moment = _midnight(day) + timedelta(hours=hour, milliseconds=int(dice.random() * 3_600_000))
        yield from _request(
            feature, moment, f"{origin}|{seed}|{day}|{feature.name}|{number}", spike, origin, dice
        )


def _request(
    feature: Feature, moment: datetime, key: str, spike: Spike | None, origin: str, dice: random.Random
) -> Iterator[tuple[datetime, Event]]:
    model = dice.choices([m for m, _ in feature.models], weights=[w for _, w in feature.models])[0]
    tenant = dice.choices([t for t, _ in feature.tenants], weights=[w for _, w in feature.tenants])[0]
    user = f"{tenant}-u{1 + int(dice.random() ** 2 * USERS[tenant]):02d}"
    prompt = round(feature.prompt_tokens * dice.lognormvariate(-0.06, 0.35))
    completion = 0 if model.embedding else round(feature.completion_tokens * dice.lognormvariate(-0.12, 0.5))
    read, written = _cached(model, prompt, dice)
    version = feature.template_version
    if spike and feature.name == spike.feature and moment >= spike.start:
        # A new key: these are other requests than the ones that would have been sent without the spike.
        key = f"{key}|spike {spike.factor}"
        prompt = max(prompt, min(LONGEST_PROMPT, round(prompt * spike.factor)))
        version += 1
    digest = _digest(key, 16)
    common: Event = {
        "request_id": f"req_{digest}",
        "provider": model.provider,
        "model": model.name,
        "tenant_id": tenant,
        "user_id": user,
        "feature": feature.name,
        "region": REGIONS[tenant],
        "prompt_template_id": f"{feature.template}-v{version}",
        "tags": {"env": "prod", "origin": origin},
    }
    if feature.service_tier:
        common["service_tier"] = feature.service_tier
    if feature.sessions:
        common["session_id"] = f"ses_{_digest(f'{user}|{moment:%Y-%m-%d %H}', 12)}"
    cache_hit = dice.random() < feature.response_cache
    attempt = 1
    while True:
        fails = not cache_hit and dice.random() < (FIRST_ATTEMPT_FAILS if attempt == 1 else RETRY_FAILS)
        billed_failure = dice.random() < FAILURE_IS_BILLED
        done = dice.random() * 0.6 if billed_failure else 0.0
        latency = _latency(model, prompt, completion, dice)
        counts = (prompt, completion, read, written)
        if fails:
            counts = (prompt, int(completion * done), read, written) if billed_failure else (0, 0, 0, 0)
            latency = round(latency * done) + 180
        if cache_hit:
            latency = 12 + int(dice.random() * 20)
        event = {
            "event_id": f"evt_{digest}_{attempt}",
            "timestamp": _rfc3339(moment),
            **common,
            "attempt": attempt,
            "retry_count": attempt - 1,
            "status": "failure" if fails else "success",
            "latency_ms": latency,
            **_tokens(model, counts),
        }
        if feature.through_gateway:
            event["cache_hit"] = cache_hit
            cost = Decimal(0) if cache_hit else believed_cost(model.name, *counts)
            if cost is not None:
                event["computed_cost"] = _plain(cost)
        yield moment, event
        if not fails or attempt == MOST_ATTEMPTS:
            return
        moment += timedelta(milliseconds=latency + 400 * 2**attempt)
        attempt += 1


def _cached(model: Model, prompt: int, dice: random.Random) -> tuple[int, int]:
    """(read, written) tokens of the provider's prompt cache; the first call of a prefix writes what later
    ones read.
    """
    share, writes = dice.random(), dice.random()
    prefix = int(prompt * model.cached * (0.8 + 0.4 * share))
    if model.writes_cache and writes < 0.12:
        return 0, prefix
    return prefix, 0


def _tokens(model: Model, counts: tuple[int, int, int, int]) -> Event:
    prompt, completion, read, written = counts
    told: Event = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if model.cached:
        told["cache_read_tokens"] = read
    if model.writes_cache:
        told["cache_write_5m_tokens"] = written
    if model.reasoning:
        told["reasoning_tokens"] = int(completion * model.reasoning)
    return told


def _latency(model: Model, prompt: int, completion: int, dice: random.Random) -> int:
    return round((220 + prompt * 0.02 + completion * model.ms_per_token) * dice.lognormvariate(0, 0.25))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(cost: Decimal) -> str:
    text = format(cost, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _digest(key: str, length: int) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:length]
