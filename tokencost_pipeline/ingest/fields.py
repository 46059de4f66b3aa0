"""From a JSON value to a typed field, or a refusal. Nothing is rounded, clamped or guessed unless the
rule says so.

Values are as the gate gives them: whole numbers are int, all others Decimal. Every function takes the
value and the name to put into the refusal. `None` is "absent". A refusal never repeats free text: it may
be somebody's prompt.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, TypeVar

from tokencost_pipeline.ingest.limits import MAX_COUNT, MAX_TEXT_BYTES, MONEY_DECIMALS, MONEY_INTEGER_DIGITS

T = TypeVar("T")

EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""No LLM gateway logged before it: an earlier instant is a broken clock or a zero."""

FUTURE_TOLERANCE = timedelta(days=1)
"""Clocks of other machines run ahead; beyond a day the instant is wrong."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONEY = Context(prec=60)
_MONEY_STEP = Decimal(1).scaleb(-MONEY_DECIMALS)
_ONE = Decimal(1)
_DECIMAL_TEXT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_DATE_AND_TIME = r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
_RFC3339 = re.compile(_DATE_AND_TIME + r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))")
_NAIVE = re.compile(_DATE_AND_TIME + r"(?:[Zz]|\+00(?::?00)?)?")


class Refused(Exception):
    """The record goes to quarantine; the message is the reason."""


class Ignored(Exception):
    """The record is no event by a written rule of its format; it is counted and nothing else."""


def kind(value: object) -> str:
    """What a value is, in JSON's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "text"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    shown = str(value)
    return shown if len(shown) <= 24 else f"a number of {len(shown)} characters"


def count(value: object, name: str) -> int | None:
    """A JSON whole number from 0 to 10^12. `3.0`, `true` and `"3"` are refused."""
    if value is None:
        return None
    if type(value) is not int or value < 0:
        raise Refused(f"{name}: expected a whole number >= 0, got {kind(value)}")
    if value > MAX_COUNT:
        raise Refused(f"{name}: expected a whole number up to 10^12, got {kind(value)}")
    return value


def text(value: object, name: str) -> str | None:
    """Text of at most 32 KiB. Empty text is absent: no source means anything by it."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refused(f"{name}: expected text, got {kind(value)}")
    if "\x00" in value:
        raise Refused(f"{name}: contains a NUL character")
    if len(value) > MAX_TEXT_BYTES or len(value.encode()) > MAX_TEXT_BYTES:
        raise Refused(f"{name}: longer than {MAX_TEXT_BYTES // 1024} KiB")
    return value or None


def boolean(value: object, name: str) -> bool | None:
    """true, false or absent: three values."""
    if value is None or isinstance(value, bool):
        return value
    raise Refused(f"{name}: expected true or false, got {kind(value)}")


def mapping(value: object, name: str) -> dict[str, Any]:
    """An object; absent is the empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(f"{name}: expected an object, got {kind(value)}")
    return value


def required(value: T | None, name: str) -> T:
    """The value, or a refusal that names the field."""
    if value is None:
        raise Refused(f"{name}: missing or empty")
    return value


def _number(value: object, name: str, *, accept_text: bool) -> Decimal | None:
    if value is None:
        return None
    if type(value) is int:
        return Decimal(value)
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if accept_text and isinstance(value, str) and _DECIMAL_TEXT.fullmatch(value):
        return Decimal(value)
    wanted = "a number or decimal text" if accept_text else "a number"
    raise Refused(f"{name}: expected {wanted}, got {kind(value)}")


def _within_decimal(value: Decimal, name: str) -> Decimal:
    if value and value.adjusted() >= MONEY_INTEGER_DIGITS:
        raise Refused(f"{name}: more than {MONEY_INTEGER_DIGITS} digits before the point")
    if value < 0:
        raise Refused(f"{name}: expected a number >= 0, got {kind(value)}")
    return abs(value).quantize(_MONEY_STEP, rounding=ROUND_HALF_EVEN, context=_MONEY)


