"""Live files: append, rotate, rename, truncate, copy, pack, drop again. Nothing lost or counted twice."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import zlib
from datetime import timedelta
from pathlib import Path

import pytest
from ingest_lab import NOW, Lab, event, line, lines

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.run import ingest

A = "events/a.jsonl"
B = "events/b.jsonl"


def ids(lab: Lab) -> list[str]:
    return sorted(row["event_id"] for row in lab.rows("events"))


def test_nothing_new_makes_no_batch_and_leaves_the_manifest_as_it_is(lab: Lab) -> None:
    lab.put(A, lines(1, 2))
    first = lab.run()
    assert (first.batch_seq, first.new_files, first.total.events) == (1, 1, 2)
    before = (lab.landing / "manifest.json").read_bytes()
    second = lab.run(now=NOW + timedelta(hours=1))
    assert (second.batch_seq, second.bytes_read, second.total.lines) == (None, 0, 0)
    assert (lab.landing / "manifest.json").read_bytes() == before
    assert sorted(path.name for path in (lab.landing / "batches").iterdir()) == ["00000001"]


def test_an_empty_raw_folder_is_nothing_new(lab: Lab) -> None:
    lab.put("events/.gitkeep", "")
    lab.put("events/empty.jsonl", "")
    report = lab.run()
    assert report.batch_seq is None
    assert report.unrecognised == ()
    assert not (lab.landing / "manifest.json").exists()


def test_the_report_says_what_a_run_did(lab: Lab) -> None:
    data = lines(1, 1, 2) + line(2, latency_ms=9) + "\n" + line(3, prompt_tokens=-1) + line(4, x_extra=1)
    lab.put(A, data + '{"torn": ')
    lab.put("notes/readme.txt", "x")
    lab.put("events/readme.md", "x")
    lab.put("stray.jsonl", "x")
    report = lab.run()
    total = report.total
    assert (total.lines, total.events, total.duplicates, total.conflicts) == (7, 3, 1, 1)
    assert (total.quarantined, total.ignored) == (1, 1)
    assert dict(report.sources) == {"events": total}
    assert (report.bytes_read, report.pending_bytes) == (len(data), 9)
    assert report.min_occurred_at == lab.rows("events")[0]["occurred_at"]
    assert report.max_occurred_at == lab.rows("events")[-1]["occurred_at"]
    assert [(note.path, note.line_no) for note in report.quarantined] == [(A, 6)]
    assert report.unknown_fields == {"events.x_extra": 1}
    assert lab.manifest.batches[0].unknown_fields == {"events.x_extra": 1}
    assert report.unrecognised == ("events/readme.md", "notes", "stray.jsonl")
    (row,) = lab.ledger().values()
    assert (row["bytes_read"], row["lines"], row["events"], row["last_read_at"]) == (len(data), 7, 3, NOW)


def test_a_row_says_where_it_came_from(lab: Lab) -> None:
    first, second = line(1), line(2)
    lab.put(A, first + "\n" + second)
    lab.run()
    row = lab.rows("events")[1]
    assert (row["path"], row["line_no"], row["byte_offset"]) == (A, 3, len(first) + 1)
    raw = (lab.raw / A).read_bytes()[row["byte_offset"] :]
    assert json.loads(raw)["event_id"] == row["event_id"] == "e2"
    assert row["file_id"] == lab.manifest.files[0].file_id


def test_appended_lines_are_read_on_and_a_torn_one_waits(lab: Lab) -> None:
    lab.put(A, lines(1) + line(2)[:20])
    assert lab.run().total.events == 1
    assert lab.run().batch_seq is None
    lab.append(A, line(2)[20:-1])
    assert lab.run().batch_seq is None
    lab.append(A, "\n" + lines(3))
    report = lab.run()
    assert (report.total.lines, report.total.events, report.new_files) == (2, 2, 0)
    assert ids(lab) == ["e1", "e2", "e3"]
    assert [row["line_no"] for row in lab.rows("events")] == [1, 2, 3]
    assert len({row["file_id"] for row in lab.rows("events")}) == 1
    assert lab.ledger()[(A, 1)]["lines"] == 3


def test_a_renamed_file_is_read_on_where_it_was_left(lab: Lab) -> None:
    lab.put(A, lines(1, 2))
    lab.run()
    (lab.raw / A).rename(lab.raw / B)
    assert lab.run().batch_seq is None
    lab.append(B, lines(3))
    lab.put(A, lines(4))
    report = lab.run()
    assert (report.total.lines, report.total.events) == (2, 2)
    assert sorted(lab.ledger()) == [(A, 2), (B, 1)]
    assert len({row["file_id"] for row in lab.rows("events")}) == 2


def test_copytruncate_loses_nothing_between_copy_and_truncation(lab: Lab) -> None:
    lab.put(A, lines(1, 2))
    lab.run()
    lab.append(A, lines(3))
    shutil.copy(lab.raw / A, lab.raw / B)
    lab.put(A, lines(4))
    report = lab.run()
    assert (report.total.events, report.total.duplicates) == (2, 0)
    assert ids(lab) == ["e1", "e2", "e3", "e4"]


def test_a_file_truncated_and_grown_past_the_offset_is_a_new_generation(lab: Lab) -> None:
    lab.put(A, lines(1, 2))
    lab.run()
    with (lab.raw / A).open("r+b") as handle:
        handle.truncate(0)
    lab.append(A, lines(2, 3, 4))
    report = lab.run()
    assert (report.total.events, report.total.duplicates, report.new_files) == (2, 1, 1)
    assert sorted(lab.ledger()) == [(A, 1), (A, 2)]


def test_a_file_that_only_shrank_is_read_anew_and_gives_duplicates(lab: Lab) -> None:
    lab.put(A, lines(1, 2))
    lab.run()
    lab.put(A, lines(1))
    total = lab.run().total
    assert (total.events, total.duplicates) == (0, 1)
    assert lab.run().batch_seq is None


def test_a_deleted_and_recreated_file_is_read_whole(lab: Lab) -> None:
    lab.put(A, lines(1))
    lab.run()
    (lab.raw / A).unlink()
    assert lab.run().batch_seq is None
    lab.put(A, lines(5, 6))
    assert lab.run().total.events == 2
    assert ids(lab) == ["e1", "e5", "e6"]


def test_a_copy_beside_its_original_gives_duplicates_only(lab: Lab) -> None:
    lab.put(A, lines(1, 2))
    lab.run()
    shutil.copy(lab.raw / A, lab.raw / B)
    total = lab.run().total
    assert (total.events, total.duplicates, total.conflicts) == (0, 2, 0)
    lab.append(A, lines(3))
    lab.append(B, lines(3))
    total = lab.run().total
    assert (total.events, total.duplicates) == (1, 1)


def test_hard_links_and_symbolic_links_count_each_event_once(lab: Lab) -> None:
    lab.put(A, lines(1, 2))
    os.link(lab.raw / A, lab.raw / B)
    (lab.raw / "events/c.jsonl").symlink_to(lab.raw / A)
    total = lab.run().total
    assert (total.events, total.duplicates) == (2, 4)
    lab.append(A, lines(3))
    total = lab.run().total
    assert (total.events, total.duplicates) == (1, 2)


def test_a_linked_folder_is_followed_and_a_loop_is_not(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "elsewhere/deep").mkdir(parents=True)
    (tmp_path / "elsewhere/deep/x.jsonl").write_text(lines(1))
    (lab.raw / "events").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/deep/loop").symlink_to(tmp_path / "elsewhere")
    assert lab.run().total.events == 1
    assert lab.rows("events")[0]["path"] == "events/deep/x.jsonl"


def test_pipes_dangling_links_and_odd_names_stop_nobody(lab: Lab) -> None:
    lab.put(A, lines(1))
    os.mkfifo(lab.raw / "events/pipe.jsonl")
    (lab.raw / "events/gone.jsonl").symlink_to("nowhere")
    (lab.raw / "events/folder.jsonl").mkdir()
    odd = os.fsencode(lab.raw / "events") + b"/\xff\n'.jsonl"
    Path(os.fsdecode(odd)).write_text(lines(2))
    report = lab.run()
    assert report.total.events == 2
    assert report.unrecognised == ("events/gone.jsonl", "events/pipe.jsonl")
    assert "events/\\xff\n'.jsonl" in {row["path"] for row in lab.rows("events")}


def test_the_same_event_with_other_content_is_a_conflict_and_the_first_stays(lab: Lab) -> None:
    lab.put(A, lines(1))
    lab.run()
    lab.put(B, line(1, prompt_tokens=5, feature="late") + line(1, prompt_tokens=5, feature="late") + lines(1))
    total = lab.run().total
    assert (total.events, total.duplicates, total.conflicts) == (0, 1, 2)
    assert [row["prompt_tokens"] for row in lab.rows("events")] == [101]
    conflict = lab.rows("conflicts")[0]
    assert (conflict["event_id"], conflict["path"], conflict["line_no"]) == ("e1", B, 1)
    assert json.loads(conflict["body"])["feature"] == "late"


def test_what_says_the_same_in_other_words_is_a_duplicate(lab: Lab) -> None:
    lab.put(A, line(1, computed_cost="0.10", feature="f", tags={"a": "1", "b": "2"}))
    reordered = dict(reversed(event(1, computed_cost=0.1, feature="f", tags={"b": "2", "a": "1"}).items()))
    reordered |= {"timestamp": "2026-11-20T12:00:01.000+02:00", "tenant_id": None, "region": ""}
    lab.put(B, json.dumps(reordered) + "\r\n")
    total = lab.run().total
    assert (total.events, total.duplicates, total.conflicts) == (1, 1, 0)


def test_one_event_id_in_two_sources_is_two_rows(lab: Lab) -> None:
    lab.put(A, lines(1))
    header = "request_id,startTime,spend,prompt_tokens,completion_tokens,model\n"
    lab.put("litellm_spend_logs/a.csv", header + "e1,2026-11-21 10:00:00,0,1,2,m\n")
    assert lab.run().total.events == 2


def test_small_chunks_give_the_same_batch_as_large_ones(tmp_path: Path) -> None:
    data = "".join(lines(*range(40))) + lines(3, 17) + line(5, latency_ms=1) + "junk\n" * 7
    landed = []
    for chunk_rows in (3, 50_000):
        lab = Lab(tmp_path / str(chunk_rows))
        lab.put(A, data)
        total = lab.run(limits=Limits(chunk_rows=chunk_rows)).total
        assert (total.events, total.duplicates, total.conflicts, total.quarantined) == (40, 2, 1, 7)
        landed.append(
            {name: sorted(map(str, lab.rows(name))) for name in ("events", "conflicts", "quarantine")}
        )
    assert landed[0] == landed[1]


# ---- gzip


def test_a_gzip_file_of_several_members_is_read_whole(lab: Lab) -> None:
    data = gzip.compress(lines(1, 2).encode()) + gzip.compress((lines(3) + line(4).rstrip("\n")).encode())
    lab.put(A + ".gz", data + b"\0" * 512)
    report = lab.run()
    assert (report.total.events, report.bytes_read) == (4, len(data) + 512)
    assert lab.rows("events")[2]["line_no"] == 3
    assert lab.run().batch_seq is None


def test_packing_what_was_read_before_gives_duplicates(lab: Lab) -> None:
    lab.put(A, lines(1, 2))
    lab.run()
    (lab.raw / A).unlink()
    lab.put(A + ".gz", gzip.compress(lines(1, 2, 3).encode()))
    total = lab.run().total
    assert (total.events, total.duplicates) == (1, 2)


def test_a_renamed_gzip_file_is_not_read_again(lab: Lab) -> None:
    lab.put(A + ".gz", gzip.compress(lines(1).encode()))
    lab.run()
    (lab.raw / (A + ".gz")).rename(lab.raw / (B + ".gz"))
    assert lab.run().batch_seq is None


GOOD = gzip.compress("".join(line(number) for number in range(3000)).encode(), mtime=0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (GOOD[:-1], "truncated"),
        (GOOD[: len(GOOD) // 2], "truncated"),
        (GOOD[:5], "truncated"),
        (GOOD[:-8] + b"\x00\x00\x00\x00" + GOOD[-4:], "broken"),
        (GOOD[:3000] + bytes([GOOD[3000] ^ 0x55]) + GOOD[3001:], "broken|truncated"),
        (GOOD + b"garbage", "broken"),
        (b"", "empty"),
        (lines(1).encode(), "not gzip"),
    ],
)
def test_a_broken_gzip_file_is_one_quarantined_line_and_gives_no_row(
    lab: Lab, data: bytes, reason: str
) -> None:
    lab.put(A + ".gz", data)
    lab.put(B, lines(1))
    total = lab.run().total
    assert (total.lines, total.events, total.quarantined) == (2, 1, 1)
    (row,) = lab.rows("quarantine")
    assert (row["path"], row["line_no"], row["byte_offset"], row["body"]) == (A + ".gz", 0, 0, None)
    assert any(word in row["reason"] for word in reason.split("|"))
    assert lab.run().batch_seq is None
    lab.put(A + ".gz", GOOD)
    assert lab.run().total.lines == 3000
    assert sorted(lab.ledger()) == [(A + ".gz", 1), (A + ".gz", 2), (B, 1)]


def test_a_gzip_bomb_stops_at_the_cap(lab: Lab) -> None:
    lab.put(A + ".gz", zlib.compress(b" " * 5_000_000 + b"\n", wbits=31))
    report = lab.run(limits=Limits(unpacked_bytes=1_000_000))
    assert [note.reason for note in report.quarantined] == ["unpacks to more than 1,000,000 bytes"]
    assert not (lab.landing / ".staging").exists()


def test_output_that_ends_exactly_at_a_reads_size_is_complete(lab: Lab) -> None:
    limits = Limits(read_bytes=64)
    data = (lines(1).encode() + b" " * 10_000)[: 64 * 40 - 1] + b"\n"
    lab.put(A + ".gz", gzip.compress(data))
    total = lab.run(limits=limits).total
    assert (total.events, total.ignored, total.quarantined) == (1, 1, 0)


# ---- surroundings


def test_a_missing_raw_folder_is_the_users_to_mend(lab: Lab) -> None:
    lab.raw.rmdir()
    with pytest.raises(UserError, match="does not exist") as error:
        lab.run()
    assert error.value.place == str(lab.raw)
    assert "TOKENCOST_RAW_DIR" in (error.value.hint or "")


def test_raw_is_only_ever_read(lab: Lab) -> None:
    lab.put(A, lines(1))
    lab.put(B + ".gz", gzip.compress(lines(2).encode()))
    for path in sorted(lab.raw.rglob("*"), reverse=True):
        path.chmod(0o500 if path.is_dir() else 0o400)
    lab.raw.chmod(0o500)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in lab.raw.rglob("*")}
    try:
        assert lab.run().total.events == 2
    finally:
        for path in [lab.raw, *lab.raw.rglob("*")]:
            path.chmod(0o700)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in lab.raw.rglob("*")} == before


def test_a_landing_zone_that_cannot_be_written_is_said_so(lab: Lab) -> None:
    lab.put(A, lines(1))
    lab.landing.parent.mkdir(parents=True, exist_ok=True)
    lab.landing.write_text("a file where a folder belongs")
    with pytest.raises(UserError):
        lab.run()
    lab.landing.unlink()
    assert lab.run().total.events == 1


def test_the_clock_must_say_its_offset(lab: Lab) -> None:
    with pytest.raises(ValueError, match="offset"):
        ingest(lab.settings, now=NOW.replace(tzinfo=None))


def test_progress_tells_of_every_byte(lab: Lab) -> None:
    lab.put(A, lines(1, 2))
    lab.put("litellm_payload/p.jsonl.gz", gzip.compress(b"{}\n"))
    told: list[tuple[str, int, int]] = []
    ingest(lab.settings, now=NOW, progress=lambda path, done, total: told.append((path, done, total)))
    size = sum(path.stat().st_size for path in lab.raw.rglob("*.*"))
    assert told[-1][1:] == (size, size)
    assert {path for path, _, _ in told} == {A, "litellm_payload/p.jsonl.gz"}
