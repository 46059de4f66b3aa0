"""New bytes in raw/ start a run."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import dagster as dg

from tokencost_pipeline.automation.jobs import everything
from tokencost_pipeline.ingest.manifest import fully_read, read_manifest
from tokencost_pipeline.settings import load_settings


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


@dg.sensor(
    name="new_bytes_in_raw",
    job=everything,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run when a file below raw/ appeared or grew, once it has stopped changing for a minute.",
)
def new_bytes_in_raw(
    context: dg.SensorEvaluationContext,
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    settings = load_settings()
    seen = fingerprint(settings.raw_dir)
    served, _, last_look = (context.cursor or "").partition("|")
    if context.cursor is None and fully_read(read_manifest(settings.landing_dir), settings.raw_dir):
        context.update_cursor(f"{seen}|{seen}")
        yield dg.SkipReason("raw/ had been read when the sensor was switched on")
    elif seen == served:
        yield dg.SkipReason("nothing new in raw/")
    elif seen != last_look:
        context.update_cursor(f"{served}|{seen}")
        yield dg.SkipReason("raw/ is changing; looking again in a minute")
    else:
        context.update_cursor(f"{seen}|{seen}")
        yield dg.RunRequest(run_key=f"raw-{seen}")
