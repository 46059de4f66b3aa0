"""Reading a strict YAML tree field by field, collecting what is wrong instead of stopping at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from re import Pattern
from typing import Any, TypeVar

from tokencost_pipeline.pricing import terms
from tokencost_pipeline.pricing.problems import Problems
from tokencost_pipeline.pricing.strict_yaml import At, Mapped

Found = TypeVar("Found")


@dataclass(frozen=True)
class Node:
    """One value of a file. Every reader method returns None after noting a problem."""

    file: Mapped
    problems: Problems
    value: Any
    at: At = ()

    @property
    def line(self) -> int:
        return self.file.line_of(self.at)

    @property
    def name(self) -> str:
        return str(self.at[-1]) if self.at else "the file"

    def wrong(self, message: str, hint: str) -> None:
        self.problems.add(self.line, message, hint)

    def fields(self, required: Iterable[str], optional: Iterable[str] = ()) -> Fields:
        """The mapping's known fields. Notes unknown and missing ones."""
        if not isinstance(self.value, dict):
            self.wrong(f"{self._called()} is not a mapping", "write {key: value, …}")
            return Fields()
        required = tuple(required)
        known = (*required, *optional)
        found = {key: self._child(key, value) for key, value in self.value.items()}
        for key, child in found.items():
            if key not in known:
                child.wrong(f"unknown key '{key}'", f"use one of: {', '.join(known)}")
        for key in required:
            if key not in found:
                self.wrong(f"{self._called()} has no '{key}'", f"add {key}: …")
        return Fields({key: child for key, child in found.items() if key in known})

    def items(self, *, at_least: int = 0) -> list[Node]:
        if not isinstance(self.value, list):
            self.wrong(f"{self._called()} is not a list", "write [one, two] or lines that start with '- '")
            return []
        if len(self.value) < at_least:
            self.wrong(f"{self._called()} is empty", "leave it out or write at least one item")
        return [self._child(index, value) for index, value in enumerate(self.value)]

    def text(self, pattern: Pattern[str] = terms.NAME, hint: str = "write plain text") -> str | None:
        if isinstance(self.value, str) and pattern.fullmatch(self.value) and self.value.isprintable():
            return self.value
        quoted = isinstance(self.value, (int, bool))
        said = f"put it in quotes: '{self.value}'" if quoted else hint
        self.wrong(f"{self._called()} is {self._shown()}", said)
        return None

    def word(self) -> str | None:
        return self.text(terms.PLAIN_WORD, "write it in lower case letters, digits, '.', '_' and '-'")

    def choice(self, allowed: tuple[str, ...]) -> str | None:
        if isinstance(self.value, str) and self.value in allowed:
            return self.value
        self.wrong(f"unknown {self.name} {self._shown()}", f"use one of: {', '.join(allowed)}")
        return None

    def flag(self) -> bool | None:
        if isinstance(self.value, bool):
            return self.value
        self.wrong(f"{self._called()} is {self._shown()}", "write true or false")
        return None

    def whole(self, low: int, high: int) -> int | None:
        if isinstance(self.value, int) and not isinstance(self.value, bool) and low <= self.value <= high:
            return self.value
        self.wrong(f"{self._called()} is {self._shown()}", f"write a whole number from {low} to {high}")
        return None

    def amount(self, pattern: Pattern[str] = terms.DECIMAL) -> Decimal | None:
        """A decimal string. A number without quotes is refused even where it is whole."""
        if isinstance(self.value, str) and pattern.fullmatch(self.value):
            return Decimal(self.value)
        self.wrong(*_why_no_amount(self._called(), self.value, 18 if pattern is terms.FEE else 9))
        return None

    def instant(self) -> datetime | None:
        """A UTC instant to the second."""
        if isinstance(self.value, str) and terms.INSTANT.fullmatch(self.value):
            try:
                return datetime.strptime(self.value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            except ValueError:
                pass
        hint = "write a UTC instant in quotes, such as '2026-08-16T16:00:00Z'"
        if isinstance(self.value, str) and terms.DATE.fullmatch(self.value):
            hint = f"write the instant, not only the date: '{self.value}T00:00:00Z'"
        elif isinstance(self.value, str) and "T" in self.value:
            hint = "convert it to UTC, to the second, and end it with Z: '2026-08-16T16:00:00Z'"
        self.wrong(f"{self._called()} is {self._shown()}", hint)
        return None

    def day(self) -> date | None:
        if isinstance(self.value, str) and terms.DATE.fullmatch(self.value):
            try:
                return date.fromisoformat(self.value)
            except ValueError:
                pass
        self.wrong(f"{self._called()} is {self._shown()}", "write a date in quotes, such as '2026-10-01'")
        return None

    def currency(self) -> str | None:
        if isinstance(self.value, str) and self.value in terms.CURRENCIES:
            return self.value
        self.wrong(f"unknown currency {self._shown()}", "write an ISO 4217 code such as USD, EUR or CNY")
        return None

    def _child(self, key: str | int, value: Any) -> Node:
        return Node(self.file, self.problems, value, (*self.at, key))

    def _called(self) -> str:
        return f"item {self.at[-1] + 1}" if self.at and isinstance(self.at[-1], int) else self.name

    def _shown(self) -> str:
        text = repr(self.value) if not isinstance(self.value, (dict, list)) else "a list or mapping"
        return text if len(text) <= 60 else f"{text[:57]}…"


class Fields(dict[str, Node]):
    """Known fields of a mapping by name."""

    def read(self, name: str, how: Callable[[Node], Found | None], default: Found) -> Found:
        """What `how` reads from the field; `default` where the field is absent or could not be read."""
        found = how(self[name]) if name in self else None
        return default if found is None else found


def _why_no_amount(called: str, value: Any, decimals: int) -> tuple[str, str]:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{called} is {value} without quotes", f"write it as a decimal string: '{value}'"
    if not isinstance(value, str):
        return f"{called} is not a decimal string", "write a quoted decimal string such as '3' or '0.075'"
    try:
        number = Decimal(value) if len(value) <= 40 and "_" not in value else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or not -30 <= number.adjusted() <= 30:
        return f"{called} is {value[:40]!r}", "write a quoted decimal string such as '3' or '0.075'"
    plain = format(number, "f")
    if number.is_signed():
        return f"{called} is negative: {value!r}", "prices are 0 or more; a discount has its own place"
    if "e" in value.lower():
        return f"{called} is in scientific notation: {value!r}", f"write the digits out: '{plain}'"
    if len(plain.partition(".")[2]) > decimals:
        return f"{called} has more than {decimals} decimals: {value!r}", (
            "rates are per 1,000,000 tokens: real prices need 6 decimals at most, look for a float's noise"
        )
    return (
        f"{called} is {value!r}",
        "write it as '3' or '0.075': below 1,000,000,000, no sign, no leading zeros",
    )
