"""Lines for the model of the ingest: what a gateway writes, in all the ways in which it may say the same."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from ingest_model import Event

FIRST = datetime(2026, 11, 20, 10, tzinfo=UTC)
STYLES = 6


def new_event(number: int, seed: int) -> Event:
    """The event of a number; `seed` chooses its amounts."""
    cost = (None, Decimal(seed).scaleb(-9), Decimal(f"{seed}.000000000000001"))[seed % 3]
    return Event(
        f"e{number}",
        FIRST + timedelta(seconds=number),
        seed,
        seed % 7,
        cost,
        (None, "chat", "süß", 'say "no"\\')[seed % 4],
    )


def other_content(event: Event, seed: int) -> Event:
    """The same id with something else: the lines are in conflict."""
    others = (
        replace(event, prompt_tokens=event.prompt_tokens + 1),
        replace(event, cost=Decimal("0.000000000000002")),
        replace(event, feature="other"),
        replace(event, occurred_at=event.occurred_at + timedelta(microseconds=1)),
    )
    return others[seed % len(others)]


def written(event: Event, style: int) -> bytes:
    """The event as a line, without its line end. All styles mean the same."""
    record = {
        "event_id": event.event_id,
        "timestamp": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "request_id": "r" + event.event_id,
        "provider": "openai",
        "model": "gpt-4o-mini",
        "prompt_tokens": event.prompt_tokens,
        "completion_tokens": event.completion_tokens,
    }
    if event.cost is not None:
        record["computed_cost"] = format(event.cost, "f")
    if event.feature is not None:
        record["feature"] = event.feature
    if style == 1:
        return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()
    if style == 2:
        record = dict(reversed(record.items())) | {"attempt": 1, "tenant_id": None, "region": ""}
    if style == 3:
        there = event.occurred_at.astimezone(timezone(timedelta(hours=5, minutes=30)))
        record["timestamp"] = there.isoformat()
        record["retries_left"] = [1, {"of": "two"}]
    if style == 4 and event.cost is not None:
        bare = json.dumps(record | {"computed_cost": None})
        return bare.replace('"computed_cost": null', f'"computed_cost": {event.cost:E}').encode()
    if style == 5:
        return b" \t" + json.dumps(record).encode() + b"  "
    return json.dumps(record, ensure_ascii=style == 0).encode()


def refused(kind: int, number: int) -> bytes:
    """A line that breaks a rule, each in its own words."""
    good = written(new_event(number, 8), 0)
    kinds = (
        good.replace(b": 8,", b": -8,"),
        good.replace(b": 8,", b": 8.0,"),
        good.replace(b": 8,", b": NaN,"),
        good.replace(b": 8,", b': "8",'),
        good.replace(b": 8,", b": true,"),
        good[:-1] + b', "model": "twice"}',
        good[:-1] + b', "computed_cost": 1e-16}',
        good.replace(b"Z", b""),
        good.replace(b"2026", b"2099"),
        good.replace(b"gpt", b"g\xffpt"),
        good.replace(b"gpt", b"g\x00pt"),
        good.replace(b"gpt", rb"g\ud800pt"),
        b"\xef\xbb\xbf\xef\xbb\xbf" + good,
        b"plain words %d" % number,
        b"%d" % number,
        b"[" * 300 + b"%d" % number,
        b'{"a": ' * 200 + b"%d" % number + b"}" * 200,
        good[:-1] + b',"x": "' + b"long" * 300 + b'"}',
    )
    return kinds[kind % len(kinds)]
