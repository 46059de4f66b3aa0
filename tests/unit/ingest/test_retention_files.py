"""Which landed files the retention may delete, and whose attempts keep it from closing a day."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from ingest_lab import FIXTURES, Lab, line

from tokencost_pipeline.retention import files_to_close, old_attempts
from tokencost_pipeline.warehouse.reference import land_shapes

CUT = datetime(2026, 11, 20, tzinfo=UTC)
PAYLOAD = json.loads((FIXTURES / "litellm_payload_1106.jsonl").read_text().splitlines()[0])
SPEND_LOG = json.loads((FIXTURES / "litellm_spend_logs_1106.jsonl").read_text().splitlines()[0])
ACCESS = '127.0.0.1:5 - "POST /chat/completions HTTP/1.1" 200 OK\n'


def payload(call: str, at: datetime) -> str:
    times = {"startTime": at.timestamp(), "endTime": at.timestamp() + 1}
    return json.dumps(PAYLOAD | times | {"id": call, "litellm_call_id": call, "trace_id": call}) + "\n"


def spend_log(call: str, at: datetime) -> str:
    text = at.strftime("%Y-%m-%d %H:%M:%S")
    ids = {"request_id": call, "litellm_call_id": call, "session_id": call}
    return json.dumps(SPEND_LOG | ids | {"startTime": text, "endTime": text}) + "\n"


def old(number: int, **fields: Any) -> str:
    return line(number, timestamp="2026-11-19T23:00:00Z", **fields)


def closing(lab: Lab) -> set[str]:
    land_shapes(lab.settings)
    return set(files_to_close(lab.landing, lab.manifest, CUT))


def land(lab: Lab, *drops: tuple[str, str]) -> None:
    """One batch for each drop."""
    for path, text in drops:
        lab.put(path, text)
        lab.run()


def test_a_file_goes_when_its_newest_row_is_closed(lab: Lab) -> None:
    land(
        lab,
        ("events/a.jsonl", old(1)),
        ("events/b.jsonl", old(2) + line(3, timestamp="2026-11-20T00:00:00Z")),
        ("events/c.jsonl", line(4, timestamp="2026-11-19T23:59:59.999999Z")),
    )
    assert closing(lab) == {"batches/00000001/events.parquet", "batches/00000003/events.parquet"}


def test_a_file_waits_for_a_request_that_goes_on(lab: Lab) -> None:
    land(
        lab,
        ("events/a.jsonl", old(1, request_id="r")),
        ("events/b.jsonl", old(2)),
        ("events/c.jsonl", line(3, request_id="r", timestamp="2026-11-20T00:00:01Z")),
    )
    assert closing(lab) == {"batches/00000002/events.parquet"}


def test_a_file_waits_for_a_call_that_another_source_tells_on_the_next_day(lab: Lab) -> None:
    second = timedelta(seconds=1)
    land(
        lab,
        ("litellm_payload/a.jsonl", payload("c1", CUT - second)),
        ("litellm_payload/b.jsonl", payload("c2", CUT - second)),
        ("litellm_spend_logs/a.jsonl", spend_log("c1", CUT + second)),
    )
    assert closing(lab) == {"batches/00000002/litellm_payload.parquet"}


def test_lines_without_an_instant_keep_their_file(lab: Lab) -> None:
    dated = "2026-11-19T10:00:00Z INFO:     " + ACCESS
    land(
        lab,
        ("litellm_log/a.log", dated),
        ("litellm_log/b.log", dated.replace("10:00", "11:00") + "INFO:     " + ACCESS),
    )
    assert closing(lab) == {"batches/00000001/litellm_log.parquet"}


def test_everything_may_go(lab: Lab) -> None:
    land(lab, ("events/a.jsonl", old(1)))
    assert closing(lab) == {"batches/00000001/events.parquet"}


@pytest.mark.parametrize(
    ("path", "is_invented"),
    [
        ("events/sample_events_2026-11-01.jsonl.gz", True),
        ("events/demo_2026-11-01.jsonl", True),
        ("events/my_sample_x.jsonl", False),
        ("demo_logs/gateway.jsonl", False),
    ],
)
def test_attempts_of_sample_and_demo_files_are_told_apart(
    tmp_path: Path, path: str, is_invented: bool
) -> None:
    settings = Lab(tmp_path).settings
    settings.data_dir.mkdir(exist_ok=True)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.fct_attempts (occurred_at timestamptz, path varchar)")
        instants = [CUT - timedelta(days=2), CUT - timedelta(microseconds=1), CUT, None]
        connection.executemany(
            "insert into marts.fct_attempts values (?, ?)", [(at, path) for at in instants]
        )
    assert old_attempts(settings, CUT, None) == (2, 2 * is_invented)
    assert old_attempts(settings, CUT, CUT - timedelta(days=1)) == (1, int(is_invented))
