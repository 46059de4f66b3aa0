"""Each bad thing ends where it should, with a message, and the run succeeds."""

from __future__ import annotations

from decimal import Decimal

import orjson
import pytest
from pipeline_lab import Lab, event, new_lab

GOOD = [event(n, f"2026-11-20T10:0{n}:00Z") for n in range(3)]
UNKNOWN_MODEL = event(10, "2026-11-20T10:10:00Z", model="gpt-99-experimental")
NO_PRICE_YET = event(11, "2020-06-01T10:00:00Z", model="gpt-4o-mini")  # years before its first price
DUPLICATE = GOOD[0]
CONFLICT = {**GOOD[1], "prompt_tokens": 999_999}
IMPOSSIBLE = event(12, "2026-11-20T10:12:00Z", cache_read_tokens=5000)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = new_lab(tmp_path_factory.mktemp("invariant"))
    lines = [*GOOD, UNKNOWN_MODEL, NO_PRICE_YET, DUPLICATE, CONFLICT, IMPOSSIBLE]
    body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    body += b'{"timestamp": "2026-11-20T10:00:00Z", "request_id": \n'  # malformed
    body += orjson.dumps(event(13, "2026-11-20T10:00:00")) + b"\n"  # no offset
    body += orjson.dumps(event(14, "2026-11-20T10:00:00Z", prompt_tokens=3.7)) + b"\n"
    body += b"\n"
    body += orjson.dumps(event(15, "2026-11-20T10:15:00Z"))  # torn: no line end yet
    lab.drop("events", "gateway.jsonl", body)
    lab.run()
    lab.export()
    return lab


def test_every_complete_line_is_exactly_one_thing(lab: Lab) -> None:
    assert lab.ask("select lines, events, duplicates, conflicts, quarantined, ignored from ingest.files") == [
        (12, 6, 1, 1, 3, 1)
    ]


def test_refused_lines_name_file_line_offset_and_reason(lab: Lab) -> None:
    rows = lab.ask("select path, line_no, byte_offset, reason from ingest.quarantine order by line_no")
    assert [(path, line) for path, line, _, _ in rows] == [("events/gateway.jsonl", n) for n in (9, 10, 11)]
    content = (lab.settings.raw_dir / "events" / "gateway.jsonl").read_bytes()
    assert all(content[offset - 1 : offset] == b"\n" for _, _, offset, _ in rows)
    reasons = [reason for *_, reason in rows]
    assert "JSON" in reasons[0]
    assert "timestamp" in reasons[1]
    assert "prompt_tokens" in reasons[2]


def test_a_contradicting_line_is_kept_aside_and_not_summed(lab: Lab) -> None:
    assert lab.ask("select event_id, line_no from ingest.conflicts") == [("e1", 7)]
    assert lab.ask("select prompt_tokens from marts.fct_attempts where event_id = 'e1'") == [(1000,)]


def test_what_has_no_known_cost_is_null_and_counted(lab: Lab) -> None:
    assert lab.ask(
        "select event_id, cost_basis, cost_usd from marts.fct_attempts where cost_usd is null order by event_id"
    ) == [("e10", "unpriced", None), ("e11", "unpriced", None), ("e12", "invalid_usage", None)]
    # 3 x (1000 x 0.15 + 100 x 0.60) per million
    assert lab.ask("select sum(cost_usd), sum(unpriced_attempts)::int from marts.agg_daily") == [
        (Decimal("0.00063"), 3)
    ]


def test_the_torn_line_is_read_once_when_it_is_whole(lab: Lab) -> None:
    path = lab.settings.raw_dir / "events" / "gateway.jsonl"
    with path.open("ab") as file:
        file.write(b"\n")
    report = lab.land()
    assert (report.total.lines, report.total.events) == (1, 1)
    assert lab.land().total.lines == 0
