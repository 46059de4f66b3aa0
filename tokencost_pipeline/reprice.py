"""Re-pricing on request: apply the book to hours that have been published, and keep what was published before.

An ordinary run applies a changed book to every hour it concerns. This does it for a range alone, or with the book as it
was known at an instant, and says what changed. Imports no Dagster.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pipeline import build_warehouse
from tokencost_pipeline.pricing.land import land_reference
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.exports import export_marts
from tokencost_pipeline.warehouse.reference import Reprice
from tokencost_pipeline.warehouse.store import open_store, store_exists, store_place

END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)

RESTATED = """
select restated_at, day, tenant_id, provider, model, attempts, before_usd, after_usd, difference_usd, unpriced_before,
    unpriced_after, why
from marts.restatements
order by day, provider, model, tenant_id nulls first, why, restated_at
"""


@dataclass(frozen=True)
class RepriceReport:
    """What a re-pricing did. Instants UTC, money in USD; `restatements` are rows of `marts.restatements`."""

    since: datetime
    until: datetime | None
    book_as_of: datetime | None
    hours: int  # recomputed
    attempts: int  # whose published cost changed
    difference_usd: Decimal
    restatements: list[dict[str, Any]]


def reprice(
    settings: Settings, since: datetime, until: datetime | None = None, book_as_of: datetime | None = None
) -> RepriceReport:
    """Apply the book (as recorded by `book_as_of`) to the hours from `since` up to `until`, and export the marts.

    Only hours in which a price, discount or rate differs from the one they were published with are recomputed. The
    caller holds the pipeline's lock. Raises UserError when nothing has been priced yet, the range is empty or the book
    is not valid, CheckFailed when a model or test fails.
    """
    if not store_exists(settings):
        raise UserError(
            "nothing has been priced yet, so there is nothing to price again",
            place=store_place(settings),
            hint="tokencost run prices what lies in raw/",
        )
    start, end = floor_hour(since), END_OF_TIME if until is None else ceil_hour(until)
    if start >= end:
        raise UserError(
            f"--since {since:%Y-%m-%d %H:%M} is not before --until", hint="write the earlier one first"
        )
    land_reference(settings)
    known = restatements(settings)
    build_warehouse(settings, reprice=Reprice(start, end, book_as_of)).raise_for_failure()
    export_marts(settings)
    now = restatements(settings)
    return RepriceReport(
        since=start,
        until=None if until is None else end,
        book_as_of=book_as_of,
        hours=count_hours(settings),
        attempts=sum(row["attempts"] for row in now) - sum(row["attempts"] for row in known),
        difference_usd=total_difference(now) - total_difference(known),
        restatements=[row for row in now if row not in known],
    )


def restatements(settings: Settings) -> list[dict[str, Any]]:
    """What is on record, from the warehouse itself; nothing while it has no such table."""
    with open_store(settings) as store:
        return store.dicts(RESTATED) if "marts.restatements" in store.tables(["marts"]) else []


def total_difference(rows: list[dict[str, Any]]) -> Decimal:
    """By how much the published totals were changed, in USD."""
    return sum((row["difference_usd"] for row in rows), Decimal(0))


def count_hours(settings: Settings) -> int:
    """Hours that the last build recomputed."""
    with open_store(settings) as store:
        return int(store.rows("select count(*) from intermediate.int_hours__touched")[0][0])


def floor_hour(instant: datetime) -> datetime:
    """The whole UTC hour at or before the instant."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def ceil_hour(instant: datetime) -> datetime:
    """The whole UTC hour at or after the instant."""
    floor = floor_hour(instant)
    return floor if floor == instant else floor + timedelta(hours=1)


def parse_instant(text: str, option: str, timezone: str) -> datetime:
    """An instant from RFC 3339 with offset, or a date: its midnight in `timezone`. Raises UserError."""
    try:
        if len(text) == len("2026-11-01"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone)).astimezone(UTC)
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise UserError(
            f"{option} {text!r} is neither a date nor an instant with its offset",
            hint="write 2026-11-01, or 2026-11-01T16:00:00Z",
        )
    return instant.astimezone(UTC)
