"""Values of many lines at once, for the forms that leave no doubt.

Every function takes values of a block's lines and returns them read, with `good`: where the value has the
form that the function knows. What is not good may still be right; the line by line code says so. Eight
characters are one 64-bit word, its first character in the lowest byte.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from tokencost_pipeline.ingest.fast.lines import Flags, Value, Words
from tokencost_pipeline.ingest.fields import EARLIEST, FUTURE_TOLERANCE
from tokencost_pipeline.ingest.limits import MONEY_DECIMALS

Numbers = NDArray[np.int64]

WHOLE_WORDS, DECIMAL_WORDS, INSTANT_WORDS = 2, 3, 4
"""Words that the functions below want of a value; `null` and `flag` want one."""


def _u(value: int) -> np.uint64:
    return np.uint64(value)


def _text_word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text, "little"))


_ZEROS = _u(0x3030303030303030)
_HIGH = _u(0xF0F0F0F0F0F0F0F0)
_SIX = _u(0x0606060606060606)
_THREES = _u(0x3333333333333333)
_ONES = _u(0x0101010101010101)
_TOPS = _u(0x8080808080808080)
_POINTS = _u(0x2E2E2E2E2E2E2E2E)
_LOW_BYTE = _u(0xFF)
_FULL = ~_u(0)
_4, _8, _16, _32, _64 = (_u(bits) for bits in (4, 8, 16, 32, 64))
_TEN = _u(10)
_PAIRS = _u(0x000000FF000000FF)
_LOW_WEIGHTS = _u(0x000F424000000064)
_HIGH_WEIGHTS = _u(0x0000271000000001)


def _all_digits(words: Words) -> Flags:
    flags: Flags = ((words & _HIGH) | (((words + _SIX) & _HIGH) >> _4)) == _THREES
    return flags


def _eight_digits(words: Words) -> Words:
    """The number that eight digits are."""
    pairs = words - _ZEROS
    pairs = pairs * _TEN + (pairs >> _8)
    return ((pairs & _PAIRS) * _LOW_WEIGHTS + ((pairs >> _16) & _PAIRS) * _HIGH_WEIGHTS) >> _32


def _moved_right(words: Words, length: Numbers) -> Words:
    """The first `length` (0 to 8) characters, moved behind as many '0' as make it eight."""
    # two shifts: a shift by 64 is undefined
    half = ((8 - length) << 2).astype(np.uint64)
    return (words << half << half) | (_ZEROS & ~((_FULL << half) << half))


def _kept_left(words: Words, length: Numbers) -> Words:
    """The first `length` (0 to 8) characters, with '0' behind them."""
    half = ((8 - length) << 2).astype(np.uint64)
    mask = (_FULL >> half) >> half
    return (words & mask) | (_ZEROS & ~mask)


def whole(words: Words, length: Numbers) -> tuple[Numbers, Flags]:
    """JSON whole numbers from 0, of at most 16 digits."""
    good = (length > 0) & (length <= 16)
    first = words[:, 0]
    good &= ((first & _LOW_BYTE) != 0x30) | (length == 1)
    most = int(length.max(initial=0))
    if most <= 8:
        digits = _moved_right(first, length)
        good &= _all_digits(digits)
        return _eight_digits(digits).astype(np.int64), good
    length = np.clip(length, 1, 16)
    upper = _moved_right(first, np.minimum(length, 8))
    good &= _all_digits(upper)
    behind = np.maximum(length - 8, 0)
    lower = _moved_right(words[:, 1], behind)
    good &= _all_digits(lower)
    values = _eight_digits(upper).astype(np.int64) * _POWERS[behind] + _eight_digits(lower).astype(np.int64)
    return values, good


def null(words: Words, length: Numbers) -> Flags:
    """Where the value is `null`."""
    flags: Flags = (length == 4) & ((words[:, 0] << _32) == _text_word(b"\0\0\0\0null"))
    return flags


def flag(words: Words, length: Numbers) -> tuple[Flags, Flags]:
    """`true` and `false`."""
    first = words[:, 0]
    yes: Flags = (length == 4) & ((first << _32) == _text_word(b"\0\0\0\0true"))
    no: Flags = (length == 5) & ((first << _u(24)) == _text_word(b"\0\0\0false"))
    return yes, yes | no


_POWERS = np.array([10**power for power in range(19)], np.int64)
_LARGEST = 2**63 - 1
_MOST_CHARACTERS = 8 * DECIMAL_WORDS
_MOST_DIGITS = 18


def decimal(words: Words, length: Numbers) -> tuple[Numbers, Flags]:
    """Numbers from 0 as JSON writes them, in units of 10^-15; exact or not good. They are below 9,223."""
    values, good = _plain_decimal(words, length)
    if not good.all():
        others = np.flatnonzero(~good & ~null(words, length))
        values[others], good[others] = _any_decimal(words[others], length[others])
    return values, good


def _plain_decimal(words: Words, length: Numbers) -> tuple[Numbers, Flags]:
    """Up to 4 digits, a point, up to 15 digits: nearly every amount."""
    first, second, third = (words[:, place] for place in range(DECIMAL_WORDS))
    points = first ^ _POINTS
    points = (points - _ONES) & ~points & _TOPS
    before = (np.bitwise_count((points & (~points + _u(1))) - _u(1)) >> 3).astype(np.int64)
    decimals = length - before - 1
    good = (before >= 1) & (before <= 4) & (decimals >= 1) & (decimals <= 15)
    good &= ((first & _LOW_BYTE) != 0x30) | (before == 1)
    before, decimals = np.clip(before, 1, 4), np.clip(decimals, 1, 15)
    whole_part = _moved_right(first, before)
    cut = ((before + 1) << 3).astype(np.uint64)
    rest = _64 - cut
    upper = _kept_left((first >> cut) | (second << rest), np.minimum(decimals, 8))
    lower = _kept_left((second >> cut) | (third << rest), np.maximum(decimals - 8, 0))
    good &= _all_digits(whole_part) & _all_digits(upper) & _all_digits(lower)
    values = _eight_digits(whole_part) * _u(10**15) + _eight_digits(upper) * _u(10**7)
    values += _eight_digits(lower) // _TEN
    good &= values <= _u(_LARGEST)
    return values.astype(np.int64), good


# what was read last of a decimal
_START, _ZERO, _WHOLE, _POINT, _FRACTION, _E, _SIGN, _EXPONENT, _BAD = range(9)
_CLASSES = 5  # 0, 1-9, point, e, sign; others are bad


def _transitions() -> NDArray[np.int8]:
    """Next state by state and class of character: JSON's grammar of numbers, without a minus in front."""
    table = np.full((9, 6), _BAD, np.int8)
    zero, digit, point, e, sign = range(_CLASSES)
    table[_START, zero], table[_START, digit] = _ZERO, _WHOLE
    table[_WHOLE, [zero, digit]] = _WHOLE
    table[[_ZERO, _WHOLE], point] = _POINT
    table[[_POINT, _FRACTION], zero] = table[[_POINT, _FRACTION], digit] = _FRACTION
    for state in (_ZERO, _WHOLE, _FRACTION):
        table[state, e] = _E
    table[_E, sign] = _SIGN
    for state in (_E, _SIGN, _EXPONENT):
        table[state, [zero, digit]] = _EXPONENT
    return table.ravel()


