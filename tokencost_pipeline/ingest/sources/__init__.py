"""The registry: the folder under raw/ names the format. A new format is one module here and one staging
model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tokencost_pipeline.ingest.quarantine import BodyOf, event_body, mapped_body
from tokencost_pipeline.ingest.sources import (
    canonical_events,
    claude_code,
    litellm_log,
    litellm_payload,
    litellm_spend_logs,
    otlp,
)

PACKED_SUFFIX = ".gz"

MapRecord = Callable[[dict[str, Any], dict[str, Any], datetime], None]
"""(record, row, now) -> None: fills `row` with landed fields. Raises Refused or Ignored; the lineage is
not its job."""


Explode = Callable[[Any], list[Any]]
"""From one JSON value, as the gate gives it, to the records in it. Raises Refused for the value as a whole; an
element that is no object is refused alone, and a value without any record counts as one that is ignored."""

LINE_KEY = "line_key"
"""The field that a line of text gets beside those of `parse_line`: the same in every copy of its file, another for
every other line (`text_lines`)."""

_ROTATED = re.compile(
    r"[.-](?:[0-9]{1,3}|[0-9]{8}(?:[-_T]?[0-9]{2,6})?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[-_T][0-9]{2}(?:[-:]?[0-9]{2}){0,2})?)\Z"
)


@dataclass(frozen=True)
class Source:
    """One input format. `name` is the folder, the table in the landing zone and the value of `source`."""

    name: str
    formats: Mapping[str, str]  # file suffix -> "jsonl" | "csv" | "document" | "text"; see format_of
    map_record: MapRecord
    body_of: BodyOf  # what a quarantined line may show
    known_fields: frozenset[str] | None = None  # the format's fields, where others are to be counted by name
    csv_columns: frozenset[str] = frozenset()  # the columns that are read
    csv_required: frozenset[str] = frozenset()
    csv_record: Callable[[Mapping[str, str]], dict[str, Any]] | None = None
    explode: Explode | None = None  # for formats of which one line or document may hold several records
    parse_line: Callable[[bytes], dict[str, Any]] | None = None  # for "text"; raises Refused or Ignored
    by_columns: bool = False  # canonical events: `fast` reads their lines many at a time

    def format_of(self, file_name: str) -> str | None:
        """'jsonl', 'csv.gz', ... or None for a file that is not of this source.

        The suffix may be followed by one mark of rotation, and that by `.gz`: a number (`.1`), a date or a date and
        time (`-20261120`, `.2026-11-20`, `.2026-11-20_13`).
        """
        plain = file_name.removesuffix(PACKED_SUFFIX)
        packed = PACKED_SUFFIX if plain != file_name else ""
        for name in (plain, _ROTATED.sub("", plain)):
            for suffix, file_format in self.formats.items():
                if name.endswith(suffix):
                    return file_format + packed
        return None


def elements(value: Any) -> list[Any]:
    """The records of a batch: an array's elements, or the one value."""
    return value if isinstance(value, list) else [value]


JSON_FORMATS: Mapping[str, str] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "document"}

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="events",
            formats={".jsonl": "jsonl"},
            map_record=canonical_events.map_event,
            body_of=event_body,
            known_fields=canonical_events.FIELDS,
            by_columns=True,
        ),
        Source(
            name="litellm_payload",
            formats=JSON_FORMATS,
            map_record=litellm_payload.map_payload,
            body_of=mapped_body,
            explode=elements,
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
        Source(
            name="claude_code",
            formats={".jsonl": "jsonl"},
            map_record=claude_code.map_line,
            body_of=mapped_body,
        ),
        Source(
            name="otlp",
            formats=JSON_FORMATS,
            map_record=otlp.map_span,
            body_of=mapped_body,
            explode=otlp.spans,
        ),
        Source(
            name="litellm_log",
            formats={".log": "text"},
            map_record=litellm_log.map_log,
            body_of=mapped_body,
            parse_line=litellm_log.parse_line,
        ),
    )
}
