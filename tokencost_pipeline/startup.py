"""What makes a short-lived process short: less tidying up, and nothing imported that a run may not need."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NOT_NEEDED = "dbt.version"


def tidy_up_rarely() -> None:
    """Look for circular garbage after 50,000 new objects rather than 700: importing Dagster makes a million that all
    stay, and looking through them again and again is a tenth of a run."""
    gc.set_threshold(50_000, 20, 100)


@contextmanager
def without_dbt() -> Iterator[None]:
    """While `dagster_dbt` is imported, dbt-core looks as if it were not installed. It then reads the same assets from
    the manifest alone, and dbt's second and a half of imports waits until there is something to build.

    Only for a process that executes a job and ends: it is the assets that are the same (a test holds), not the rest of
    `dagster_dbt`. Where dbt has been imported already nothing is gained and nothing done.
    """
    if NOT_NEEDED in sys.modules or "dagster_dbt" in sys.modules:
        yield
        return
    sys.modules[NOT_NEEDED] = None  # type: ignore[assignment]  # an import of it fails, as the import system documents
    try:
        yield
    finally:
        del sys.modules[NOT_NEEDED]