def _classes() -> NDArray[np.int8]:
    table = np.full(256, _CLASSES, np.int8)
    table[0x30] = 0
    table[0x31:0x3A] = 1
    table[ord(".")] = 2
    table[[ord("e"), ord("E")]] = 3
    table[[ord("+"), ord("-")]] = 4
    return table


_NEXT = _transitions()
_CLASS = _classes()
_ENDS_WELL = np.isin(np.arange(9), [_ZERO, _WHOLE, _FRACTION, _EXPONENT])


def _any_decimal(words: Words, length: Numbers) -> tuple[Numbers, Flags]:
    """`decimal` for every form, character by character."""
    good = (length > 0) & (length <= _MOST_CHARACTERS)
    size = len(length)
    characters = np.ascontiguousarray(words).view(np.uint8).reshape(size, _MOST_CHARACTERS)
    state = np.full(size, _START, np.int8)
    mantissa, decimals, digits, exponent = (np.zeros(size, np.int64) for _ in range(4))
    negative = np.zeros(size, np.bool_)
    for place in range(int(length[good].max(initial=0))):
        more = length > place
        character = characters[:, place]
        state = np.where(more, _NEXT[state.astype(np.intp) * 6 + _CLASS[character]], state)
        digit = character & 0xF
        in_mantissa = more & (state <= _FRACTION) & (state != _POINT)
        mantissa = np.where(in_mantissa & (digits < _MOST_DIGITS), mantissa * 10 + digit, mantissa)
        digits += in_mantissa
        decimals += in_mantissa & (state == _FRACTION)
        in_exponent = more & (state == _EXPONENT)
        exponent = np.where(in_exponent & (exponent < 100), exponent * 10 + digit, exponent)
        negative |= more & (state == _SIGN) & (character == ord("-"))
    good &= _ENDS_WELL[state] & (digits <= _MOST_DIGITS)
    power = MONEY_DECIMALS - decimals + np.where(negative, -exponent, exponent)
    good &= (power >= 0) & (power < len(_POWERS))
    factor = _POWERS[np.clip(power, 0, len(_POWERS) - 1)]
    good &= mantissa <= _LARGEST // factor
    return np.where(good, mantissa, 0) * factor, good


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTHS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_AT_T = _LOW_BYTE << _16
_DAY_OF_MONTH = _u(0xFFFF)
_MOST_DECIMALS = 9
_LEAST, _MOST = len("2026-11-20T10:00:00Z"), 8 * INSTANT_WORDS


