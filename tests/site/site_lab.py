"""One installation with a fortnight of generated traffic and hostile names, built once for all tests of the site."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.pipeline_lab import Lab, new_lab
from tests.site.hostile_names import hostile_events
from tokencost_pipeline.demo.write import write_demo
from tokencost_pipeline.reports.publish import publish

AS_OF = "2026-11-06T15:30:00Z"
ZONE = "Europe/Berlin"
DAYS = 14
"""Into the month before, and over the end of summer time."""


@dataclass(frozen=True)
class Site:
    """The lab, and its site as a user finds it."""

    lab: Lab

    @property
    def folder(self) -> Path:
        return self.lab.settings.reports_dir / "site"

    def ask(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.lab.ask(sql, *parameters)

    def one(self, sql: str, *parameters: Any) -> Any:
        [[value]] = self.ask(sql, *parameters)
        return value


def build(root: Path) -> Lab:
    lab = new_lab(root)
    lab.as_of, lab.timezone = AS_OF, ZONE
    now = datetime.fromisoformat(AS_OF)
    start = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0)
    pictures = "TOKENCOST_SCREENSHOTS" in os.environ  # nobody wants to see the hostile names there
    a_day = 2500 if pictures else 500
    write_demo(lab.settings.raw_dir, start=start, days=DAYS, seed=7, requests_per_day=a_day, until=now)
    if not pictures:
        lab.drop("events", "hostile.jsonl", hostile_events(now))
    lab.run()
    lab.export()
    publish(lab.settings, whole_run=True)
    return lab


def open_lab(root: Path) -> Lab:
    """The lab that `build` made there."""
    return Lab(root, as_of=AS_OF, timezone=ZONE)


def usd(text: str) -> Decimal:
    """A shown amount as a number; "<$0.000001" is none."""
    return Decimal(text.replace("$", "").replace(",", ""))


if __name__ == "__main__":  # for a look with one's own eyes
    print(build(Path(sys.argv[1])).settings.reports_dir)
