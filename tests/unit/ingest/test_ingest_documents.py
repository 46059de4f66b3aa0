"""Files that hold one JSON value, lines that hold several records, and lines of plain text."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_lab import NOW, Lab

from tokencost_pipeline.ingest.document import may_become_valid
from tokencost_pipeline.ingest.fields import Ignored, Refused
from tokencost_pipeline.ingest.limits import MAX_DOCUMENT_VALUES, Limits
from tokencost_pipeline.ingest.quarantine import mapped_body
from tokencost_pipeline.ingest.run import IngestReport, ingest
from tokencost_pipeline.ingest.sources import LINE_KEY, SOURCES, Source

FOLDER = "litellm_payload"


def payload(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "litellm_call_id": f"c{number}",
        "status": "success",
        "startTime": 1795255050.5,
        "custom_llm_provider": "openai",
        "model": "gpt-4o-mini",
        "prompt_tokens": 10 + number,
        "completion_tokens": 5,
    } | fields


def payloads(*numbers: int) -> list[dict[str, Any]]:
    return [payload(number) for number in numbers]


def fates(report: IngestReport) -> dict[str, int]:
    total = report.total
    names = ("lines", "events", "duplicates", "conflicts", "quarantined", "ignored")
    return {name: getattr(total, name) for name in names if getattr(total, name)}


# ---- documents


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", " \n\n"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_document_is_an_object_or_an_array_however_it_is_laid_out(
    lab: Lab, indent: int | None, end: str, pack: Any
) -> None:
    suffix = ".json" if pack is bytes else ".json.gz"
    lab.put(f"{FOLDER}/one{suffix}", pack((json.dumps(payload(1), indent=indent) + end).encode()))
    lab.put(f"{FOLDER}/batch{suffix}", pack((json.dumps(payloads(2, 3, 4), indent=indent) + end).encode()))
    assert fates(lab.run()) == {"lines": 4, "events": 4} | (
        # behind a document on its first line, blank lines are lines
        {"lines": 6, "ignored": 2} if end == " \n\n" and indent is None else {}
    )
    assert sorted(row["call_id"] for row in lab.rows(FOLDER)) == ["c1", "c2", "c3", "c4"]
    assert {row["line_no"] for row in lab.rows(FOLDER)} == {1}
    assert fates(lab.run()) == {}


def test_a_byte_order_mark_before_a_document_is_skipped(lab: Lab) -> None:
    data = json.dumps(payload(1), indent=1).encode()
    lab.put(f"{FOLDER}/a.json", b"\xef\xbb\xbf" + data)
    assert fates(lab.run()) == {"lines": 1, "events": 1}
    (row,) = lab.rows(FOLDER)
    assert row["byte_offset"] == 3


def test_a_document_that_is_being_written_waits_until_it_is_whole(lab: Lab) -> None:
    data = json.dumps(payloads(1, 2), indent=2).encode()
    for length in (1, len(data) // 2, len(data) - 1):
        lab.put(f"{FOLDER}/a.json", data[:length])
        report = lab.run()
        assert (fates(report), report.pending_bytes) == ({}, length)
    lab.put(f"{FOLDER}/a.json", data)
    assert fates(lab.run()) == {"lines": 2, "events": 2}


def test_a_rewritten_document_is_read_again_and_known_records_are_absorbed(lab: Lab) -> None:
    lab.put(f"{FOLDER}/a.json", json.dumps(payloads(1), indent=2))
    lab.run()
    lab.put(f"{FOLDER}/a.json", json.dumps(payloads(1, 2), indent=2))
    assert fates(lab.run()) == {"lines": 2, "events": 1, "duplicates": 1}
    assert {generation for path, generation in lab.ledger()} == {1, 2}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{\n"a": 1} more', "not one JSON document: unexpected content after document (byte 11)"),
        (b'{\n"a": oops\n', "not one JSON document: unexpected character, expected a JSON value (byte 8)"),
        (b'[\n{"a": 1},\n]', "not one JSON document: trailing comma is not allowed (byte 11)"),
        (b"hello\n", "not one JSON document: it is neither an object nor an array"),
        (b"12", "not one JSON document: it is neither an object nor an array"),
        (b'{"a": "\xff\xff"}', "not one JSON document: str is not valid UTF-8: surrogates not allowed (byte 1)"),
    ],
)  # fmt: skip
def test_what_can_never_become_a_document_is_refused_as_a_file_and_once(
    lab: Lab, data: bytes, reason: str
) -> None:
    lab.put(f"{FOLDER}/a.json", data)
    lab.put(f"{FOLDER}/b.json.gz", gzip.compress(data))
    report = lab.run()
    assert [(note.line_no, note.reason) for note in report.quarantined] == [(0, reason)] * 2
    assert fates(report) == {"lines": 2, "quarantined": 2}
    assert fates(lab.run()) == {}
    lab.put(f"{FOLDER}/a.json", data + b"\nmore\n")
    assert fates(lab.run()) == {"lines": 1, "quarantined": 1}
    lab.put(f"{FOLDER}/a.json", json.dumps(payload(1)))
    assert fates(lab.run()) == {"lines": 1, "events": 1}


def test_half_a_document_in_a_verified_gzip_file_will_never_be_whole(lab: Lab) -> None:
    lab.put(f"{FOLDER}/a.json.gz", gzip.compress(json.dumps(payload(1), indent=1).encode()[:-2]))
    (note,) = lab.run().quarantined
    assert note.reason.startswith("not one JSON document: unexpected end of data")


def test_a_document_beyond_the_bound_is_refused_without_being_held(lab: Lab) -> None:
    small = Limits(document_bytes=2000, line_bytes=1000, read_bytes=64)
    data = json.dumps(payloads(*range(12)), indent=1).encode()
    assert len(data) > 2000
    lab.put(f"{FOLDER}/a.json", data)
    report = lab.run(limits=small)
    assert [note.reason for note in report.quarantined] == [
        f"one JSON document of {len(data):,} bytes; at most 2,000 are read"
    ]
    (row,) = lab.rows("quarantine")
    assert (row["line_no"], row["body"], row["body_sha256"]) == (0, None, hashlib.sha256(data).hexdigest())
    lab.put(f"{FOLDER}/a.json", json.dumps(payloads(1), indent=1))
    assert fates(lab.run(limits=small)) == {"lines": 1, "events": 1}


def test_a_json_file_of_one_object_a_line_is_read_as_lines(lab: Lab) -> None:
    rows = [json.dumps(payload(number)) for number in range(4)]
    lab.put(f"{FOLDER}/gcs.json", f"\n{rows[0]}\n{rows[1]}\noops\n{rows[2][:30]}")
    report = lab.run(limits=Limits(document_bytes=100))  # the bound is of documents
    assert fates(report) == {"lines": 4, "events": 2, "quarantined": 1, "ignored": 1}
    assert report.pending_bytes == 30
    lab.append(f"{FOLDER}/gcs.json", f"{rows[2][30:]}\n{rows[3]}\n")
    assert fates(lab.run()) == {"lines": 2, "events": 2}
    assert [row["line_no"] for row in lab.rows(FOLDER)] == [2, 3, 5, 6]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.lists(JSON) | st.dictionaries(st.text(), JSON), st.booleans(), st.sampled_from([None, 1]))
def test_every_beginning_of_a_document_may_become_one(value: Any, escaped: bool, indent: int | None) -> None:
    data = json.dumps(value, ensure_ascii=escaped, indent=indent).encode()
    for length in range(len(data)):
        assert may_become_valid(data[:length])
    assert not may_become_valid(data + b" x")


# ---- lines that hold several records


def test_each_record_of_an_array_on_a_line_is_counted_for_itself(lab: Lab) -> None:
    bad = payload(3, prompt_tokens=-1)
    batch = [payload(1), payload(2), bad, payload(1), 7, payload(2, completion_tokens=6)]
    text = json.dumps(batch)
    lab.put(f"{FOLDER}/a.jsonl", f"{json.dumps(payload(0))}\n{text}\n[]\n[[{json.dumps(payload(9))}]]\n")
    report = lab.run()
    assert fates(report) == {
        "lines": 9, "events": 3, "duplicates": 1, "conflicts": 1, "quarantined": 3, "ignored": 1
    }  # fmt: skip
    assert [(note.line_no, note.reason) for note in report.quarantined] == [
        (2, "prompt_tokens: expected a whole number >= 0, got -1"),
        (2, "expected a JSON object, got 7"),
        (4, "expected a JSON object, got an array"),
    ]
    place = {(row["line_no"], row["byte_offset"]) for row in lab.rows(FOLDER)[1:]}
    assert place == {(2, len(json.dumps(payload(0))) + 1)}


def test_a_batch_that_breaks_the_gate_is_refused_as_one_record(lab: Lab) -> None:
    lab.put(f"{FOLDER}/a.jsonl", b'[{"id": "a"}, {"id": "b", "id": "c"}]\n[{"id": 1}, NaN]\n')
    report = lab.run()
    assert fates(report) == {"lines": 2, "quarantined": 2}
    assert report.quarantined[0].reason == "duplicate key id"


def test_a_large_batch_is_not_held_once_for_each_of_its_records(lab: Lab) -> None:
    data = json.dumps(payloads(*range(200)))
    lab.put(f"{FOLDER}/a.jsonl", data + "\n")
    lab.run(limits=Limits(chunk_bytes=len(data) + 2))
    assert len(lab.manifest.table_files(FOLDER)) == 1
    (rows,) = lab.manifest.table_files(FOLDER)
    assert pq.ParquetFile(lab.landing / rows).num_row_groups == 1


# ---- text


def words(data: bytes) -> dict[str, Any]:
    if data.startswith(b"#"):
        raise Ignored
    if data.startswith(b"!"):
        raise Refused("begins with an exclamation mark")
    return {"said": data.decode()}


def map_words(record: dict[str, Any], row: dict[str, Any], now: datetime) -> None:
    row |= {
        "event_id": record[LINE_KEY],
        "grain": "count",
        "occurred_at": datetime(2026, 11, 21, tzinfo=UTC),
        "request_id": record["said"],
    }


TEXT = Source(
    name="litellm_log",
    formats={".log": "text"},
    map_record=map_words,
    body_of=mapped_body,
    parse_line=words,
)


def read_text(lab: Lab) -> IngestReport:
    return ingest(lab.settings, now=NOW, sources={TEXT.name: TEXT})


def test_lines_of_text_are_parsed_by_their_source(lab: Lab) -> None:
    lab.put("litellm_log/a.log", "# banner\nGET\r\n!\n\nGET\nhalf")
    report = read_text(lab)
    assert fates(report) == {"lines": 5, "events": 2, "quarantined": 1, "ignored": 2}
    assert [row["request_id"] for row in lab.rows("litellm_log")] == ["GET", "GET"]


def test_a_line_of_text_has_one_key_in_every_copy_of_its_file(lab: Lab) -> None:
    content = "".join(f"line {number % 7}\n" for number in range(2000))
    path = "litellm_log/a.log"
    for cut in (5, 3000, 6000, len(content)):  # read in pieces, before and behind the first 4 KiB
        lab.put(path, content[:cut])
        read_text(lab)
    assert len({row["event_id"] for row in lab.rows("litellm_log")}) == 2000
    lab.put("litellm_log/copy.log.1", content)
    lab.put("litellm_log/old.log-20261120.gz", gzip.compress(content.encode()))
    assert fates(read_text(lab)) == {"lines": 4000, "duplicates": 4000}
    lab.put("litellm_log/other.log", "another start\n" + content)
    assert fates(read_text(lab)) == {"lines": 2001, "events": 2001}


# ---- names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl", "jsonl"),
        ("a.ndjson.gz", "jsonl.gz"),
        ("a.json", "document"),
        ("2026-11-20.json.gz", "document.gz"),
        ("a.jsonl.1", "jsonl"),
        ("a.jsonl.12.gz", "jsonl.gz"),
        ("a.jsonl-20261120", "jsonl"),
        ("a.jsonl-2026112013", "jsonl"),
        ("a.jsonl.20261120-1310", "jsonl"),
        ("a.jsonl.2026-11-20", "jsonl"),
        ("a.jsonl.2026-11-20_13-00-00", "jsonl"),
        ("a.jsonl.2026-11-20T13:00:00.gz", "jsonl.gz"),
        ("a.jsonl.gz.1", None),
        ("a.jsonl.old", None),
        ("a.jsonl~", None),
        ("a.jsonl.1.2", None),
        ("a.jsonl.2026", None),
        ("a.jsonl1", None),
        ("a-20261120", None),
        ("a.log", None),
    ],
)
def test_a_rotated_name_is_of_its_format(name: str, expected: str | None) -> None:
    assert SOURCES[FOLDER].format_of(name) == expected
    assert replace(TEXT, formats={".log": "text"}).format_of("litellm.log.2026-11-20") == "text"


def test_a_file_rotated_to_another_name_is_read_on(lab: Lab) -> None:
    first = lab.put(f"{FOLDER}/a.jsonl", json.dumps(payload(1)) + "\n")
    lab.run()
    first.rename(lab.raw / FOLDER / "a.jsonl.1")
    lab.append(f"{FOLDER}/a.jsonl.1", json.dumps(payload(2)) + "\n")
    lab.put(f"{FOLDER}/a.jsonl", json.dumps(payload(3)) + "\n")
    assert fates(lab.run()) == {"lines": 2, "events": 2}


def test_a_document_of_too_many_values_is_refused_before_it_is_taken_apart(lab: Lab) -> None:
    """Two bytes a value take a hundred in memory: the bound is on values, not on bytes alone."""
    lab.put("litellm_payload/a.json", b"[" + b"1," * MAX_DOCUMENT_VALUES + b"1]")
    report = lab.run()
    assert (report.total.lines, report.total.quarantined) == (1, 1)
    assert "more than 2,000,000 values" in report.quarantined[0].reason


def test_two_logs_that_begin_alike_are_two_logs(lab: Lab) -> None:
    """Behind a proxy two machines print the same banner and the same access lines at the same places."""
    line = b'INFO:     10.0.0.1:0 - "POST /v1/chat/completions HTTP/1.1" 200 OK\n'
    banner = b"#" * 5000 + b"\n"
    lab.put("litellm_log/a.log", banner + b"one\n" + line)
    lab.put("litellm_log/b.log", banner + b"two\n" + line)
    lab.put("litellm_log/copy_of_a.log", banner + b"one\n" + line)
    report = lab.run()
    assert (report.total.events, report.total.duplicates, report.total.conflicts) == (2, 1, 0)
    with (lab.raw / "litellm_log" / "a.log").open("ab") as grown:
        grown.write(line + line)
    assert lab.run().total.events == 2
