"""Dagster's home inside the data folder: run history that survives, no telemetry, slots that free themselves."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock

from tokencost_pipeline import atomic
from tokencost_pipeline.settings import Settings

DAGSTER_YAML = """\
# Written by tokencost_pipeline; edits are overwritten.
telemetry: {enabled: false}
nux: {enabled: false}
concurrency:
  pools: {granularity: op, default_limit: 1}
  runs: {max_concurrent_runs: 1}
run_monitoring:  # both time-outs are needed: without them a killed run keeps its slot for ever
  enabled: true
  poll_interval_seconds: 30
  max_runtime_seconds: 7200
  free_slots_after_run_end_seconds: 30
run_retries: {enabled: true, max_retries: 1, retry_on_asset_or_op_failure: false}
event_log_storage:
  module: tokencost_pipeline.event_log
  class: PooledSqliteEventLogStorage
  config: {base_dir: "%s"}
retention:
  schedule: {purge_after_days: 30}
  sensor: {purge_after_days: {skipped: 3, failure: 30, success: 30}}
"""


def prepare_dagster_home(settings: Settings) -> Path:
    """Write dagster.yaml and point DAGSTER_HOME at it for this process and its children."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    content = DAGSTER_YAML % str(home / "history" / "runs").replace("\\", "\\\\").replace('"', '\\"')
    if not config.exists() or config.read_text("utf-8") != content:
        atomic.write_text(config, content)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    os.environ["DO_NOT_TRACK"] = "1"
    return home


def create_storage(settings: Settings) -> None:
    """Let Dagster make its tables, where there are none yet, while nobody else does. After `prepare_dagster_home`.

    Dagster leaves it to chance: who opens tables that another process has half made marks them with a version of its
    own, and tables of two versions are refused by everybody from then on.
    """
    made = settings.dagster_home / "history" / "made"
    if made.exists():
        return
    import dagster as dg

    settings.locks_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.locks_dir / "dagster_home.lock"):
        if not made.exists():
            dg.DagsterInstance.get().dispose()
            atomic.write_text(made, "")
