"""How verbs speak: tables for people, JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

WIDTH_OF_A_FILE = 180  # columns when the output goes to a file or a pipe, where nobody wraps lines

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout; money as exact decimal strings, instants in UTC."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=plain))


def plain(value: Any) -> str | int:
    """JSON for what json does not know."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; columns whose name ends in a unit or a count are set to the right by the caller's text."""
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False
    )
    for number, column in enumerate(columns, start=1):
        table.add_column(column, overflow="fold", no_wrap=number < len(columns))
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    out.print(table)


def print_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Names and values, two columns."""
    table = Table(
        title=title, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False
    )
    table.add_column(style="dim")
    table.add_column(justify="left", overflow="fold")
    for name, value in facts.items():
        table.add_row(name, str(value))
    out.print(table)


def usd(value: Decimal | None) -> str:
    """USD for people: cents from $100 upwards, four decimals from a dollar, six below."""
    if value is None:
        return "unknown"
    decimals = 2 if abs(value) >= 100 else 4 if abs(value) >= 1 else 6
    return f"${value:,.{decimals}f}"
