"""New bytes in raw/ start a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Self

import dagster as dg

from tokencost_pipeline.automation.jobs import everything
from tokencost_pipeline.ingest.manifest import fully_read, read_manifest
from tokencost_pipeline.settings import load_settings

PATIENCE = timedelta(minutes=10)  # a log that a gateway appends to is never quiet


def fingerprint(raw_dir: Path) -> str:
    """A digest over name, size and time of every file below `raw_dir`; no file is opened."""
    digest = sha256()
    if raw_dir.is_dir():
        for path in sorted(raw_dir.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                stat = path.stat()
                line = f"{path.relative_to(raw_dir)}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
                digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class Look:
    """What the sensor remembers between two looks."""

    served: str = ""  # the fingerprint that a run was asked for
    seen: str = ""  # the fingerprint of the last look
    changing_since: datetime | None = None

    @classmethod
    def of(cls, cursor: str | None) -> Self:
        served, seen, since = ((cursor or "||") + "||").split("|")[:3]
        return cls(served, seen, datetime.fromisoformat(since) if since else None)

    @property
    def cursor(self) -> str:
        return f"{self.served}|{self.seen}|{self.changing_since.isoformat() if self.changing_since else ''}"


@dg.sensor(
    name="new_bytes_in_raw",
    job=everything,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run when a file below raw/ appeared or grew, once it was quiet for a minute or has kept "
    "growing for ten.",
)
def new_bytes_in_raw(
    context: dg.SensorEvaluationContext,
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    settings = load_settings()
    seen = fingerprint(settings.raw_dir)
    look = Look.of(context.cursor)
    now = datetime.now(UTC)
    if context.cursor is None and fully_read(read_manifest(settings.landing_dir), settings.raw_dir):
        context.update_cursor(Look(served=seen).cursor)
        yield dg.SkipReason("raw/ had been read when the sensor was switched on")
    elif seen == look.served:
        yield dg.SkipReason("nothing new in raw/")
    elif seen == look.seen or now - (look.changing_since or now) >= PATIENCE:
        context.update_cursor(Look(served=seen).cursor)
        yield dg.RunRequest(run_key=f"raw-{seen}")
    else:
        since = look.changing_since or now
        context.update_cursor(Look(served=look.served, seen=seen, changing_since=since).cursor)
        yield dg.SkipReason(f"raw/ has been changing since {since:%H:%M} UTC; looking again in a minute")