def instant(value: Value, now: datetime) -> tuple[Numbers, Flags]:
    """RFC 3339 with offset, plausible for a clock that says `now`: microseconds since 1970, UTC, further
    decimals of the second cut."""
    length = value.lengths
    good = (length >= _LEAST) & (length <= _MOST)
    length = np.clip(length, _LEAST, _MOST)
    day, clock, tail, behind = (value.words[:, place] for place in range(INSTANT_WORDS))
    seconds = _clock(clock, tail, good)
    seconds += _days(day, clock & _DAY_OF_MONTH, good) * 86_400

    last = _character(value.words, length - 1)
    is_utc = (last == ord("Z")) | (last == ord("z"))
    if not is_utc.all():
        minutes_off, is_offset = _offset(value.words, length)
        good &= is_utc | is_offset
        seconds += np.where(is_utc, 0, minutes_off * 60)

    decimals = length - np.where(is_utc, 1, 6) - 20  # -1 when there is no point
    has_point = decimals >= 1
    point, ninth = (tail >> _u(24)) & _LOW_BYTE, (behind >> _32) & _LOW_BYTE
    good &= (decimals == -1) | (has_point & (decimals <= _MOST_DECIMALS) & (point == ord(".")))
    moment = seconds * 1_000_000
    if has_point.any():
        fraction = _kept_left((tail >> _32) | (behind << _32), np.clip(decimals, 0, 8))
        good &= _all_digits(fraction) & ((decimals < 9) | ((ninth >= 0x30) & (ninth <= 0x39)))
        moment += (_eight_digits(fraction) // _u(100)).astype(np.int64)
    good &= (moment >= _micros(EARLIEST)) & (moment <= _micros(now + FUTURE_TOLERANCE))
    return np.where(good, moment, 0), good


def _clock(clock: Words, tail: Words, good: Flags) -> Numbers:
    """Seconds since midnight from `DDTHH:MM` and `:SS`; clears `good` where it is none."""
    between = clock & _AT_T
    good &= (between == ord("T") << 16) | (between == ord(" ") << 16) | (between == ord("t") << 16)
    clock = _without_separators((clock & ~_AT_T) | _u(ord("T") << 16), b"00T00:00", good)
    tail = _without_separators(_kept_left(tail, np.array([3])), b":0000000", good)
    hour, minute, second = _two(clock, 3), _two(clock, 6), _two(tail, 1)
    good &= (hour <= 23) & (minute <= 59) & (second <= 59)
    return (hour * 60 + minute) * 60 + second


def _days(month: Words, day: Words, good: Flags) -> Numbers:
    """Days since 1970 from `YYYY-MM-` and `DD` (the rest of its word is 0); clears `good` where it is none."""
    if len(month) > 1 and (month == month[0]).all() and (day == day[0]).all():
        one = good[:1].copy()
        days = _days(month[:1], day[:1], one)
        good &= one
        return days
    month = _without_separators(month, b"0000-00-", good)
    good &= _all_digits(day | (_ZEROS & ~_DAY_OF_MONTH))
    year, month_of_year, day_of_month = _two(month, 0) * 100 + _two(month, 2), _two(month, 5), _two(day, 0)
    good &= (year >= 2000) & (year < 2262) & (month_of_year >= 1) & (month_of_year <= 12)
    year, month_of_year = np.where(good, year, 2000), np.where(good, month_of_year, 1)
    leap = (month_of_year == 2) & (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    good &= (day_of_month >= 1) & (day_of_month <= _LENGTHS[month_of_year - 1] + leap)
    months = ((year - 1970) * 12 + month_of_year - 1).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64) + day_of_month - 1


def _character(words: Words, place: Numbers) -> NDArray[np.uint64]:
    """The character at `place` of each value."""
    if (place == place[0]).all():
        word, shift = divmod(int(place[0]), 8)
        return (words[:, word] >> _u(8 * shift)) & _LOW_BYTE
    found = words[np.arange(len(place)), place >> 3]
    return (found >> ((place & 7) << 3).astype(np.uint64)) & _LOW_BYTE


def _offset(words: Words, length: Numbers) -> tuple[Numbers, Flags]:
    """(minutes from what the clock shows to UTC, where the last six characters are an offset)."""
    sign, *clock = (_character(words, length - 6 + place) for place in range(6))
    minus = sign == ord("-")
    good = (minus | (sign == ord("+"))) & (clock[2] == ord(":"))
    for digit in (*clock[:2], *clock[3:]):
        good &= (digit >= 0x30) & (digit <= 0x39)
    tens, ones, _, tens_of_minutes, ones_of_minutes = ((each & _u(0xF)).astype(np.int64) for each in clock)
    hours, minutes = tens * 10 + ones, tens_of_minutes * 10 + ones_of_minutes
    good &= (hours <= 23) & (minutes <= 59)
    return (hours * 60 + minutes) * np.where(minus, 1, -1), good


def _two(words: Words, place: int) -> Numbers:
    """The two digits from character `place` on."""
    tens = (words >> _u(8 * place)) & _u(0xF)
    ones = (words >> _u(8 * place + 8)) & _u(0xF)
    return (tens * _TEN + ones).astype(np.int64)


def _without_separators(words: Words, shape: bytes, good: Flags) -> Words:
    """`words` with '0' where `shape` has a separator. Clears `good` where a separator is another character
    or one of the other characters is no digit."""
    separators = _text_word(bytes(0xFF if character != 0x30 else 0 for character in shape))
    good &= ((words ^ _text_word(shape)) & separators) == 0
    words = (words & ~separators) | (_ZEROS & separators)
    good &= _all_digits(words)
    return words


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
