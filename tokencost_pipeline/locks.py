"""One writer at a time, across processes: a side-car lock that says who holds it.

DuckDB's own lock is lost when the file is opened a second time in the same process, so the pipeline never relies on it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from tokencost_pipeline.errors import Busy
from tokencost_pipeline.settings import Settings


@contextmanager
def pipeline_lock(settings: Settings, holder: str) -> Iterator[None]:
    """Hold the pipeline's lock while writing to the landing zone, the warehouse, the exports or the reports.

    Waits `TOKENCOST_LOCK_TIMEOUT_SECONDS`, then raises Busy with the holder's name. The operating system frees the
    lock of a killed process.
    """
    settings.locks_dir.mkdir(parents=True, exist_ok=True)
    path = settings.locks_dir / "pipeline.lock"
    note = settings.locks_dir / "pipeline.holder"
    lock = FileLock(path)
    try:
        lock.acquire(timeout=settings.lock_timeout_seconds)
    except Timeout as error:
        who = note.read_text("utf-8").strip() if note.exists() else "another process"
        raise Busy(
            f"the pipeline is busy: {who} holds the lock",
            place=str(path),
            hint="wait for it to end, or raise TOKENCOST_LOCK_TIMEOUT_SECONDS",
        ) from error
    try:
        note.write_text(f"{holder} (PID {os.getpid()})\n", "utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()
