"""An installation of its own for a benchmark: its folders, and the steps of a run without Dagster."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tokencost_pipeline.alerts.rules import land_alert_rules
from tokencost_pipeline.clock import gate_now, utc_now
from tokencost_pipeline.ingest.invoices import land_invoices
from tokencost_pipeline.ingest.run import IngestReport, ingest
from tokencost_pipeline.pipeline import build_warehouse
from tokencost_pipeline.pricing.land import land_reference
from tokencost_pipeline.settings import PROJECT_ROOT, Settings
from tokencost_pipeline.warehouse.dbt import DbtOutcome

AS_OF = "2026-11-21T12:00:00Z"


def installation(root: Path, *, pricing: Path | None = None) -> Settings:
    """Settings of an installation below `root`; with the shipped price book unless another folder is named."""
    (root / "raw" / "events").mkdir(parents=True, exist_ok=True)
    if pricing is None:
        pricing = root / "pricing"
        if not pricing.exists():
            shutil.copytree(PROJECT_ROOT / "pricing", pricing)
    return Settings(
        raw_dir=root / "raw",
        pricing_dir=pricing,
        data_dir=root / "data",
        reports_dir=root / "reports",
        as_of=AS_OF,
        timezone="UTC",
        raw_retention_days=None,
        webhook_url=None,
    )


def environment(settings: Settings) -> dict[str, str]:
    """The same for a process that is started."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("TOKENCOST_")},
        "TOKENCOST_RAW_DIR": str(settings.raw_dir),
        "TOKENCOST_PRICING_DIR": str(settings.pricing_dir),
        "TOKENCOST_DATA_DIR": str(settings.data_dir),
        "TOKENCOST_REPORTS_DIR": str(settings.reports_dir),
        "TOKENCOST_AS_OF": settings.as_of,
        "TOKENCOST_TIMEZONE": settings.timezone,
    }


def read_raw(settings: Settings) -> IngestReport:
    return ingest(settings, now=gate_now(settings), stamp=utc_now(settings))


def land_the_rest(settings: Settings) -> None:
    """What dbt needs beside the events: price book, invoices, alert rules."""
    land_reference(settings)
    land_invoices(settings, now=gate_now(settings))
    land_alert_rules(settings)


def build(settings: Settings) -> DbtOutcome:
    outcome = build_warehouse(settings)
    outcome.raise_for_failure()
    return outcome
