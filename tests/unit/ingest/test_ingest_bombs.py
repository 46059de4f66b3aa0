"""Input that is made to be too much: refused with its neighbours untouched, in little memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from typing import Any, NamedTuple

import pytest
from ingest_lab import NOW, Lab, line, lines

from tokencost_pipeline.ingest.limits import MAX_DEPTH, MIB, Limits

MEMORY = 512 * MIB
LIMITS = Limits(unpacked_bytes=16 * MIB)
HEADER = "request_id,startTime,spend,prompt_tokens,completion_tokens,model\n"

# A fresh process, as a peak is never forgotten. Not getrusage: its ru_maxrss begins with the peak of the process that
# started it.
CHILD = r"""
import json, re, sys
from datetime import datetime
from pathlib import Path
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.run import ingest
from tokencost_pipeline.settings import Settings
raw, data, now, limits = sys.argv[1:]
settings = Settings(raw_dir=Path(raw), data_dir=Path(data))
report = ingest(settings, now=datetime.fromisoformat(now), limits=Limits(**json.loads(limits)))
assert report.total.adds_up
print(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1])
"""


class Ran(NamedTuple):
    lab: Lab
    peak: int  # bytes resident at most


def run_in_a_child(lab: Lab, limits: Limits) -> int:
    arguments = [str(lab.raw), str(lab.settings.data_dir), NOW.isoformat(), json.dumps(asdict(limits))]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * 1024


def put_large(lab: Lab, path: str, before: str, size: int, after: str, filling: bytes = b"x" * MIB) -> None:
    place = lab.put(path, before)
    with place.open("ab") as handle:
        for _ in range(size // len(filling)):
            handle.write(filling)
        handle.write(after.encode())


@pytest.fixture(scope="module")
def exploded(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    lab = Lab(tmp_path_factory.mktemp("bombs"))
    put_large(lab, "events/long.jsonl", lines(1) + '{"model": "', 100 * MIB, '"}\n' + lines(2))
    put_large(lab, "events/torn.jsonl", lines(3) + '{"model": "', 100 * MIB, "")
    deep = "[" * (2 * MIB) + "]" * (2 * MIB)
    lab.put("events/deep.jsonl", lines(4) + line(5)[:-2] + f', "x": {deep}}}\n' + lines(6))
    wide = json.dumps({str(number): {} for number in range(100_000)})
    lab.put("events/wide.jsonl", lines(7) + wide + "\n" + lines(8))
    lab.put("events/bomb.jsonl.gz", gzip.compress(lines(9).encode() + b"\n" * (64 * MIB), 1))
    lab.put("events/nested.jsonl.gz", gzip.compress(gzip.compress(lines(9).encode())))
    rows = "".join(f"s{number},2026-11-21 10:00:00,0,1,2,m\n" for number in range(4))
    put_large(
        lab, "litellm_spend_logs/open.csv", HEADER + rows + 's9,"', 100 * MIB, "\n" + rows.replace("s", "t")
    )
    many = "s8" + ",x" * (MIB // 2) + "\n"
    lab.put("litellm_spend_logs/wide.csv", HEADER + many + rows.replace("s", "u"))
    put_large(lab, "litellm_payload/long.json", "[\n", 65 * MIB, "]\n", b"{},\n" * (MIB // 4))
    lab.put("litellm_payload/deep.json", "[\n" + "[" * MIB + "]" * MIB + "]\n")
    return Ran(lab, run_in_a_child(lab, LIMITS))


def reasons(lab: Lab, path: str) -> list[str]:
    return [row["reason"] for row in lab.rows("quarantine") if row["path"] == path]


def test_all_of_them_together_stay_below_512_mib(exploded: Ran) -> None:
    print(f"peak {exploded.peak // MIB} MiB")
    assert exploded.peak < MEMORY


def test_no_neighbour_is_lost(exploded: Ran) -> None:
    assert Counter(row["event_id"] for row in exploded.lab.rows("events")) == Counter(
        {f"e{number}": 1 for number in (1, 2, 3, 4, 6, 7, 8)}
    )
    spend = {row["request_id"] for row in exploded.lab.rows("litellm_spend_logs")}
    assert spend == {f"{letter}{number}" for letter in "stu" for number in range(4)}


def test_a_line_of_100_mib_is_quarantined_with_its_hash_and_without_its_text(exploded: Ran) -> None:
    (row,) = [row for row in exploded.lab.rows("quarantine") if row["path"] == "events/long.jsonl"]
    digest = hashlib.sha256(b'{"model": "')
    for _ in range(100):
        digest.update(b"x" * MIB)
    digest.update(b'"}')
    assert row["reason"].startswith("longer than 8,388,608 bytes (104,857,6")
    assert (row["line_no"], row["byte_offset"], row["body"]) == (2, len(lines(1)), None)
    assert row["body_sha256"] == digest.hexdigest()


def test_a_line_of_100_mib_that_is_still_being_written_waits(exploded: Ran) -> None:
    assert reasons(exploded.lab, "events/torn.jsonl") == []
    (state,) = [state for state in exploded.lab.manifest.files if state.path == "events/torn.jsonl"]
    assert state.fingerprint.offset == len(lines(3))


def test_nesting_is_refused_at_its_bound(exploded: Ran) -> None:
    assert reasons(exploded.lab, "events/deep.jsonl")[0].startswith(("not valid JSON", "nested deeper"))
    assert len(reasons(exploded.lab, "events/deep.jsonl")) == 1
    assert len(reasons(exploded.lab, "litellm_payload/deep.json")) == 1


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1])
def test_the_bound_of_nesting_is_the_same_in_a_line(lab: Lab, depth: int) -> None:
    inside = depth - 1  # the line is an object itself
    lab.put("events/a.jsonl", line(1)[:-2] + ', "x": ' + "[" * inside + "]" * inside + "}\n" + line(2))
    total = lab.run().total
    assert (total.events, total.quarantined) == ((2, 0) if depth <= MAX_DEPTH else (1, 1))


def test_an_object_with_countless_fields_is_one_refused_line(exploded: Ran) -> None:
    assert reasons(exploded.lab, "events/wide.jsonl") == ["timestamp: missing or empty"]


def test_a_gzip_bomb_stops_at_the_cap_and_no_row_of_it_counts(exploded: Ran) -> None:
    assert reasons(exploded.lab, "events/bomb.jsonl.gz") == ["unpacks to more than 16,777,216 bytes"]
    # packed twice: what is inside is no text, and no more is unpacked
    assert len(reasons(exploded.lab, "events/nested.jsonl.gz")) >= 1


def test_an_open_quote_swallows_no_row_behind_it(exploded: Ran) -> None:
    (reason,) = reasons(exploded.lab, "litellm_spend_logs/open.csv")
    assert reason.startswith(("longer than 8,388,608 bytes", "a record longer than 8,388,608 bytes"))


def test_a_row_with_millions_of_columns_is_one_refused_row(exploded: Ran) -> None:
    (reason,) = reasons(exploded.lab, "litellm_spend_logs/wide.csv")
    assert "columns, as in the header" in reason


def test_a_document_beyond_its_bound_is_refused_as_a_file(exploded: Ran) -> None:
    (reason,) = reasons(exploded.lab, "litellm_payload/long.json")
    assert reason.startswith("one JSON document of 68,157,4")
    assert not [row for row in exploded.lab.rows("quarantine") if "could not be mapped" in row["reason"]]


def test_a_field_bomb_that_looks_like_an_event_is_not_half_read(lab: Lab) -> None:
    fields: list[dict[str, Any]] = [
        {"feature": "x" * 40_000},
        {"tags": {"k": "x" * 40_000}},
        {"model": "x" * 40_000},
    ]
    lab.put("events/a.jsonl", lines(1) + "".join(line(2, **field) for field in fields) + lines(3))
    total = lab.run().total
    assert (total.events, total.quarantined) == (2, 3)
    assert {row["reason"].partition(":")[0] for row in lab.rows("quarantine")} == {"feature", "tags", "model"}
    assert max(len(row["body"] or "") for row in lab.rows("quarantine")) <= 4096


def test_the_same_folder_again_costs_nothing(exploded: Ran) -> None:
    before = (exploded.lab.landing / "manifest.json").read_bytes()
    exploded.lab.run(limits=LIMITS)
    assert (exploded.lab.landing / "manifest.json").read_bytes() == before
