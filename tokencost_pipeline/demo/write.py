"""Puts invented traffic into raw/events, one file a day, and never over a file that somebody else wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

from tokencost_pipeline.alerts.rules import alerts_path, load_alert_settings
from tokencost_pipeline.atomic import write_bytes
from tokencost_pipeline.demo.spike import DAYS, sized_spike
from tokencost_pipeline.demo.traffic import REQUESTS_PER_DAY, Event, Spike, generate
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.settings import Settings

ORIGIN = "demo"


@dataclass(frozen=True)
class DemoReport:
    """What `demo` wrote. `note` tells a person what to do next."""

    files: tuple[Path, ...]
    events: int
    spike: Spike | None
    note: str


def demo(
    settings: Settings, *, spike: str | None, now: datetime, days: int = 28, seed: int = 7
) -> DemoReport:
    """Write `days` days of traffic up to `now` (with offset) to raw/events/demo_YYYY-MM-DD.jsonl.

    With `spike`, prompts of that feature are longer for the whole window that detection looks at next, so
    that the next run alerts whatever the hour. A second call replaces the files of the first; requests keep
    their ids, so nothing is counted twice. Raises UserError for an unknown feature and for a file of that
    name that is not ours.
    """
    zone = ZoneInfo(settings.timezone)
    chosen, clear = None, True
    if spike is not None:
        alerts = load_alert_settings(alerts_path(settings))
        chosen, clear = sized_spike(spike, now, alerts, zone, seed, REQUESTS_PER_DAY, ORIGIN)
    start = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    files, events = write_demo(settings.raw_dir, start=start, days=days, seed=seed, spike=chosen, until=now)
    return DemoReport(files, events, chosen, _note(chosen, clear and days > DAYS))


def write_demo(
    raw_dir: Path,
    *,
    start: datetime,
    days: int,
    seed: int,
    requests_per_day: int = REQUESTS_PER_DAY,
    spike: Spike | None = None,
    until: datetime | None = None,
) -> tuple[tuple[Path, ...], int]:
    """Write the days to `raw_dir`/events and return (files, events). Equal arguments give equal bytes.

    Raises UserError, before anything is written, when a file of that name was not written by the demo.
    """
    folder = raw_dir / "events"
    for path in folder.glob("demo_*.jsonl"):
        _refuse_strangers(path)
    events = generate(
        start,
        days,
        seed,
        requests_per_day=requests_per_day,
        spike_feature=spike.feature if spike else None,
        spike_factor=spike.factor if spike else 1.0,
        spike_from=spike.start if spike else None,
        until=until,
        origin=ORIGIN,
    )
    files: list[Path] = []
    written = 0
    for day, lines in by_day(events):
        path = folder / f"demo_{day}.jsonl"
        data = b"".join(lines)
        if not (path.is_file() and path.read_bytes() == data):
            write_bytes(path, data)
        files.append(path)
        written += len(lines)
    return tuple(files), written


def by_day(events: Iterable[Event]) -> Iterator[tuple[str, list[bytes]]]:
    """(YYYY-MM-DD in UTC, JSON lines) of events that come in the order of time."""
    for day, group in groupby(events, key=lambda event: str(event["timestamp"])[:10]):
        yield day, [line(event) for event in group]


def line(event: Event) -> bytes:
    """One event as a line of JSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _refuse_strangers(path: Path) -> None:
    with path.open("rb") as handle:
        first = handle.readline()
    try:
        ours = json.loads(first)["tags"]["origin"] == ORIGIN
    except (ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise UserError(
            "this file was not written by the demo, so it is not replaced",
            place=f"{path}:1",
            hint="move it away or give it another name",
        )


def _note(spike: Spike | None, clear: bool) -> str:
    if spike is None:
        return "Run `tokencost run` to see it; delete raw/events/demo_*.jsonl to be rid of it."
    since = f"{spike.start:%Y-%m-%d %H:%M} UTC"
    told = f"Prompts of {spike.feature} are {spike.factor:g} times as long since {since}."
    if not clear:
        return (
            f"{told} That is too cheap at this hour, or too short a history, to break a rule of alerts.yaml."
        )
    return f"{told} The next `tokencost run` raises an alert, and posts it if TOKENCOST_WEBHOOK_URL is set."
