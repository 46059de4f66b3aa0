"""`tokencost run`: the same assets as in the Dagster UI, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tokencost_pipeline.commands.output import err, out, print_facts, print_json, usd
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.manifest import Manifest, read_manifest
from tokencost_pipeline.instance import create_storage, prepare_dagster_home
from tokencost_pipeline.progress import progress_on
from tokencost_pipeline.publication import note_failure
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.startup import import_without_the_unneeded
from tokencost_pipeline.warehouse.look import ask

if TYPE_CHECKING:  # Dagster takes a second to import
    import dagster as dg

SUMMARY = """
select
    (select coalesce(sum(requests), 0)::bigint from marts.agg_all_time) as requests,
    (select coalesce(sum(attempts), 0)::bigint from marts.agg_all_time) as attempts,
    (select sum(cost_usd) from marts.agg_all_time) as cost_usd,
    (select coalesce(sum(unpriced_attempts), 0)::bigint from marts.agg_all_time) as unpriced_attempts,
    (select count(*) from ingest.quarantine) as quarantined,
    (select coalesce(sum(saved_usd), 0) from marts.routing_savings_daily) as saved_usd,
    (select count(*) from marts.anomalies where status = 'open') as open_anomalies,
    (select as_of from ingest.run_context) as as_of,
    (select is_sample from ingest.run_context) as is_sample
"""


@dataclass(frozen=True)
class Summary:
    """What a run has to say. Money in USD, exact."""

    new_rows: int
    requests: int
    attempts: int
    cost_usd: Decimal | None
    unpriced_attempts: int
    quarantined: int
    saved_usd: Decimal
    open_anomalies: int
    as_of: datetime
    is_sample: bool
    seconds: float
    site: str
    report: str
    stats: str


def run(
    settings: Settings, *, first: date | None, last: date | None, as_json: bool, full_refresh: bool = False
) -> None:
    """Run the whole job, or rebuild the days first..last; print a summary.

    Raises UserError when an input must be mended (exit 2) or a model or test failed.
    """
    prepare_dagster_home(settings)
    if not settings.raw_dir.is_dir():
        raise UserError(
            "the folder with your logs does not exist",
            place=str(settings.raw_dir),
            hint="create it, or set TOKENCOST_RAW_DIR to where your logs are",
        )
    started = datetime.now(UTC)
    before = landed_rows(read_manifest(settings.landing_dir))
    with progress_on(err), remembered(settings):
        if first or last or full_refresh:
            rebuild(settings, first, last, full_refresh=full_refresh)
        execute_everything(settings)
    seconds = (datetime.now(UTC) - started).total_seconds()
    new_rows = landed_rows(read_manifest(settings.landing_dir)) - before
    show(settings, summary(settings, new_rows, seconds), as_json)


@contextmanager
def remembered(settings: Settings, step: Callable[[], str] = lambda: "tokencost run") -> Iterator[None]:
    """Remember a failure for `doctor` and the next report; `step` says where it was."""
    started = datetime.now(UTC)
    try:
        yield
    except BaseException as error:
        note_failure(settings, step(), error, started=started)
        raise


def execute_everything(settings: Settings) -> None:
    """Execute the job `everything` in this process, recorded in Dagster's run history.

    An asset's exception comes out as itself.
    """
    import_without_the_unneeded()
    import dagster as dg

    from tokencost_pipeline.dead_runs import PROCESS_TAG, bury_dead_runs, process_mark
    from tokencost_pipeline.definitions import defs

    create_storage(settings)
    job = defs().resolve_job_def("everything")
    # An asset's exception comes out of here; Dagster's account of it, with its stack, stays in the run history.
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dg.DagsterInstance.get() as instance:
        bury_dead_runs(instance)
        with remembered(
            settings, lambda: failed_step(instance)
        ):  # hooks are not called before an error is raised
            job.execute_in_process(
                instance=instance, run_config=quiet, raise_on_error=True, tags={PROCESS_TAG: process_mark()}
            )


def failed_step(instance: dg.DagsterInstance) -> str:
    """The step that the newest run failed in, as the asset is called."""
    for run in instance.get_runs(limit=1):
        for step in instance.get_run_step_stats(run.run_id):
            if step.status is not None and step.status.value == "FAILURE":
                return step.step_key.replace("__", "/")
    return "tokencost run"


def rebuild(settings: Settings, first: date | None, last: date | None, *, full_refresh: bool) -> None:
    """Recompute whole local days from the landing zone. Days are those of TOKENCOST_TIMEZONE, both ends included."""
    from tokencost_pipeline.locks import pipeline_lock
    from tokencost_pipeline.pipeline import build_warehouse

    zone = ZoneInfo(settings.timezone)
    start = midnight(first or date(2015, 1, 1), zone)
    end = midnight((last or date(9998, 1, 1)) + timedelta(days=1), zone)
    if start >= end:
        raise UserError(f"--from {first} is after --to {last}", hint="write the earlier day first")
    closed = read_manifest(settings.landing_dir).retention
    if closed and first and start < closed.closed_before:
        err.print(
            f"days up to {closed.last_day} were closed by retention: their attempts are gone and their rollups "
            "stay as they are"
        )
    with pipeline_lock(settings, "tokencost run --from/--to"):
        build_warehouse(settings, start, end, full_refresh=full_refresh).raise_for_failure()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def landed_rows(manifest: Manifest) -> int:
    """Rows of events that the landing zone holds."""
    return sum(
        table.rows
        for batch in manifest.batches
        for name, table in batch.tables.items()
        if table.max_occurred_at is not None
    )


def summary(settings: Settings, new_rows: int, seconds: float) -> Summary:
    [row] = ask(settings, SUMMARY)
    published = settings.reports_dir
    return Summary(
        new_rows=new_rows,
        seconds=round(seconds, 1),
        site=str(published / "site" / "index.html"),
        report=str(published / "markdown" / "index.md"),
        stats=str(published / "api" / "stats.json"),
        **row,
    )


def show(settings: Settings, summary: Summary, as_json: bool) -> None:
    if as_json:
        print_json(asdict(summary))
        return
    facts: dict[str, Any] = {
        "new rows": f"{summary.new_rows:,}",
        "requests": f"{summary.requests:,}",
        "attempts": f"{summary.attempts:,}",
        "cost": usd(summary.cost_usd),
        "unpriced": f"{summary.unpriced_attempts:,} attempts, in no sum above",
        "quarantined": f"{summary.quarantined:,} lines"
        + (" (tokencost quarantine)" if summary.quarantined else ""),
        "saved": f"{usd(summary.saved_usd)} by routing",
        "anomalies": f"{summary.open_anomalies} open",
        "as of": f"{summary.as_of:%Y-%m-%d %H:%M} UTC"
        + (", the newest event of the shipped sample" if summary.is_sample else ""),
        "took": f"{summary.seconds} s",
        "site": f"{summary.site} (or: tokencost serve)",
        "report": summary.report,
        "figures": summary.stats,
    }
    print_facts("tokencost", facts)
    if summary.is_sample:
        out.print("These are sample data. Put your own logs into raw/ (see raw/README.md) and run again.")
