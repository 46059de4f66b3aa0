"""The manifest is the only commit: a run killed anywhere leaves the old state or the new one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from ingest_lab import FIXTURES, NOW, Lab, line, lines

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest import manifest as manifests
from tokencost_pipeline.ingest import scan as scans
from tokencost_pipeline.ingest.batch import BatchBuilder, Tally
from tokencost_pipeline.ingest.crash import POINTS, VARIABLE
from tokencost_pipeline.ingest.dedup import SeenEvents
from tokencost_pipeline.ingest.fields import Ignored
from tokencost_pipeline.ingest.landing import BatchWriter
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.manifest import Manifest, commit, read_manifest, sweep
from tokencost_pipeline.ingest.reader import Record
from tokencost_pipeline.ingest.run import ingest
from tokencost_pipeline.ingest.schema import ATTEMPTS, CONFLICTS, FILES, QUARANTINE
from tokencost_pipeline.ingest.sources import SOURCES, Source

KILLED = """
import sys
from datetime import datetime
from pathlib import Path
from tokencost_pipeline.ingest.run import ingest
from tokencost_pipeline.settings import Settings
settings = Settings(raw_dir=Path(sys.argv[1]), data_dir=Path(sys.argv[2]))
ingest(settings, now=datetime.fromisoformat(sys.argv[3]))
"""


def run_and_die(lab: Lab, point: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(lab.raw), str(lab.settings.data_dir), NOW.isoformat()],
        env=os.environ | {VARIABLE: point},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def put_world(lab: Lab) -> None:
    lab.put("events/a.jsonl", lines(1, 2, 2) + line(1, latency_ms=5) + "junk\n\n" + lines(3))
    lab.copy_fixture("litellm_payload_1106.jsonl", "litellm_payload/p.jsonl")
    lab.copy_fixture("litellm_spend_logs_1106.csv", "litellm_spend_logs/s.csv")


def content(lab: Lab) -> dict[str, Any]:
    tables = ("events", "litellm_payload", "litellm_spend_logs", "quarantine", "conflicts")
    return {table: Counter(str(row) for row in lab.rows(table)) for table in tables}


@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_any_point_is_as_if_it_had_not_happened_or_had(point: str, tmp_path: Path) -> None:
    calm, killed = Lab(tmp_path / "calm"), Lab(tmp_path / "killed")
    for lab in (calm, killed):
        put_world(lab)
    calm.run()
    run_and_die(killed, point)
    visible = killed.manifest
    assert len(visible.batches) == (1 if point == "after_manifest" else 0)
    for name in {
        name for batch in visible.batches for name in (entry.file for entry in batch.tables.values())
    }:
        assert pq.read_metadata(killed.landing / name).num_rows > 0
    killed.run()
    assert content(killed) == content(calm)
    assert [replace(state, dev=0, inode=0) for state in killed.manifest.files] == [
        replace(state, dev=0, inode=0) for state in calm.manifest.files
    ]
    assert killed.manifest.batches == calm.manifest.batches
    assert killed.manifest.seen == calm.manifest.seen
    listed = {entry.file for batch in killed.manifest.batches for entry in batch.tables.values()}
    listed |= {run.file for run in killed.manifest.seen or ()}
    there = {str(path.relative_to(killed.landing)) for path in killed.landing.rglob("*") if path.is_file()}
    assert there == listed | {"manifest.json"}


def test_a_second_run_killed_keeps_the_first_and_loses_nothing(lab: Lab) -> None:
    put_world(lab)
    lab.run()
    before = (lab.landing / "manifest.json").read_bytes()
    lab.append("events/a.jsonl", lines(4, 5))
    for point in ("mid_write", "mid_manifest"):
        run_and_die(lab, point)
        assert (lab.landing / "manifest.json").read_bytes() == before
    total = lab.run().total
    assert (total.lines, total.events) == (2, 2)


def test_the_landed_files_keep_to_the_schemas(lab: Lab) -> None:
    put_world(lab)
    lab.run()
    expected = dict.fromkeys(("events", "litellm_payload", "litellm_spend_logs"), ATTEMPTS) | {
        "quarantine": QUARANTINE,
        "conflicts": CONFLICTS,
        "files": FILES,
    }
    (batch,) = lab.manifest.batches
    assert set(batch.tables) == set(expected)
    for name, entry in batch.tables.items():
        assert entry.file == f"batches/00000001/{name}.parquet"
        table = pq.read_table(lab.landing / entry.file)
        assert table.schema.equals(expected[name])
        assert table.num_rows == entry.rows
        if "occurred_at" in table.schema.names:
            times = table["occurred_at"].to_pylist()
            assert times == sorted(times)
            assert (entry.min_occurred_at, entry.max_occurred_at) == (times[0], times[-1])
        else:
            assert entry.min_occurred_at is None


def test_the_manifest_reads_as_the_design_says(lab: Lab) -> None:
    lab.put("events/sample_a.jsonl", lines(1, 2))
    lab.run()
    document = json.loads((lab.landing / "manifest.json").read_bytes())
    assert document["version"] == 2
    (batch,) = document["batches"]
    assert (batch["seq"], batch["committed_at"]) == (1, "2026-11-22T12:00:00Z")
    assert batch["tables"]["events"] == {
        "file": "batches/00000001/events.parquet",
        "rows": 2,
        "min_occurred_at": "2026-11-20T10:00:01Z",
        "max_occurred_at": "2026-11-20T10:00:02Z",
    }
    (file,) = document["files"]
    assert {name: file[name] for name in ("path", "source", "generation", "offset", "lines", "events")} == {
        "path": "events/sample_a.jsonl",
        "source": "events",
        "generation": 1,
        "offset": len(lines(1, 2)),
        "lines": 2,
        "events": 2,
    }


def test_the_same_input_gives_the_same_manifest_but_for_the_inode(tmp_path: Path) -> None:
    manifest = []
    for name in ("one", "two"):
        lab = Lab(tmp_path / name)
        put_world(lab)
        lab.run()
        manifest.append(lab.manifest)
    assert manifest[0].batches == manifest[1].batches
    assert [state.file_id for state in manifest[0].files] == [state.file_id for state in manifest[1].files]


def test_newest_event_and_sample_are_read_off_the_manifest(lab: Lab) -> None:
    assert manifests.newest_occurred_at(lab.manifest) is None
    assert not manifests.only_sample_files(lab.manifest)
    lab.put("events/sample_a.jsonl", lines(1, 2))
    lab.run()
    lab.append("events/sample_a.jsonl", lines(0))
    lab.run()
    assert manifests.newest_occurred_at(lab.manifest) == datetime(2026, 11, 20, 10, 0, 2, tzinfo=UTC)
    assert manifests.only_sample_files(lab.manifest)
    lab.put("events/mine.jsonl", lines(7))
    lab.run()
    assert not manifests.only_sample_files(lab.manifest)


def test_a_manifest_survives_the_way_to_disk_and_back(lab: Lab) -> None:
    put_world(lab)
    lab.run()
    before = lab.manifest
    data = (lab.landing / "manifest.json").read_bytes()
    commit(lab.landing, before)
    assert lab.manifest == before
    assert (lab.landing / "manifest.json").read_bytes() == data


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"version": 3, "batches": [], "files": []}', b'{"version": 1}']
)
def test_a_damaged_manifest_is_refused_and_never_overwritten(lab: Lab, data: bytes) -> None:
    lab.landing.mkdir(parents=True)
    (lab.landing / "manifest.json").write_bytes(data)
    lab.put("events/a.jsonl", lines(1))
    with pytest.raises(UserError) as error:
        lab.run()
    assert error.value.place == str(lab.landing / "manifest.json")
    assert (lab.landing / "manifest.json").read_bytes() == data


def test_a_manifest_whose_batches_were_touched_is_refused(lab: Lab) -> None:
    put_world(lab)
    lab.run()
    place = lab.landing / "manifest.json"
    whole = place.read_bytes()
    place_of_rows = whole.rindex(b'"rows":') + len(b'"rows":')
    harmed = whole[:place_of_rows] + b"1" + whole[place_of_rows:]
    assert json.loads(harmed)
    for data in (harmed, whole[:-1], whole[: whole.rindex(b"{")]):
        place.write_bytes(data)
        with pytest.raises(UserError):
            lab.run()
        assert place.read_bytes() == data


def test_batches_read_back_are_those_that_were_written_one_by_one(lab: Lab) -> None:
    for number in range(3):
        lab.put(f"events/{number}.jsonl", lines(number))
        lab.run()
    batches = lab.manifest.batches
    assert (len(batches), [batch.seq for batch in batches]) == (3, [1, 2, 3])
    assert batches[-1] == batches[2] == tuple(batches)[2]
    assert batches == tuple(batches)
    rewritten = replace(lab.manifest, batches=tuple(batches))
    data = (lab.landing / "manifest.json").read_bytes()
    commit(lab.landing, rewritten)
    assert (lab.landing / "manifest.json").read_bytes() == data


def test_a_file_rewritten_in_place_is_noticed_though_size_and_date_are_the_old_ones(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "_SETTLED_NS", 0)  # trust the inode's time at once
    place = lab.put("events/a.jsonl", lines(1, 2))
    facts = place.stat()
    for number in (3, 4):  # the second of these runs finds the first file untouched
        lab.put(f"events/{number}.jsonl", lines(number))
        assert lab.run().total.events > 0
    with place.open("r+b") as handle:
        handle.write(lines(7, 8).encode())
    os.utime(place, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert place.stat().st_size == facts.st_size
    total = lab.run().total
    assert (total.lines, total.events) == (2, 2)


def test_sweeping_removes_leftovers_and_nothing_else(lab: Lab) -> None:
    lab.put("events/a.jsonl", lines(1))
    lab.run()
    kept = set(lab.landing.rglob("*"))
    for name in ("batches/00000002", "batches/.00000003.tmp", ".staging", "seen/9"):
        (lab.landing / name).mkdir()
        (lab.landing / name / "x.parquet").write_bytes(b"x")
    (lab.landing / ".manifest.json.tmp").write_bytes(b"x")
    (lab.landing / "reference").mkdir()
    swept = sweep(lab.landing, lab.manifest)
    assert swept == [".00000003.tmp", ".manifest.json.tmp", ".staging", "00000002", "9"]
    assert set(lab.landing.rglob("*")) == kept | {lab.landing / "reference"}
    assert sweep(lab.landing, lab.manifest) == []


def test_sweeping_an_absent_landing_zone_is_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path / "landing", Manifest()) == []
    assert read_manifest(tmp_path / "landing") == Manifest()


# ---- values that do not fit


def test_a_value_that_does_not_fit_costs_its_own_row_only(tmp_path: Path) -> None:
    writer = BatchWriter(tmp_path, 1)
    row = {"event_id": "e", "grain": "attempt", "occurred_at": NOW, "request_id": "r"}
    tally = Tally("events/a.jsonl", "events", "id")
    builder = BatchBuilder(writer, SeenEvents(tmp_path, (), tmp_path), Limits())
    for number, tokens in enumerate((1, 2**70, 3)):
        builder.add_row(
            tally,
            Record(number, 0, "sha", b""),
            row | {"event_id": f"e{number}", "prompt_tokens": tokens},
        )
    builder.flush()
    assert tally.became == {"event": 2, "quarantined": 1}
    tables = writer.finish()
    assert (tables["events"].rows, tables["quarantine"].rows) == (2, 1)


# ---- a new format is one entry


def toy_map(record: dict[str, Any], row: dict[str, Any], now: datetime) -> None:
    if record.get("kind") == "heartbeat":
        raise Ignored
    row |= {"event_id": record["id"], "grain": "count", "occurred_at": now, "request_id": record["id"]}


def test_a_new_format_is_one_entry_in_the_registry_and_its_mistakes_cost_one_line(lab: Lab) -> None:
    toy = Source("toy", {".jsonl": "jsonl"}, toy_map, SOURCES["litellm_payload"].body_of)
    lab.put("toy/a.jsonl", '{"id": "1"}\n{"kind": "heartbeat"}\n{"no": "hunter2"}\n{"id": "2"}\n')
    total = ingest(lab.settings, now=NOW, sources={"toy": toy}).total
    assert (total.events, total.ignored, total.quarantined) == (2, 1, 1)
    assert [row["reason"] for row in lab.rows("quarantine")] == ["could not be mapped (KeyError)"]
    assert {row["source"] for row in lab.rows("toy")} == {"toy"}


def test_fixtures_hold_no_bodies() -> None:
    for path in FIXTURES.iterdir():
        text = path.read_text()
        assert path.stat().st_size < 700 * 1024
        for word in ('"messages"', '"response"', '"traceback"', '"headers"', "authorization", "sk-"):
            assert word not in text.lower()
