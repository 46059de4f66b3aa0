"""What a page is, before any face renders it: figures, tables and charts as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tokencost_pipeline.reports.charts.theme import Theme

if TYPE_CHECKING:  # `tokencost stats` draws nothing and should not wait for a chart library
    import altair as alt

Row = Mapping[str, Any]
"""One result row by column name: Decimal for money, int for counts, aware datetimes, date, str, bool or
None."""

Kind = Literal[
    "name",
    "request",
    "text",
    "money",
    "optional_money",
    "count",
    "share",
    "latency",
    "rate",
    "instant",
    "clock",
    "day",
    "flag",
    "badge",
]
"""How a value is shown. `name` is a name out of the data (NULL is "(none)"); request is the id of a request, which
the HTML face links to where any request opens; text is any other, and may be longer; money is USD, and NULL is an
unknown cost; optional_money need not be there; share is a fraction of one; latency is milliseconds; rate is an exact
decimal, a price list's own figure; clock is the time of an instant whose day the page says; flag is three-valued;
badge is one of our own words."""

Face = Literal["markdown", "html"]

Draw = Callable[[Theme], "alt.Chart | alt.LayerChart | dict[str, Any]"]
"""Draws a chart in a theme: an altair chart, or its specification where many are alike."""


@dataclass(frozen=True)
class Column:
    """One column of a table: the row's field, its heading, how it is shown, and the field that holds a page
    to link."""

    key: str
    title: str
    kind: Kind
    link: str | None = None


@dataclass(frozen=True)
class Table:
    """A table on a page. `csv` names the CSV file that has the same rows with exact values; `empty` is said
    instead of a table without rows; `total` is one more row below; of more than `markdown_rows` rows the Markdown
    face shows the first ones."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    empty: str
    csv: str | None = None
    total: Row | None = None
    markdown_rows: int | None = None


@dataclass(frozen=True)
class Figure:
    """A chart: its file name, the words that stand in for it, how to draw it in a theme, and the only face that shows
    it, if any."""

    name: str
    alt: str
    draw: Draw
    face: Face | None = None


@dataclass(frozen=True)
class Page:
    """One page. `path` has no suffix ("features/index"); `parents` are the pages above it as (path, title);
    `values` are handed to the template of that name. `face` is the only face that shows the page, if any."""

    path: str
    title: str
    template: str
    values: Mapping[str, Any]
    figures: Mapping[str, Figure] = field(default_factory=dict)
    parents: Sequence[tuple[str, str]] = ()
    face: Face | None = None


@dataclass(frozen=True)
class CsvFile:
    """A CSV file of a query's exact result: file stem, column names in order, rows."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Row]
