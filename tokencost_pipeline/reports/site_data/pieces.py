"""The days of a rollup in files: which file has which days, and what made it what it is.

A file is made from the rows of its days. As long as these have the digests they had, it is what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Any

import duckdb

from tokencost_pipeline.reports.data_scripts import named, packed_script
from tokencost_pipeline.reports.site_data.columns import (
    daily_select,
    days_select,
    encode,
    fetch,
    monthly_select,
)
from tokencost_pipeline.reports.site_files import File
from tokencost_pipeline.reports.site_publish import SiteWriter

ROWS_PER_FILE = 8_000
"""About 200 KB; a month with more is cut again between days."""


@dataclass(frozen=True)
class Piece:
    """One data file: daily, monthly or hourly; first and last day that it has rows of (both inclusive), the digest of
    the rows it was made from, and the file."""

    kind: str
    first: str
    last: str
    made_from: str
    file: File


@dataclass(frozen=True)
class Day:
    """A day (YYYY-MM-DD) of a rollup: how many rows, and a digest of them."""

    day: str
    rows: int
    digest: str


def month_pieces(
    connection: duckdb.DuckDBPyConnection, source: str, known: Mapping[str, Piece], writer: SiteWriter
) -> Iterator[Piece]:
    """The days of an export file `source` (SQL), and its months in one row per key: who asks for a year need not load
    its days. `known` is made_from -> a piece that is in the site already."""
    days = [Day(*row) for row in connection.execute(days_select(source)).fetchall()]
    months = [("monthly", list(found)) for _, found in groupby(days, key=lambda it: it.day[:7])]
    daily = [("daily", days[cut]) for cut in cuts([day.rows for day in days], ROWS_PER_FILE)]
    for kind, mine in (*daily, *months):
        made_from = sha256("\n".join([kind, *(day.digest for day in mine)]).encode()).hexdigest()
        if made_from in known:
            yield known[made_from]
            continue
        first, last = mine[0].day, mine[-1].day
        rows = f"(select * from {source} where day >= date '{first}' and day <= date '{last}')"
        select = daily_select(rows) if kind == "daily" else monthly_select(rows)
        yield write_piece(kind, fetch(connection, select), (first, last), made_from, writer)


def write_piece(
    kind: str,
    columns: Mapping[str, list[Any]],
    days: tuple[str, str],
    made_from: str,
    writer: SiteWriter,
    name: str | None = None,
) -> Piece:
    """Add the file of these rows to the site. It is called after its kind and first slot, or `name`."""
    name = name or f"{kind}-{columns['slot'][0]}"
    content = packed_script(name, encode(columns))
    return Piece(kind, *days, made_from, writer.add_file(named(name, content), content))


def cuts(rows: Sequence[int], limit: int) -> Iterator[slice]:
    """Cut days, of which each has so many rows, so that a file has `limit` rows or one day."""
    start, held = 0, 0
    for day, mine in enumerate(rows):
        if held and held + mine > limit:
            yield slice(start, day)
            start, held = day, 0
        held += mine
    if held:
        yield slice(start, len(rows))


def by_rows(pieces: Iterable[Piece]) -> dict[str, Piece]:
    """made_from -> piece."""
    return {piece.made_from: piece for piece in pieces}
