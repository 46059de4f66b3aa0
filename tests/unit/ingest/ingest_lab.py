"""A small world for ingest tests: a raw folder, a data folder, and words for what tests do with them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.manifest import Manifest, read_manifest
from tokencost_pipeline.ingest.run import IngestReport, ingest
from tokencost_pipeline.settings import Settings

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FIXTURES = Path(__file__).parents[2] / "data" / "ingest"


class Lab:
    """raw/ and landing/ of one test."""

    def __init__(self, root: Path) -> None:
        self.raw = root / "raw"
        self.raw.mkdir(parents=True)
        self.settings = Settings(raw_dir=self.raw, data_dir=root / "data")
        self.landing = self.settings.landing_dir

    def put(self, path: str, data: bytes | str) -> Path:
        target = self.raw / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
        return target

    def append(self, path: str, data: bytes | str) -> None:
        with (self.raw / path).open("ab") as handle:
            handle.write(data.encode() if isinstance(data, str) else data)

    def copy_fixture(self, name: str, path: str) -> Path:
        return self.put(path, (FIXTURES / name).read_bytes())

    def run(self, now: datetime = NOW, limits: Limits | None = None) -> IngestReport:
        report = ingest(self.settings, now=now, limits=limits)
        assert report.total.adds_up
        for state in self.manifest.files:
            assert state.counters.adds_up
        return report

    @property
    def manifest(self) -> Manifest:
        return read_manifest(self.landing)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [
            row
            for name in self.manifest.table_files(table)
            for row in pq.read_table(self.landing / name).to_pylist()
        ]

    def ledger(self) -> dict[tuple[str, int], dict[str, Any]]:
        newest = self.manifest.table_files("files")[-1]
        return {
            (row["path"], row["generation"]): row for row in pq.read_table(self.landing / newest).to_pylist()
        }


def event(number: int = 0, **fields: Any) -> dict[str, Any]:
    """A canonical event. A field given as None is left out."""
    record = {
        "event_id": f"e{number}",
        "timestamp": f"2026-11-20T10:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "request_id": f"r{number}",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "prompt_tokens": 100 + number,
        "completion_tokens": 10,
    } | fields
    return {name: value for name, value in record.items() if value is not None}


def line(number: int = 0, **fields: Any) -> str:
    return json.dumps(event(number, **fields)) + "\n"


def lines(*numbers: int) -> str:
    return "".join(line(number) for number in numbers)
