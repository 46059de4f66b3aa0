"""Runs whose process was killed: without this, their pool slot and their place in the queue are held for hours."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

PROCESS_TAG = "tokencost/process"


def process_mark(pid: int | None = None) -> str:
    """'<pid>@<start>': the start (in ticks since boot, where the system tells) keeps a reused pid apart."""
    pid = os.getpid() if pid is None else pid
    try:
        start = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    except OSError:
        start = "?"
    return f"{pid}@{start}"


def is_gone(mark: str | None) -> bool:
    """Has the process of that mark ended? A run without a mark is left alone."""
    if not mark:
        return False
    pid, _, start = mark.partition("@")
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return start != "?" and process_mark(int(pid)) != mark


def mark_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Note in the run's tags which process works on it."""
    instance.add_run_tags(run_id, {PROCESS_TAG: process_mark()})


def bury_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail every unfinished run whose process is gone and free its pool slots; returns their ids."""
    storage = instance.event_log_storage
    unfinished = [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    buried = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=unfinished)):
        if is_gone(run.tags.get(PROCESS_TAG)):
            instance.report_run_failed(run, "the process that worked on it is gone")
            buried.append(run.run_id)
    for run_id in storage.get_concurrency_run_ids():
        holder = instance.get_run_by_id(run_id)
        if holder is None or holder.is_finished:
            storage.free_concurrency_slots_for_run(run_id)
    return buried
