"""A test hook: die at a named point as if the power had gone.

With `TOKENCOST_CRASH_AT` set to one of POINTS the process kills itself (SIGKILL, so that no handler or
`finally` can tidy up) when it gets there. Tests use it to prove that a killed run leaves nothing half
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
    "after_write",  # the batch's files are closed in a temporary folder
    "before_manifest",  # the batch's folder has its name
    "mid_manifest",  # the new manifest is written beside the old one
    "after_manifest",  # the new manifest is in force
)

_chosen = os.environ.get(VARIABLE)


def crash_point(name: str) -> None:
    """Kill this process if the environment names this point."""
    if _chosen == name:
        os.kill(os.getpid(), signal.SIGKILL)
