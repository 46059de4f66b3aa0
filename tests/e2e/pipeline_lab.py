"""A laboratory: folders of its own, the real ingest, the real dbt, the real exports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from tokencost_pipeline.alerts.rules import land_alert_rules
from tokencost_pipeline.clock import gate_now, utc_now
from tokencost_pipeline.ingest.invoices import land_invoices
from tokencost_pipeline.ingest.run import IngestReport, ingest
from tokencost_pipeline.pipeline import build_warehouse
from tokencost_pipeline.pricing.land import land_reference
from tokencost_pipeline.settings import PROJECT_ROOT, Settings
from tokencost_pipeline.warehouse.dbt import DbtOutcome
from tokencost_pipeline.warehouse.exports import ExportReport, export_marts

DATA = Path(__file__).parents[1] / "data"

FACTS = "select * exclude (path, line_no) from marts.fct_attempts order by source, event_id"
MARTS = {
    "fct_attempts": "source, event_id",
    "fct_requests": "request_id",
    "agg_hourly": "hour, tenant_id, feature, provider, model",
    "agg_daily": "day, tenant_id, feature, provider, model",
    "agg_monthly": "month, tenant_id, feature, provider, model",
    "agg_all_time": "tenant_id, feature, provider, model",
    "routing_savings_daily": "day, provider, model",
}


@dataclass
class Lab:
    """One installation: raw/, pricing/, data folder and reports below a temporary folder."""

    root: Path
    as_of: str = "2026-11-21T12:00:00Z"
    timezone: str = "UTC"
    retention_days: int | None = None

    @property
    def settings(self) -> Settings:
        return Settings(
            raw_dir=self.root / "raw",
            pricing_dir=self.root / "pricing",
            data_dir=self.root / "data",
            reports_dir=self.root / "reports",
            as_of=self.as_of,
            timezone=self.timezone,
            raw_retention_days=self.retention_days,
        )

    @property
    def environment(self) -> dict[str, str]:
        settings = self.settings
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("TOKENCOST_")},
            "TOKENCOST_RAW_DIR": str(settings.raw_dir),
            "TOKENCOST_PRICING_DIR": str(settings.pricing_dir),
            "TOKENCOST_DATA_DIR": str(settings.data_dir),
            "TOKENCOST_REPORTS_DIR": str(settings.reports_dir),
            "TOKENCOST_AS_OF": self.as_of,
            "TOKENCOST_TIMEZONE": self.timezone,
            "TOKENCOST_RAW_RETENTION_DAYS": str(self.retention_days or ""),
        }

    def drop(self, source: str, name: str, content: Path | bytes | list[dict[str, Any]]) -> Path:
        """Put a file into raw/<source>/."""
        target = self.settings.raw_dir / source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, target)
        elif isinstance(content, bytes):
            target.write_bytes(content)
        else:
            target.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in content))
        return target

    def ingest(self) -> IngestReport:
        return ingest(self.settings, now=gate_now(self.settings), stamp=utc_now(self.settings))

    def land(self) -> IngestReport:
        """Everything before dbt."""
        self.settings.raw_dir.mkdir(parents=True, exist_ok=True)
        report = self.ingest()
        land_reference(self.settings)
        land_invoices(self.settings, now=gate_now(self.settings))
        land_alert_rules(self.settings)
        return report

    def build(self, **options: Any) -> DbtOutcome:
        outcome = build_warehouse(self.settings, **options)
        outcome.raise_for_failure()
        return outcome

    def run(self, **options: Any) -> IngestReport:
        """Ingest, price book, rules, dbt: what the job does up to the marts."""
        report = self.land()
        self.build(**options)
        return report

    def export(self) -> ExportReport:
        return export_marts(self.settings)

    def add_price(self, row: str) -> None:
        """Write one more row into the price book."""
        book = self.settings.pricing_dir / "price_book.yaml"
        text = book.read_text("utf-8")
        assert text.count("\nprices:\n") == 1
        book.write_text(text.replace("\nprices:\n", f"\nprices:\n{row}\n"), "utf-8")

    def ask(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.warehouse_path), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(sql, list(parameters)).fetchall()

    def marts(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every time-partitioned mart, in a fixed order."""
        return {
            name: self.ask(f"select * from marts.{name} order by {order}") for name, order in MARTS.items()
        }

    def tokencost(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The command line, as a user runs it."""
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tokencost_pipeline.cli", *arguments],
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """The same without waiting for it."""
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tokencost_pipeline.cli", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def new_lab(root: Path) -> Lab:
    shutil.copytree(PROJECT_ROOT / "pricing", root / "pricing")
    (root / "raw").mkdir()
    return Lab(root)


def event(number: int, at: str | datetime, **fields: Any) -> dict[str, Any]:
    """A canonical event: 1000 input and 100 output tokens of gpt-4o-mini unless told otherwise."""
    instant = at if isinstance(at, str) else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {
        "event_id": f"e{number}",
        "timestamp": instant,
        "request_id": f"r{number}",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "tenant_id": "acme",
        "feature": "chat",
        **fields,
    }
