"""When the report was last published, and which runs failed to renew it since: what `doctor` and the next page say.

One small file in the data folder. It knows of every way to run, for the job writes it whoever started it; only of a
killed process it cannot know, which leaves its name beside the pipeline's lock instead.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from filelock import FileLock, Timeout

from tokencost_pipeline import atomic
from tokencost_pipeline.errors import Busy
from tokencost_pipeline.settings import Settings

LONGEST_REASON = 300


@dataclass(frozen=True)
class Failure:
    """Runs that should have renewed the report and failed: instants of the first and the last one (UTC), how many,
    and of the last one which step and why. The reason may name files of this machine: it is for `doctor`, never for
    a page."""

    since: datetime
    last: datetime
    runs: int
    step: str
    reason: str


def read_failure(settings: Settings) -> Failure | None:
    """The failed runs since the report was last published; None where the last run was good."""
    failed = read_state(settings).get("failed")
    if failed:
        since, last = (datetime.fromisoformat(failed[name]) for name in ("since", "last"))
        return Failure(since, last, int(failed["runs"]), str(failed["step"]), str(failed["reason"]))
    return killed(settings)


def note_failure(settings: Settings, step: str, error: BaseException, *, started: datetime) -> None:
    """Remember that the run that began at `started` failed in `step`. One that published before it failed, one that
    is noted already, or one that only found another run at work, is not counted."""
    state = read_state(settings)
    published, noted = instant(state.get("published")), state.get("failed")
    if isinstance(error, Busy) or (published and published >= started):
        return
    if noted and datetime.fromisoformat(noted["last"]) >= started:
        return
    now = datetime.now(UTC)
    lines = str(error).strip().splitlines() or [type(error).__name__]
    failure = Failure(now, now, 1, step, lines[0][:LONGEST_REASON])
    if noted:
        first = datetime.fromisoformat(noted["since"])
        failure = replace(failure, since=first, runs=int(noted["runs"]) + 1)
    atomic.write_bytes(path(settings), orjson.dumps({**state, "failed": asdict(failure)}))


def note_published(settings: Settings, *, renewed: bool) -> None:
    """Remember that a report was published now; `renewed` by a whole run, which makes good what failed before."""
    state = read_state(settings)
    failed = None if renewed else state.get("failed")
    atomic.write_bytes(path(settings), orjson.dumps({"published": datetime.now(UTC), "failed": failed}))


def killed(settings: Settings) -> Failure | None:
    """A process that died with the pipeline's lock: its name is still there and nobody holds the lock."""
    holder = settings.locks_dir / "pipeline.holder"
    try:
        with FileLock(settings.locks_dir / "pipeline.lock", timeout=0):
            who = holder.read_text("utf-8").strip()
            at = datetime.fromtimestamp(holder.stat().st_mtime, UTC)
    except (OSError, Timeout):
        return None
    published = instant(read_state(settings).get("published"))
    if published and published >= at:
        return None
    return Failure(at, at, 1, who, "its process was killed")


def read_state(settings: Settings) -> dict[str, Any]:
    try:
        return dict(orjson.loads(path(settings).read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def path(settings: Settings) -> Path:
    return settings.data_dir / "publication.json"


def note_killed(settings: Settings) -> None:
    """Make a killed process a failed run like any other, before its name beside the lock is overwritten."""
    failure = killed(settings)
    if failure and not read_state(settings).get("failed"):
        atomic.write_bytes(path(settings), orjson.dumps({**read_state(settings), "failed": asdict(failure)}))


def in_words(failure: Failure, zone: ZoneInfo, *, over: bool) -> str:
    """What a page says of it: `over` in the first report that a whole run published since."""
    since = f"{failure.since.astimezone(zone):%Y-%m-%d %H:%M}"
    runs = "a run" if failure.runs == 1 else f"{failure.runs} runs"
    if over:
        return f"This report is late: {runs} failed since {since}, in {failure.step}. It is whole again."
    return f"Stale since {since}: {runs} failed, in {failure.step}. `tokencost doctor` says why."
