"""How long a prompt must get, and from when on, so that the next run raises the alarm at whatever hour it
is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tokencost_pipeline.alerts.rules import AlertSettings, Rule
from tokencost_pipeline.demo.prices import event_cost
from tokencost_pipeline.demo.traffic import Spike, feature_day, known_feature

DAYS = 7
FACTORS = (4.0, 8.0, 16.0)
CLEAR_RATIO = Decimal(2)
MARGIN = Decimal("1.3")
"""Beyond the rule's own bounds, for the sample's events in raw/ raise the expected cost a little."""


@dataclass(frozen=True)
class Window:
    """What detection compares: the local day from midnight to the last complete hour. Half-open."""

    start: datetime
    end: datetime


def compared_window(now: datetime, late_arrival_minutes: int, zone: ZoneInfo) -> Window:
    """The newest window that detection will look at. In the first hour after midnight that is yesterday,
    whole.
    """
    local = (now - timedelta(minutes=late_arrival_minutes)).astimezone(zone)
    end = local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    day = (end - timedelta(microseconds=1)).astimezone(zone).date()
    return Window(_midnight(day, zone), end)


def sized_spike(
    name: str,
    now: datetime,
    alerts: AlertSettings,
    zone: ZoneInfo,
    seed: int,
    requests_per_day: int,
    origin: str,
) -> tuple[Spike, bool]:
    """The gentlest spike of feature `name` that clearly breaks a rule, and whether there is one.

    Prompts are four times as long if that does it. Right after midnight the window is short and cheap, so
    they must grow more to be worth the least excess of the rule.
    """
    known_feature(name)
    window = compared_window(now, alerts.late_arrival_minutes, zone)
    rules = [rule for rule in alerts.rules if rule.dimension == "feature"]
    past = _past_week(name, window, zone, seed, requests_per_day, origin)
    for factor in FACTORS:
        spike = Spike(name, factor, window.start)
        actual = _cost(name, window, seed, requests_per_day, spike, origin)
        if _breaks(actual * DAYS, past, rules):
            return spike, True
    return Spike(name, FACTORS[-1], window.start), False


def _breaks(actual: Decimal, expected: Decimal, rules: Sequence[Rule]) -> bool:
    """Does it break a rule? Both amounts are for seven days, so that no mean has to be rounded."""
    return actual >= CLEAR_RATIO * expected and any(
        actual >= MARGIN * rule.ratio * expected and actual - expected >= MARGIN * rule.min_usd * DAYS
        for rule in rules
    )


def _past_week(
    name: str, window: Window, zone: ZoneInfo, seed: int, requests_per_day: int, origin: str
) -> Decimal:
    """Believed cost of the same clock window, summed over the seven days before, in USD."""
    today, length = window.start.astimezone(zone).date(), window.end - window.start
    starts = [_midnight(today - timedelta(days=ago), zone) for ago in range(1, DAYS + 1)]
    costs = [_cost(name, Window(s, s + length), seed, requests_per_day, None, origin) for s in starts]
    return sum(costs, Decimal(0))


def _cost(
    name: str, window: Window, seed: int, requests_per_day: int, spike: Spike | None, origin: str
) -> Decimal:
    """Cost in USD at the gateway's prices of the feature's events inside `window`."""
    feature = known_feature(name)
    days = (window.end.date() - window.start.date()).days + 1
    return sum(
        (
            event_cost(event)
            for number in range(days)
            for moment, event in feature_day(
                feature, window.start.date() + timedelta(days=number), seed, requests_per_day, spike, origin
            )
            if window.start <= moment < window.end
        ),
        Decimal(0),
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
