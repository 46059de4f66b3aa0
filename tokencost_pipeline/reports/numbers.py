"""Numbers as people read them. Exact values are in the CSV files; here they are rounded for the eye, never
before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

UNKNOWN = "unknown"
NOTHING = "–"
SO_FAR = "so far"
_STEPS = (  # the bounds lie where the finer step would round up to $1 and to one cent
    (Decimal("0.99995"), Decimal("0.01")),
    (Decimal("0.0099995"), Decimal("0.0001")),
    (Decimal(0), Decimal("0.000001")),
)


def money(value: Decimal | None) -> str:
    """USD for the eye: two decimals from $1 on, four from a cent on, else six ($1,234.57, $0.0123). An amount
    that would round to nothing is "<$0.000001", not zero; NULL is "unknown"."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "$0"
    amount, sign = abs(value), "-" if value < 0 else ""
    step = next(step for bound, step in _STEPS if amount >= bound)
    rounded = amount.quantize(step, ROUND_HALF_EVEN)
    return f"{sign}${rounded:,f}" if rounded else f"{sign}<${step:f}"


def optional_money(value: Decimal | None) -> str:
    """`money` of an amount that need not be there: NULL is "–" instead of "unknown"."""
    return NOTHING if value is None else money(value)


def count(value: int | Decimal | None) -> str:
    """A whole number with separators: 1,234,567. NULL is "–"."""
    return NOTHING if value is None else f"{int(value):,}"


def counted(value: int | Decimal, one: str, many: str | None = None) -> str:
    """A whole number with what it counts: "1 attempt", "1,234 attempts", "2 retries" where `many` says so."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def ratio(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    """part of whole as a fraction, for display only. None when either is unknown or the whole is nothing."""
    if part is None or not whole:
        return None
    return Decimal(part) / Decimal(whole)


def share(value: Decimal | None) -> str:
    """A fraction of one as a percentage with one decimal: 0.1234 -> 12.3%."""
    if value is None:
        return NOTHING
    percent = value * 100
    rounded = percent.quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return f"{rounded:,f}%" if rounded or not percent else ("<0.1%" if percent > 0 else ">-0.1%")


def change(now: Decimal | None, before: Decimal | None) -> str:
    """The change against an earlier amount in words: "+12.3%", "-4.0%", or why there is none."""
    moved = ratio(None if now is None or before is None else now - before, before)
    if moved is None:
        return "no earlier cost to compare with"
    return ("+" if moved > 0 else "") + share(moved)


def average(total: int | None, number: int | None) -> Decimal | None:
    """total by number, None when nothing was measured. Averages are never stored, so that they stay
    additive."""
    return Decimal(total) / Decimal(number) if total is not None and number else None


def latency(milliseconds: Decimal | int | None) -> str:
    """A duration from milliseconds: 850 ms, 1.25 s, 2 min 5 s. NULL is "–"."""
    if milliseconds is None:
        return NOTHING
    value = Decimal(milliseconds)
    if value < 1000:
        return f"{value.quantize(Decimal(1), ROUND_HALF_EVEN):f} ms"
    if value < 60_000:
        return f"{(value / 1000).quantize(Decimal('0.01'), ROUND_HALF_EVEN):f} s"
    seconds = int((value / 1000).quantize(Decimal(1), ROUND_HALF_EVEN))
    return f"{seconds // 60:,} min {seconds % 60} s"


def age(milliseconds: int) -> str:
    """How long ago: like `latency` up to an hour, then 12 h 1 min, and from two days on 3 days 4 h."""
    minutes = milliseconds // 60_000
    if minutes < 60:
        return latency(milliseconds)
    hours = minutes // 60
    if hours < 48:
        return f"{hours} h {minutes % 60} min"
    return f"{hours // 24:,} days {hours % 24} h"


def rate(value: Decimal | None) -> str:
    """A rate of a price list, exact: 0.15, 1,250. NULL is "–"."""
    if value is None:
        return NOTHING
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def instant(value: datetime | None, zone: ZoneInfo) -> str:
    """An instant on the clock of `zone`: 2026-11-21 13:05:22. NULL is "–"."""
    return NOTHING if value is None else value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def clock(value: datetime | None, zone: ZoneInfo) -> str:
    """An instant on the clock of `zone`, where the page says the day: 13:05:22. NULL is "–"."""
    return NOTHING if value is None else value.astimezone(zone).strftime("%H:%M:%S")


def window(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """A stretch of the clock of `zone`, to the minute: 2026-11-21 00:00 – 10:00, and 24:00 for a midnight that
    ends the day."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    if first.date() == last.date():
        until = f"{last:%H:%M}"
    elif last.time() == time.min and last.date() - first.date() == timedelta(days=1):
        until = "24:00"
    else:
        until = f"{last:%Y-%m-%d %H:%M}"
    return f"{first:%Y-%m-%d %H:%M} – {until}"


def day(value: date | None) -> str:
    """A day: 2026-11-21. NULL is "–"."""
    return NOTHING if value is None else value.isoformat()


def day_label(value: date, today: date | None = None) -> str:
    """A day in short, for charts and columns: Nov 20, and "Nov 21 (so far)" for `today`, which is not over."""
    return f"{value:%b} {value.day}" + (f" ({SO_FAR})" if value == today else "")


def flag(value: bool | None) -> str:
    """yes, no, or "–" for not known."""
    return NOTHING if value is None else ("yes" if value else "no")


BY_KIND: Mapping[str, Callable[[Any], str]] = {
    "money": money,
    "optional_money": optional_money,
    "count": count,
    "share": share,
    "latency": latency,
    "rate": rate,
    "day": day,
    "flag": flag,
}
"""Column kind -> how its value is written, for the kinds that are figures of ours."""
