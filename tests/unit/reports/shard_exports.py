"""Exports of a few days of requests, written as the warehouse writes them: a file a day, named after its content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
MONEY = pa.decimal128(38, 15)
ATTEMPTS = pa.schema(
    [
        ("request_id", pa.string()),
        ("event_id", pa.string()),
        ("source", pa.string()),
        ("attempt", pa.int64()),
        ("occurred_at", pa.timestamp("us", "UTC")),
        ("model", pa.string()),
        ("path", pa.string()),
        ("prompt_tokens", pa.int64()),
        ("cost_usd", MONEY),
    ]
)
REQUESTS = pa.schema(
    [
        ("request_id", pa.string()),
        ("feature", pa.string()),
        ("tenant_id", pa.string()),
        ("first_seen", pa.timestamp("us", "UTC")),
        ("attempts", pa.int64()),
        ("prompt_share", pa.decimal128(9, 6)),
        ("cost_usd", MONEY),
    ]
)


@dataclass(frozen=True)
class Call:
    """One attempt of a request on a day (0 = the first, None = what was only counted and has no day); `units` of 1e-15
    USD, None = no price."""

    request: str | None
    number: int = 1
    day: int | None = 0
    units: int | None = 1
    text: str | None = "m"


def attempt_row(call: Call) -> dict[str, Any]:
    return {
        "request_id": call.request,
        "event_id": f"e-{call.request}-{call.number}",
        "source": "events",
        "attempt": call.number,
        "occurred_at": None if call.day is None else START + timedelta(days=call.day),
        "model": call.text,
        "path": call.text,
        "prompt_tokens": 7,
        "cost_usd": usd(call.units),
    }


def request_row(calls: list[Call]) -> dict[str, Any]:
    """A request with its attempts, in the day of the first."""
    known = [call.units for call in calls if call.units is not None]
    return {
        "request_id": calls[0].request,
        "feature": calls[0].text,
        "tenant_id": None,
        "first_seen": START + timedelta(days=first_day(calls)),
        "attempts": len(calls),
        "prompt_share": Decimal("0.750000"),
        "cost_usd": usd(sum(known)) if known else None,
    }


def usd(units: int | None) -> Decimal | None:
    return None if units is None else Decimal(units).scaleb(-15)


def write_exports(folder: Path, calls: list[Call]) -> None:
    """Write the exports of `calls` and make them current. Rows of a file are in a fixed order."""
    by_request: dict[str, list[Call]] = {}
    for call in calls:
        if call.request is not None:
            by_request.setdefault(call.request, []).append(call)
    attempts: dict[str, list[dict[str, Any]]] = {"": []}  # the first part is empty and has the columns
    for call in sorted(calls, key=lambda it: (label(it.day), str(it.request), it.number)):
        attempts.setdefault(label(call.day), []).append(attempt_row(call))
    requests: dict[str, list[dict[str, Any]]] = {"": []}
    for _, mine in sorted(by_request.items()):
        requests.setdefault(label(first_day(mine)), []).append(request_row(mine))
    parts = {
        relation: {
            part: write_part(folder, relation, part, rows, schema) for part, rows in sorted(found.items())
        }
        for relation, found, schema in (
            ("marts.fct_attempts", attempts, ATTEMPTS),
            ("marts.fct_requests", requests, REQUESTS),
        )
    }
    relations = {relation: [f"files/{file}" for file in found.values()] for relation, found in parts.items()}
    (folder / "current.json").write_bytes(orjson.dumps({"relations": relations, "parts": parts}))


def label(day: int | None) -> str:
    """What the part of a day is called."""
    return "count" if day is None else f"{START + timedelta(days=day):%Y-%m-%d}"


def first_day(calls: list[Call]) -> int:
    return min(call.day for call in calls if call.day is not None)


def write_part(folder: Path, relation: str, part: str, rows: list[dict[str, Any]], schema: pa.Schema) -> str:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema), sink)
    content = sink.getvalue().to_pybytes()
    file = f"{relation}.{part or 'none'}.{sha256(content).hexdigest()[:16]}.parquet"
    (folder / "files").mkdir(parents=True, exist_ok=True)
    (folder / "files" / file).write_bytes(content)
    return file
