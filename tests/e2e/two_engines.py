"""One laboratory, two engines: the same landed files built by DuckDB and by the embedded ClickHouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline_lab import Lab

from bench.engines import compare
from tokencost_pipeline.pipeline import build_warehouse
from tokencost_pipeline.reprice import RepriceReport, reprice
from tokencost_pipeline.settings import Settings


@dataclass
class Twins:
    """`lab` is the laboratory of DuckDB; ClickHouse reads the same landing zone."""

    lab: Lab

    @property
    def clickhouse(self) -> Settings:
        return self.lab.settings.model_copy(update={"target": "clickhouse"})

    def run(self, **options: Any) -> None:
        """What a run does up to the marts, in both engines."""
        self.lab.run(**options)
        build_warehouse(self.clickhouse, **options).raise_for_failure()

    def reprice(self, since: datetime, book_as_of: datetime | None = None) -> list[RepriceReport]:
        return [
            reprice(settings, since, book_as_of=book_as_of)
            for settings in (self.lab.settings, self.clickhouse)
        ]

    def equal(self) -> dict[str, int]:
        """Rows of every relation, once they are the same in both engines, columns and types included."""
        found = compare(self.lab.settings, self.clickhouse)
        assert {name: counts for name, counts in found.items() if not counts.equal} == {}
        return {name: counts.rows for name, counts in found.items()}
