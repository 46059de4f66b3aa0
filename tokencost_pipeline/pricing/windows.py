"""Time-of-day windows: from what people write to minutes of the local day, and whether two ever meet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tokencost_pipeline.pricing import terms
from tokencost_pipeline.pricing.book import Window
from tokencost_pipeline.pricing.shape import Node

DAY = 24 * 60
_HOURS_HINT = "write 'HH:MM-HH:MM', from 00:00 to 24:00; over midnight such as '23:00-02:00' is allowed"
_REFERENCE_WEEKS = (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC))
"""A winter and a summer Monday: two zones are compared under both of their clocks."""


def read_window(node: Node) -> Window | None:
    """A row's `window:`; None after noting a problem."""
    before = len(node.problems.found)
    fields = node.fields(["utc_hours"], ["weekdays", "timezone", "exclude_dates"])
    window = Window(
        timezone=fields.read("timezone", _read_zone, "UTC"),
        minutes=fields.read("utc_hours", _read_hours, ()),
        weekdays=fields.read("weekdays", _read_weekdays, ()),
        exclude_dates=fields.read("exclude_dates", _read_dates, ()),
    )
    return window if len(node.problems.found) == before else None


def meet(one: Window, other: Window) -> bool:
    """Whether some minute of some week lies in both windows. Excluded dates do not make windows disjoint."""
    if one.timezone == other.timezone:
        days = set(one.weekdays or range(1, 8)) & set(other.weekdays or range(1, 8))
        return bool(days) and any(a < d and c < b for a, b in one.minutes for c, d in other.minutes)
    return any(_open_at(one, instant) and _open_at(other, instant) for instant in _every_minute())


def _every_minute() -> Iterator[datetime]:
    for monday in _REFERENCE_WEEKS:
        for minute in range(7 * DAY):
            yield monday + timedelta(minutes=minute)


def _open_at(window: Window, instant: datetime) -> bool:
    local = instant.astimezone(ZoneInfo(window.timezone))
    if window.weekdays and local.isoweekday() not in window.weekdays:
        return False
    minute = local.hour * 60 + local.minute
    return any(start <= minute < end for start, end in window.minutes)


def _read_zone(node: Node) -> str | None:
    zone = node.text(hint="write an IANA time zone such as 'UTC' or 'Asia/Shanghai'")
    if zone is None:
        return None
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        node.wrong(f"unknown time zone {zone!r}", "write an IANA time zone such as 'UTC' or 'Asia/Shanghai'")
        return None
    return zone


def _read_weekdays(node: Node) -> tuple[int, ...]:
    days = [day for item in node.items(at_least=1) if (day := item.whole(1, 7))]
    if len(set(days)) < len(days):
        node.wrong("weekdays name a day twice", "name every day once")
    return tuple(sorted(days))


def _read_dates(node: Node) -> tuple[date, ...]:
    days = [day for item in node.items() if (day := item.day())]
    if len(set(days)) < len(days):
        node.wrong("exclude_dates name a day twice", "name every day once")
    return tuple(sorted(days))


def _read_hours(node: Node) -> tuple[tuple[int, int], ...]:
    """Half-open minute ranges of the local day, ascending, those over midnight split in two."""
    ranges: list[tuple[int, int]] = []
    for item in node.items(at_least=1):
        found = terms.HOURS.fullmatch(item.value) if isinstance(item.value, str) else None
        numbers = [int(text) for text in found.groups()] if found else []
        if not numbers or numbers[1] > 59 or numbers[3] > 59:
            item.wrong(f"hours {item.value!r}", _HOURS_HINT)
            continue
        start, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
        if start >= DAY or end > DAY or start == end:
            item.wrong(f"hours {item.value!r}", _HOURS_HINT)
            continue
        pieces = [(start, end)] if start < end else [(start, DAY), (0, end)]
        ranges.extend(piece for piece in pieces if piece[0] < piece[1])
    ranges.sort()
    if any(before[1] > after[0] for before, after in pairwise(ranges)):
        node.wrong("the hours of this window overlap", "write every minute once")
    return tuple(ranges)
