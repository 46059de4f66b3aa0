"""`tokencost doctor`: is everything in place, and if not, what to do?"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import duckdb

from tokencost_pipeline.alerts.rules import alerts_path, load_alert_settings
from tokencost_pipeline.commands.output import print_json, print_table
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.manifest import read_manifest
from tokencost_pipeline.pricing.read_book import load_price_book
from tokencost_pipeline.publication import read_failure
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.exports import read_current
from tokencost_pipeline.warehouse.store import open_store, store_exists

LEAST_FREE_BYTES = 1 << 30


@dataclass(frozen=True)
class Finding:
    """One look: `state` is ok, note (nothing to worry about yet) or fail."""

    look: str
    state: str
    detail: str


def doctor(settings: Settings, *, as_json: bool) -> bool:
    """Look at everything; True when nothing failed."""
    looks: list[tuple[str, Callable[[Settings], tuple[str, str]]]] = [
        ("python", look_python),
        ("raw folder", look_raw),
        ("price book", look_price_book),
        ("alert rules", look_alert_rules),
        ("data folder", look_data),
        ("landing zone", look_landing),
        ("retention", look_retention),
        ("warehouse", look_warehouse),
        ("published", look_published),
        ("webhook", look_webhook),
    ]
    findings = [find(name, look, settings) for name, look in looks]
    if settings.target == "clickhouse":
        from tokencost_pipeline.warehouse.clickhouse.examine import examine

        findings += [Finding(*found) for found in examine(settings)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_table("doctor", ["", "look", "finding"], [(f.state, f.look, f.detail) for f in findings])
    return all(finding.state != "fail" for finding in findings)


def find(name: str, look: Callable[[Settings], tuple[str, str]], settings: Settings) -> Finding:
    try:
        return Finding(name, *look(settings))
    except (UserError, OSError, duckdb.Error) as error:
        return Finding(name, "fail", str(error))


def look_python(_: Settings) -> tuple[str, str]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return ("ok" if good else "fail"), version + ("" if good else ": Python 3.11 to 3.13 is needed")


def look_raw(settings: Settings) -> tuple[str, str]:
    if not settings.raw_dir.is_dir():
        return "fail", f"{settings.raw_dir} does not exist: create it or set TOKENCOST_RAW_DIR"
    count = sum(1 for path in settings.raw_dir.rglob("*") if path.is_file() and not path.name.startswith("."))
    return ("ok" if count else "note"), f"{count} files in {settings.raw_dir}"


def look_price_book(settings: Settings) -> tuple[str, str]:
    book = load_price_book(settings.pricing_dir / "price_book.yaml")
    return "ok", f"{len(book.prices)} price rows for {len({row.model for row in book.prices})} models"


def look_alert_rules(settings: Settings) -> tuple[str, str]:
    return "ok", f"{len(load_alert_settings(alerts_path(settings)).rules)} rules"


def look_data(settings: Settings) -> tuple[str, str]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    probe = settings.data_dir / ".doctor"
    probe.write_text("writable", "utf-8")
    probe.unlink()
    free = shutil.disk_usage(settings.data_dir).free
    return ("ok" if free >= LEAST_FREE_BYTES else "fail"), f"{settings.data_dir}, {free / 1e9:.1f} GB free"


def look_landing(settings: Settings) -> tuple[str, str]:
    manifest = read_manifest(settings.landing_dir)
    if not manifest.batches:
        return "note", "nothing has been read yet: `tokencost run`"
    return "ok", f"{len(manifest.files)} files read, newest batch {manifest.last_seq}"


def look_retention(settings: Settings) -> tuple[str, str]:
    days, closed = settings.raw_retention_days, read_manifest(settings.landing_dir).retention
    kept = "TOKENCOST_RAW_RETENTION_DAYS is not set: attempts are kept for ever"
    if days is not None:
        kept = f"attempts are kept for {days} days"
    if closed is None:
        return ("note" if days is None else "ok"), f"{kept}; none has gone so far"
    reach = f"{closed.closed_before:%Y-%m-%d %H:%M} UTC"
    return "ok", f"{kept}; they reach back to {reach}, rollups are complete"


def look_warehouse(settings: Settings) -> tuple[str, str]:
    if not store_exists(settings):
        return "note", "not built yet: `tokencost run`"
    with open_store(settings, patience_seconds=2) as store:
        [(attempts, newest)] = store.rows(
            "select count(*), max(occurred_at)::varchar from marts.fct_attempts"
        )
    return "ok", f"{attempts:,} attempts, the newest of {newest}"


def look_published(settings: Settings) -> tuple[str, str]:
    current = read_current(settings.exports_dir)
    index = settings.reports_dir / "site" / "index.html"
    failure = read_failure(settings)
    if failure:
        failed = f"{failure.step} failed: {failure.reason}"
        runs = "" if failure.runs == 1 else f" ({failure.runs} runs so far)"
        shown = "the last good report stays" if index.exists() else "there is no report yet"
        return "fail", (
            f"stale since {failure.since:%Y-%m-%d %H:%M} UTC{runs}: {failed}; {shown}. Mend it and `tokencost run`"
        )
    if current is None or not index.exists():
        return "note", "nothing published yet: `tokencost run`"
    return "ok", f"{index}, as of {current['as_of']}: `tokencost serve`"


def look_webhook(settings: Settings) -> tuple[str, str]:
    if settings.webhook_url is None:
        return "note", "TOKENCOST_WEBHOOK_URL is not set: alerts stay in the report"
    return "ok", "set" + (
        "" if settings.webhook_secret else ", messages are not signed (TOKENCOST_WEBHOOK_SECRET)"
    )
