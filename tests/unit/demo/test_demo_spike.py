from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tokencost_pipeline.alerts.rules import default_alert_settings
from tokencost_pipeline.demo.prices import event_cost
from tokencost_pipeline.demo.spike import compared_window, sized_spike
from tokencost_pipeline.demo.traffic import REQUESTS_PER_DAY, generate

UTC_ZONE = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("now", "zone", "start", "end"),
    [
        ("2026-11-21T13:20Z", "UTC", "2026-11-21T00:00Z", "2026-11-21T13:00Z"),
        ("2026-11-21T13:10Z", "UTC", "2026-11-21T00:00Z", "2026-11-21T12:00Z"),
        ("2026-11-21T00:20Z", "UTC", "2026-11-20T00:00Z", "2026-11-21T00:00Z"),
        ("2026-11-21T00:05Z", "UTC", "2026-11-20T00:00Z", "2026-11-20T23:00Z"),
        ("2026-11-21T13:20Z", "America/New_York", "2026-11-21T05:00Z", "2026-11-21T13:00Z"),
        ("2026-11-21T13:20Z", "Asia/Kolkata", "2026-11-20T18:30Z", "2026-11-21T12:30Z"),
    ],
)
def test_the_window_runs_from_local_midnight_to_the_last_complete_hour(
    now: str, zone: str, start: str, end: str
) -> None:
    window = compared_window(datetime.fromisoformat(now), 15, ZoneInfo(zone))
    assert window.start == datetime.fromisoformat(start)
    assert window.end == datetime.fromisoformat(end)


@pytest.mark.parametrize("hour", [0, 1, 13])
@pytest.mark.parametrize("day", [18, 21])  # a Wednesday and a Saturday
def test_whatever_the_hour_the_spiked_feature_clearly_breaks_its_rule(day: int, hour: int) -> None:
    now = datetime(2026, 11, day, hour, 20, tzinfo=UTC)
    alerts = default_alert_settings()
    spike, clear = sized_spike("summarise", now, alerts, UTC_ZONE, 7, REQUESTS_PER_DAY, "demo")
    assert clear

    window = compared_window(now, alerts.late_arrival_minutes, UTC_ZONE)
    length = window.end - window.start
    start = window.start - timedelta(days=7)
    costs: dict[int, Decimal] = defaultdict(Decimal)
    for event in generate(
        start,
        9,
        7,
        spike_feature="summarise",
        spike_factor=spike.factor,
        spike_from=spike.start,
        until=now,
    ):
        since = datetime.fromisoformat(event["timestamp"]) - start
        if event["feature"] == "summarise" and since % timedelta(days=1) < length:
            costs[since // timedelta(days=1)] += event_cost(event)
    expected = sum(costs[n] for n in range(7)) * Decimal("0.142857")
    assert costs[7] >= 2 * expected
    assert costs[7] - expected >= Decimal(2)


def test_a_feature_too_cheap_to_alarm_anybody_is_told() -> None:
    now = datetime(2026, 11, 21, 13, 20, tzinfo=UTC)
    _, clear = sized_spike("search-rerank", now, default_alert_settings(), UTC_ZONE, 7, 2600, "demo")
    assert not clear
