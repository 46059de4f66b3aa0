"""The registry: the folder under raw/ names the format. A new format is one module here and one staging
model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tokencost_pipeline.ingest.quarantine import BodyOf, event_body, mapped_body
from tokencost_pipeline.ingest.sources import canonical_events, litellm_payload, litellm_spend_logs

PACKED_SUFFIX = ".gz"

MapRecord = Callable[[dict[str, Any], dict[str, Any], datetime], None]
"""(record, row, now) -> None: fills `row` with landed fields. Raises Refused or Ignored; the lineage is
not its job."""


@dataclass(frozen=True)
class Source:
    """One input format. `name` is the folder, the table in the landing zone and the value of `source`."""

    name: str
    formats: Mapping[str, str]  # file suffix -> "jsonl" | "csv"; each may be packed (.gz)
    map_record: MapRecord
    body_of: BodyOf  # what a quarantined line may show
    known_fields: frozenset[str] | None = None  # the format's fields, where others are to be counted by name
    csv_columns: frozenset[str] = frozenset()  # the columns that are read
    csv_required: frozenset[str] = frozenset()
    csv_record: Callable[[Mapping[str, str]], dict[str, Any]] | None = None

    def format_of(self, file_name: str) -> str | None:
        """'jsonl', 'csv.gz', ... or None for a file that is not of this source."""
        plain = file_name.removesuffix(PACKED_SUFFIX)
        for suffix, name in self.formats.items():
            if plain.endswith(suffix):
                return name + (PACKED_SUFFIX if plain != file_name else "")
        return None


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="events",
            formats={".jsonl": "jsonl"},
            map_record=canonical_events.map_event,
            body_of=event_body,
            known_fields=canonical_events.FIELDS,
        ),
        Source(
            name="litellm_payload",
            formats={".jsonl": "jsonl"},
            map_record=litellm_payload.map_payload,
            body_of=mapped_body,
        ),
        Source(
            name="litellm_spend_logs",
            formats={".jsonl": "jsonl", ".csv": "csv"},
            map_record=litellm_spend_logs.map_spend_log,
            body_of=mapped_body,
            csv_columns=litellm_spend_logs.COLUMNS,
            csv_required=litellm_spend_logs.REQUIRED_COLUMNS,
            csv_record=litellm_spend_logs.from_csv,
        ),
    )
}
