"""The instant that reports and detection call "now"."""

from __future__ import annotations

from datetime import UTC, datetime

from tokencost_pipeline.settings import Settings


def utc_now(settings: Settings) -> datetime:
    """The clock of this run: `TOKENCOST_AS_OF` where it names an instant, else the machine's. UTC."""
    fixed = settings.fixed_as_of()
    return (fixed or datetime.now(UTC)).astimezone(UTC)


def gate_now(settings: Settings) -> datetime:
    """The clock by which instants of the future are refused. A report's `TOKENCOST_AS_OF` in the past must not cost
    an event, so it can only move this clock ahead."""
    return max(datetime.now(UTC), utc_now(settings))


def resolve_as_of(
    setting: str, now: datetime, newest_event: datetime | None, *, only_sample: bool
) -> datetime:
    """The instant called now, UTC.

    'latest' is the newest event. While nothing but the shipped sample has been read, 'now' is the newest event too:
    the sample ages, and a first report over an empty window would help nobody.
    """
    if newest_event is not None and (setting == "latest" or (setting == "now" and only_sample)):
        return newest_event.astimezone(UTC)
    return now.astimezone(UTC)
