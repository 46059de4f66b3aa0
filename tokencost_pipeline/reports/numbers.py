"""Numbers as people read them. Exact values are in the CSV files; here they are rounded for the eye, never
before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

UNKNOWN = "unknown"
NOTHING = "–"
_ALONE = ((Decimal(1), 2), (Decimal("0.01"), 4))
_TOGETHER = ((Decimal(100), 2), (Decimal("0.1"), 4))  # a table has small amounts below its largest


def money_digits(values: Iterable[Decimal | None]) -> int:
    """Decimals that suit a table of USD amounts, by its largest: 2 from $100 on, 4 from 10 cents on, else
    6."""
    return _digits(max((abs(value) for value in values if value is not None), default=Decimal(0)), _TOGETHER)


def _digits(amount: Decimal, bounds: tuple[tuple[Decimal, int], ...]) -> int:
    return next((digits for bound, digits in bounds if amount >= bound), 6)


def money(value: Decimal | None, digits: int | None = None) -> str:
    """USD for the eye: $1,234.57, $0.0123, with `digits` decimals or as many as it needs. An amount that
    would round to nothing is "<$0.01", not zero; NULL is "unknown"."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "$0"
    places = _digits(abs(value), _ALONE) if digits is None else digits
    step = Decimal(1).scaleb(-places)
    rounded = abs(value).quantize(step, ROUND_HALF_EVEN)
    sign = "-" if value < 0 else ""
    return f"{sign}${rounded:,f}" if rounded else f"{sign}<${step:f}"


def optional_money(value: Decimal | None, digits: int | None = None) -> str:
    """`money` of an amount that need not be there: NULL is "–" instead of "unknown"."""
    return NOTHING if value is None else money(value, digits)


def count(value: int | Decimal | None) -> str:
    """A whole number with separators: 1,234,567. NULL is "–"."""
    return NOTHING if value is None else f"{int(value):,}"


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


def instant(value: datetime | None, zone: ZoneInfo) -> str:
    """An instant on the clock of `zone`: 2026-11-21 13:05:22. NULL is "–"."""
    return NOTHING if value is None else value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def day(value: date | None) -> str:
    """A day: 2026-11-21. NULL is "–"."""
    return NOTHING if value is None else value.isoformat()


def flag(value: bool | None) -> str:
    """yes, no, or "–" for not known."""
    return NOTHING if value is None else ("yes" if value else "no")