def exact_decimal(value: object, name: str) -> Decimal | None:
    """A number or decimal text >= 0 that DECIMAL(38,15) keeps exactly; a 16th decimal is refused, never
    rounded."""
    number = _number(value, name, accept_text=True)
    if number is None:
        return None
    stored = _within_decimal(number, name)
    if stored != number:
        raise Refused(f"{name}: more than {MONEY_DECIMALS} decimals")
    return stored


def float_money(value: object, name: str) -> Decimal | None:
    """USD that a gateway computed in binary floating point, rounded half-even to 15 decimals.

    LiteLLM prints the nearest double of a sum of products (0.016920750000000002): the digits past the
    15th decimal are noise of that arithmetic and no statement of the gateway. Rounding them is the rule
    here, so that 2.3e-06 in one export and 0.0000023 in another are one amount. It is used for amounts
    kept beside ours, never for our cost.
    """
    number = _number(value, name, accept_text=True)
    return None if number is None else _within_decimal(number, name)


def instant(value: object, name: str, now: datetime) -> datetime:
    """An RFC 3339 instant with offset, as UTC. Decimals of the second past the 6th are cut: a clock's
    nanoseconds are finer than the warehouse's instants, and the day, hour and price they fall into stay
    the same."""
    if not isinstance(value, str):
        raise Refused(f"{name}: expected RFC 3339 text such as 2026-11-21T10:00:00Z, got {kind(value)}")
    match = _RFC3339.fullmatch(value)
    if match is None:
        if re.fullmatch(_DATE_AND_TIME, value):
            raise Refused(f"{name}: has no offset; write it as 2026-11-21T10:00:00Z or with +01:00")
        raise Refused(f"{name}: not an RFC 3339 instant such as 2026-11-21T10:00:00Z")
    return plausible(_utc(match, name), name, now)


def naive_utc(value: object, name: str, now: datetime) -> datetime:
    """Date and time that the format defines as UTC without saying so ('T' or a space between them)."""
    if not isinstance(value, str):
        raise Refused(f"{name}: expected a UTC date and time, got {kind(value)}")
    match = _NAIVE.fullmatch(value)
    if match is None:
        raise Refused(f"{name}: not a UTC date and time such as 2026-11-21 10:00:00.123")
    return plausible(_utc(match, name), name, now)


def epoch_seconds(value: object, name: str, now: datetime) -> datetime:
    """Seconds since 1970 (UTC) as printed from a double, to the nearest microsecond."""
    number = required(_number(value, name, accept_text=False), name)
    if not 0 <= number < 10**11:
        raise Refused(f"{name}: not a plausible count of seconds since 1970")
    micros = int((number * 1_000_000).quantize(_ONE, rounding=ROUND_HALF_EVEN, context=_MONEY))
    return plausible(_EPOCH + timedelta(microseconds=micros), name, now)


def plausible(moment: datetime, name: str, now: datetime) -> datetime:
    """The instant, unless no clock that works can have said it."""
    if moment < EARLIEST:
        raise Refused(f"{name}: before {EARLIEST:%Y}")
    if moment > now + FUTURE_TOLERANCE:
        raise Refused(f"{name}: more than a day in the future")
    return moment


def milliseconds_between(start: datetime, end: datetime | None) -> int | None:
    """Whole milliseconds, half-even; None when the clock went backwards in between, for then nobody knows."""
    if end is None or end < start:
        return None
    micros = (end - start) // timedelta(microseconds=1)
    return int(Decimal(micros).scaleb(-3).quantize(_ONE, rounding=ROUND_HALF_EVEN, context=_MONEY))


def _utc(match: re.Match[str], name: str) -> datetime:
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    micros = int((match[7] or "")[:6].ljust(6, "0"))
    try:
        moment = datetime(year, month, day, hour, minute, second, micros, tzinfo=UTC)
        if match.re is _RFC3339 and match[8]:
            hours, minutes = int(match[9]), int(match[10])
            if hours > 23 or minutes > 59:
                raise ValueError("offset out of range")
            offset = timedelta(hours=hours, minutes=minutes)
            moment = moment - offset if match[8] == "+" else moment + offset
    except (ValueError, OverflowError) as error:
        raise Refused(f"{name}: no such date, time or offset") from error
    return moment
