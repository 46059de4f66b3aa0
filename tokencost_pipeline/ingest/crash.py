"""A test hook: die at a named point as if the power had gone.

With `TOKENCOST_CRASH_AT` set to one of POINTS or RETENTION_POINTS the process kills itself (SIGKILL, so that no
handler or `finally` can tidy up) when it gets there. Tests use it to prove that a killed run leaves nothing half
done. Unset, it does nothing.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "TOKENCOST_CRASH_AT"

POINTS = (
    "after_scan",  # the plan is made, nothing read
    "mid_read",  # the first record of the run is read
    "before_write",  # rows are mapped, the batch's folder does not exist
    "mid_write",  # the first table of the batch has rows, its file is not closed
    "mid_index",  # the first new file of the index of seen events is written
    "after_write",  # the batch's files are closed in a temporary folder
    "before_manifest",  # the batch's folder has its name
    "mid_manifest",  # the new manifest is written beside the old one
    "after_manifest",  # the new manifest is in force
)

RETENTION_POINTS = (
    "after_archive",  # the closed rows of the rollups are written, no manifest names them
    "after_purge",  # the manifest is in force and dbt has let the attempts go
    "before_removal",  # the marts are exported, the landed files are still there
)
"""Beside the manifest's own points: see `tokencost_pipeline.retention`."""

_chosen = os.environ.get(VARIABLE)


def crash_point(name: str) -> None:
    """Kill this process if the environment names this point."""
    if _chosen == name:
        os.kill(os.getpid(), signal.SIGKILL)
