"""What happens beside a run."""

from datetime import UTC, datetime

import dagster as dg

from tokencost_pipeline.publication import note_failure
from tokencost_pipeline.settings import load_settings


@dg.failure_hook
def remember_failure(context: dg.HookContext) -> None:
    """Tell `doctor` and the next report since when, where and why runs have failed, whoever started them."""
    statistics = context.instance.get_run_stats(context.run_id)
    started = datetime.fromtimestamp(statistics.start_time or statistics.launch_time or 0, UTC)
    error = context.op_exception or RuntimeError("it ended without an exception")
    note_failure(load_settings(), context.op.name.replace("__", "/"), error, started=started)
