"""Refused lines go through the gate again: what is accepted counts, every line still adds up, and it happens once."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ingest_lab import FIXTURES, NOW, Lab, event, line, lines

from tokencost_pipeline.ingest.crash import VARIABLE
from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.manifest import Counters
from tokencost_pipeline.ingest.read_again import CHANGED, GONE, UNCLEAR
from tokencost_pipeline.ingest.replay import ReplayReport, quarantined, replay
from tokencost_pipeline.ingest.run import ingest
from tokencost_pipeline.ingest.sources import SOURCES, Source

PAYLOADS = [json.loads(text) for text in (FIXTURES / "litellm_payload_1106.jsonl").read_text().splitlines()]
TABLE = (FIXTURES / "litellm_spend_logs_1106.csv").read_bytes()


def older(name: str, word: str, reason: str = "an older version does not know it") -> Mapping[str, Source]:
    """The sources of a version whose mapping of `name` refuses records that contain a word."""
    source = SOURCES[name]

    def map_record(record: dict[str, Any], row: dict[str, Any], now: Any) -> None:
        source.map_record(record, row, now)
        if word in json.dumps(record, default=str):
            raise Refused(reason)

    return SOURCES | {name: replace(source, map_record=map_record, by_columns=False)}


def take_in(lab: Lab, **options: Any) -> None:
    ingest(lab.settings, now=NOW, **options)
    check(lab)


def again(lab: Lab, **options: Any) -> ReplayReport:
    report = replay(lab.settings, now=NOW, **options)
    check(lab)
    return report


def check(lab: Lab) -> None:
    """The ledger adds up, and says what is landed."""
    counted = Counters()
    for state in lab.manifest.files:
        assert state.counters.adds_up, state
        counted += state.counters
    tables = {name for batch in lab.manifest.batches for name in batch.tables} & set(SOURCES)
    assert counted.events == sum(len(lab.rows(name)) for name in tables)
    assert counted.quarantined == len(quarantined(lab.landing, lab.manifest))
    assert counted.conflicts == len(lab.rows("conflicts"))
    ledger = {path: row for (path, _), row in lab.ledger().items()}
    assert {path: row["quarantined"] for path, row in ledger.items()} == {
        state.path: state.counters.quarantined for state in lab.manifest.files
    }


def became(report: ReplayReport) -> Counter[str]:
    return Counter(one.became for one in report.refusals)


def test_lines_that_an_older_version_refused_become_what_they_are(lab: Lab) -> None:
    lab.put(
        "events/a.jsonl",
        lines(1)
        + line(2, feature="odd")
        + line(1, session_id="odd")
        + "junk\n"
        + line(3, feature="odd")
        + lines(4),
    )
    lab.put("events/b.jsonl", line(2, feature="odd"))
    take_in(lab, sources=older("events", "odd"))
    assert lab.manifest.files[0].counters == Counters(6, 2, 0, 0, 4, 0)

    report = again(lab)

    assert [(one.path, one.line_no, one.became) for one in report.refusals] == [
        ("events/a.jsonl", 2, "event"),
        ("events/a.jsonl", 3, "conflict"),
        ("events/a.jsonl", 4, "quarantined"),
        ("events/a.jsonl", 5, "event"),
        ("events/b.jsonl", 1, "duplicate"),
    ]
    assert (report.batch_seq, report.events) == (2, 2)
    assert [state.counters for state in lab.manifest.files] == [
        Counters(6, 4, 0, 1, 1, 0),
        Counters(1, 0, 1, 0, 0, 0),
    ]
    rows = {row["event_id"]: (row["path"], row["line_no"], row["feature"]) for row in lab.rows("events")}
    assert rows["e3"] == ("events/a.jsonl", 5, "odd")
    assert [row["line_no"] for row in quarantined(lab.landing, lab.manifest)] == [4]


def test_a_second_replay_changes_nothing(lab: Lab) -> None:
    lab.put("events/a.jsonl", line(2, feature="odd") + "junk\n")
    take_in(lab, sources=older("events", "odd"))
    again(lab)
    before = (lab.landing / "manifest.json").read_bytes()
    report = again(lab)
    assert (report.batch_seq, became(report)) == (None, {"quarantined": 1})
    assert (lab.landing / "manifest.json").read_bytes() == before
    assert again(lab, reason="no such reason") == ReplayReport(None, 0, ())


def test_the_file_is_read_on_as_if_nothing_had_been_refused(lab: Lab) -> None:
    lab.put("events/a.jsonl", lines(1) + line(2, feature="odd"))
    take_in(lab, sources=older("events", "odd"))
    again(lab)
    lab.append("events/a.jsonl", lines(3))
    lab.put("events/copy.jsonl", lines(1) + line(2, feature="odd"))
    total = lab.run().total
    assert (total.lines, total.events, total.duplicates) == (3, 1, 2)
    check(lab)


def test_only_reasons_that_contain_the_text_are_replayed(lab: Lab) -> None:
    lab.put("events/a.jsonl", line(1, feature="odd") + line(2, provider=7))
    take_in(lab, sources=older("events", "odd"))
    report = again(lab, reason="OLDER version")
    assert became(report) == {"event": 1}
    assert [row["line_no"] for row in quarantined(lab.landing, lab.manifest)] == [2]


def test_what_is_refused_for_another_reason_now_says_so(lab: Lab) -> None:
    lab.put("events/a.jsonl", line(1, feature="odd"))
    take_in(lab, sources=older("events", "odd", "one"))
    for reason in ("two", "one", "two"):  # the way there, back, and there again
        [told] = again(lab, sources=older("events", "odd", reason)).refusals
        assert (told.became, told.why) == ("quarantined", reason)
        assert [row["reason"] for row in quarantined(lab.landing, lab.manifest)] == [reason]
    assert lab.manifest.files[0].counters == Counters(1, 0, 0, 0, 1, 0)
    assert became(again(lab)) == {"event": 1}


def test_a_line_that_was_too_long_is_read_with_a_higher_limit(lab: Lab) -> None:
    long = line(2, session_id="s" * 3000)
    lab.put("events/a.jsonl", "\ufeff" + lines(1) + long.replace("\n", "\r\n") + lines(3))
    take_in(lab, limits=Limits(line_bytes=1024, read_bytes=512))
    assert lab.manifest.files[0].counters.quarantined == 1
    assert became(again(lab, limits=Limits(line_bytes=2048))) == {"quarantined": 1}
    assert became(again(lab)) == {"event": 1}


def test_a_packed_file_that_was_too_large_is_replayed_as_its_lines(lab: Lab) -> None:
    lab.put("events/a.jsonl.gz", gzip.compress((lines(1, 2, 2) + "junk\n").encode()))
    take_in(lab, limits=Limits(unpacked_bytes=100))
    assert lab.manifest.files[0].counters == Counters(1, 0, 0, 0, 1, 0)
    report = again(lab)
    assert (report.events, became(report)) == (2, {"event": 1})
    assert lab.manifest.files[0].counters == Counters(4, 2, 1, 0, 1, 0)
    assert lab.run().total.lines == 0


def test_lines_of_a_packed_file_are_replayed(lab: Lab) -> None:
    lab.put("events/a.jsonl.gz", gzip.compress((lines(1) + line(2, feature="odd")).encode()))
    take_in(lab, sources=older("events", "odd"))
    assert became(again(lab)) == {"event": 1}
    lab.put("events/b.jsonl.gz", b"\x1f\x8b broken")
    take_in(lab)
    assert became(again(lab)) == {"quarantined": 1}


def test_a_table_whose_header_was_refused_is_replayed_from_its_header_on(lab: Lab) -> None:
    lab.put("litellm_spend_logs/a.csv", TABLE)
    source = SOURCES["litellm_spend_logs"]
    needs_more = replace(source, csv_required=source.csv_required | {"a_column_of_old"})
    take_in(lab, sources=SOURCES | {source.name: needs_more})
    [state] = lab.manifest.files
    assert (state.header, state.counters.events, state.counters.quarantined) == ((), 0, state.counters.lines)
    calm = Lab(lab.raw.parent / "calm")
    calm.put("litellm_spend_logs/a.csv", TABLE)
    calm.run()

    again(lab)

    [state], [truth] = lab.manifest.files, calm.manifest.files
    assert (state.header, state.counters) == (truth.header, truth.counters)
    ids = {row["event_id"] for row in calm.rows(source.name)}
    assert {row["event_id"] for row in lab.rows(source.name)} == ids


def test_a_row_of_a_table_is_replayed(lab: Lab) -> None:
    lab.put("litellm_spend_logs/a.csv", TABLE)
    take_in(lab, sources=older("litellm_spend_logs", "claude"))
    refused = lab.manifest.files[0].counters.quarantined
    assert refused > 1
    assert became(again(lab)) == {"event": refused}


def test_a_document_that_was_too_large_is_replayed_as_its_records(lab: Lab) -> None:
    lab.put("litellm_payload/a.json", json.dumps(PAYLOADS[:3], indent=1))
    take_in(lab, limits=Limits(document_bytes=100))
    report = again(lab)
    assert (report.events, became(report)) == (3, {"event": 1})
    assert lab.manifest.files[0].counters == Counters(3, 3, 0, 0, 0, 0)


def test_of_a_batch_the_refused_records_alone_are_replayed(lab: Lab) -> None:
    odd = PAYLOADS[1] | {"model_group": "odd"}
    lab.put("litellm_payload/a.json", json.dumps([PAYLOADS[0], odd, PAYLOADS[2], 7], indent=1))
    take_in(lab, sources=older("litellm_payload", '"odd"'))
    assert lab.manifest.files[0].counters == Counters(4, 2, 0, 0, 2, 0)
    assert became(again(lab)) == {"event": 1, "quarantined": 1}
    assert lab.manifest.files[0].counters == Counters(4, 3, 0, 0, 1, 0)


def test_a_batch_that_was_refused_before_its_records_were_looked_at_is_replayed_whole(lab: Lab) -> None:
    def explode(value: Any) -> list[Any]:
        raise Refused("no batches yet")

    lab.put("litellm_payload/a.jsonl", json.dumps(PAYLOADS[:3]) + "\n" + json.dumps(PAYLOADS[3]) + "\n")
    source = SOURCES["litellm_payload"]
    take_in(lab, sources=SOURCES | {source.name: replace(source, explode=explode)})
    again(lab)
    assert lab.manifest.files[0].counters == Counters(4, 4, 0, 0, 0, 0)


def test_where_it_is_not_clear_which_record_was_refused_the_refusal_stays(lab: Lab) -> None:
    odd = PAYLOADS[1] | {"model_group": "odd"}
    lab.put("litellm_payload/a.json", json.dumps([PAYLOADS[0], odd, odd, PAYLOADS[2]], indent=1))
    take_in(lab, sources=older("litellm_payload", '"odd"'))
    lab.put("litellm_payload/b.jsonl", json.dumps(odd) + "\n")  # meanwhile the call came in otherwise
    take_in(lab)
    report = again(lab)
    assert [(one.became, one.why) for one in report.refusals] == [("unavailable", UNCLEAR)] * 2
    assert report.batch_seq is None


@pytest.mark.parametrize(("change", "why"), [("gone", GONE), ("rewritten", GONE), ("edited", CHANGED)])
def test_a_refusal_whose_line_is_not_there_any_more_stays(lab: Lab, change: str, why: str) -> None:
    filler = "".join(line(n) for n in range(100, 200))
    place = lab.put("events/a.jsonl", filler + line(2, feature="odd") + filler)
    take_in(lab, sources=older("events", "odd"))
    text = place.read_text()
    if change == "gone":
        place.unlink()
    else:
        place.write_text(text.replace('"odd"', '"new"') if change == "edited" else text[1000:])
    report = again(lab)
    assert [(one.became, one.why) for one in report.refusals] == [("unavailable", why)]
    assert report.batch_seq is None


def test_a_file_that_was_renamed_since_is_found(lab: Lab) -> None:
    place = lab.put("events/a.jsonl", line(2, feature="odd"))
    take_in(lab, sources=older("events", "odd"))
    place.rename(place.with_name("a.jsonl.1"))
    assert became(again(lab)) == {"event": 1}


KILLED = """
import sys
from datetime import datetime
from pathlib import Path
from tokencost_pipeline.ingest.replay import replay
from tokencost_pipeline.settings import Settings
replay(Settings(raw_dir=Path(sys.argv[1]), data_dir=Path(sys.argv[2])), now=datetime.fromisoformat(sys.argv[3]))
"""


@pytest.mark.parametrize(
    "point", ["mid_write", "mid_index", "before_manifest", "mid_manifest", "after_manifest"]
)
def test_a_killed_replay_has_happened_or_not(lab: Lab, point: str) -> None:
    lab.put("events/a.jsonl", lines(1) + line(2, feature="odd") + "junk\n")
    take_in(lab, sources=older("events", "odd"))
    dead = subprocess.run(
        [sys.executable, "-c", KILLED, str(lab.raw), str(lab.settings.data_dir), NOW.isoformat()],
        env=os.environ | {VARIABLE: point},
        capture_output=True,
        check=False,
    )
    assert dead.returncode == -signal.SIGKILL, dead.stderr.decode()
    check(lab)
    assert len(lab.manifest.batches) == (2 if point == "after_manifest" else 1)
    again(lab)
    assert lab.manifest.files[0].counters == Counters(3, 2, 0, 0, 1, 0)
    assert sorted(row["event_id"] for row in lab.rows("events")) == [
        event(1)["event_id"],
        event(2)["event_id"],
    ]
    there = {path.relative_to(lab.landing).parts[0] for path in lab.landing.rglob("*") if path.is_file()}
    assert there == {"batches", "seen", "manifest.json"}
    assert Path(lab.landing / "batches" / "00000002" / "quarantine_replayed.parquet").exists()
