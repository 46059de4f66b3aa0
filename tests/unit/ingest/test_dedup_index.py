"""The index of seen events: exact over any history, small to ask, and never more than a copy of what has landed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_lab import NOW, Lab, event, line, lines

from tokencost_pipeline.ingest.content import CONTENT, Marks, marks, text_hashes
from tokencost_pipeline.ingest.dedup import CONFLICT, DUPLICATE, NEW, SeenEvents
from tokencost_pipeline.ingest.manifest import RunEntry
from tokencost_pipeline.ingest.schema import ATTEMPTS, INSTANT, MONEY
from tokencost_pipeline.ingest.seen_runs import DamagedRun, Run, find, merged, sorted_marks, write_run

WORDS = 2**64


def murmur(data: bytes, seed: int) -> tuple[int, int]:
    """MurmurHash3_x64_128 as its reference implementation has it, one byte string at a time."""

    def rotated(word: int, bits: int) -> int:
        return (word << bits | word >> (64 - bits)) % WORDS

    def mixed(word: int) -> int:
        word = (word ^ word >> 33) * 0xFF51AFD7ED558CCD % WORDS
        word = (word ^ word >> 33) * 0xC4CEB9FE1A85EC53 % WORDS
        return word ^ word >> 33

    c1, c2 = 0x87C37B91114253D5, 0x4CF5AD432745937F
    one = two = seed
    whole = len(data) // 16 * 16
    for start in range(0, whole, 16):
        first, second = (int.from_bytes(data[at : at + 8], "little") for at in (start, start + 8))
        one ^= rotated(first * c1 % WORDS, 31) * c2 % WORDS
        one = ((rotated(one, 27) + two) * 5 + 0x52DCE729) % WORDS
        two ^= rotated(second * c2 % WORDS, 33) * c1 % WORDS
        two = ((rotated(two, 31) + one) * 5 + 0x38495AB5) % WORDS
    tail = data[whole:]
    two ^= rotated(int.from_bytes(tail[8:], "little") * c2 % WORDS, 33) * c1 % WORDS
    one ^= rotated(int.from_bytes(tail[:8], "little") * c1 % WORDS, 31) * c2 % WORDS
    one, two = one ^ len(data), two ^ len(data)
    one = (one + two) % WORDS
    two = mixed((two + one) % WORDS)
    one = (mixed(one) + two) % WORDS
    return one, (two + one) % WORDS


def test_murmur_is_the_published_one() -> None:
    assert murmur(b"hello", 0) == (0xCBD8A7B341BD9B02, 0x5B1E906A48AE1D19)
    high, low = text_hashes(pa.array(["hello"]), np.uint64(0))
    assert (int(high[0]), int(low[0])) == murmur(b"hello", 0)


@given(st.lists(st.text(max_size=70), max_size=20), st.integers(0, WORDS - 1), st.integers(0, 3))
def test_many_texts_are_hashed_as_one_is(texts: list[str], seed: int, start: int) -> None:
    high, low = text_hashes(pa.array(texts, pa.string()).slice(start), np.uint64(seed))
    expected = [murmur(text.encode(), seed) for text in texts[start:]]
    assert list(zip(high.tolist(), low.tolist(), strict=True)) == expected


# ---- what makes the content of a row

ROW = {
    "event_id": "e",
    "source": "events",
    "grain": "attempt",
    "occurred_at": NOW,
    "request_id": "r",
    "path": "a",
    "file_id": "f",
    "line_no": 1,
    "byte_offset": 0,
}


def content_of(**fields: Any) -> int:
    return int(marks("events", pa.Table.from_pylist([ROW | fields], schema=ATTEMPTS)).content[0])


def other_value(field: pa.Field) -> Any:
    if field.type == MONEY:
        return Decimal(2)
    if field.type == INSTANT:
        return NOW.replace(microsecond=1)
    return {pa.int64(): 7, pa.bool_(): False, pa.string(): "z"}[field.type]


def test_every_mapped_field_and_no_other_is_content() -> None:
    base = content_of()
    different = {field.name for field in ATTEMPTS if content_of(**{field.name: other_value(field)}) != base}
    assert different == set(CONTENT)
    assert set(ATTEMPTS.names) - different == {
        "event_id",
        "source",
        "path",
        "file_id",
        "line_no",
        "byte_offset",
    }


def test_the_same_value_in_another_field_is_other_content() -> None:
    seen = {content_of(**{field.name: other_value(field)}) for field in ATTEMPTS if field.name in CONTENT}
    assert len(seen) == len(CONTENT)
    assert content_of(prompt_tokens=0) != content_of(completion_tokens=0) != content_of()
    assert content_of(cache_hit=True) != content_of(cache_hit=False)


def test_the_hash_stays_what_it_is_for_there_are_landing_zones_with_it() -> None:
    one = marks("events", pa.Table.from_pylist([ROW | {"prompt_tokens": 5, "model": "m"}], schema=ATTEMPTS))
    assert (int(one.high[0]), int(one.low[0]), int(one.content[0])) == (
        2256588820450796492,
        17561363942961400692,
        3949832416373026546,
    )


def test_a_field_that_is_absent_leaves_no_trace() -> None:
    table = pa.Table.from_pylist([ROW], schema=ATTEMPTS)
    narrow = table.drop([name for name in CONTENT if table[name].null_count])
    assert marks("events", narrow).content.tolist() == marks("events", table).content.tolist()


# ---- runs


def marks_of(keys: Iterable[tuple[int, int]], content: int = 0) -> Marks:
    pairs = list(keys)
    return Marks(
        np.array([high for high, _ in pairs], np.uint64),
        np.array([low for _, low in pairs], np.uint64),
        np.full(len(pairs), content, np.uint64),
    )


few_keys = st.tuples(st.sampled_from([0, 1, 5, WORDS - 1]), st.integers(0, 3))


@given(st.sets(few_keys), st.sets(few_keys), st.lists(few_keys, max_size=8))
def test_a_run_finds_what_is_in_it_even_where_half_the_key_agrees(
    one: set[tuple[int, int]], two: set[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    parts = [Run(len(part), sorted_marks(marks_of(part, 9))) for part in (one, two - one) if part]
    if not parts:
        return
    run = merged(parts)
    ask = marks_of(sorted(asked))
    found, content = find(run, ask.high, ask.low)
    known = one | two
    assert sorted(found.tolist()) == [place for place, key in enumerate(sorted(asked)) if key in known]
    assert content.tolist() == [9] * len(found)


def test_a_run_that_is_not_as_it_was_written_is_found_out(tmp_path: Path) -> None:
    run = write_run(Run(3, sorted_marks(marks_of([(1, 1), (2, 2), (3, 3)]))), tmp_path / "a.run")
    assert run.open().high.tolist() == [1, 2, 3]
    assert run.path is not None
    data = run.path.read_bytes()
    for damaged in (data[:-1], data + b"x", b"x" + data[1:], b""):
        run.path.write_bytes(damaged)
        with pytest.raises(DamagedRun):
            run.open()
    run.path.unlink()
    with pytest.raises(DamagedRun):
        run.open()


# ---- verdicts

calls = st.lists(st.lists(st.tuples(few_keys, st.integers(0, 1)), max_size=12), max_size=8)


@settings(max_examples=60, deadline=None)
@given(calls, st.integers(1, 20), st.booleans())
def test_verdicts_are_those_of_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory,
    calls: list[list[tuple[tuple[int, int], int]]],
    full: int,
    reopen: bool,
) -> None:
    folder = tmp_path_factory.mktemp("seen")
    seen = SeenEvents(folder, (), folder / "staging", full=full)
    known: dict[tuple[int, int], int] = {}
    for seq, events in enumerate(calls):
        expected = []
        for key, content in events:
            expected.append(NEW if key not in known else DUPLICATE if known[key] == content else CONFLICT)
            known.setdefault(key, content)
        order = list(range(len(events)))
        random.Random(seq).shuffle(order)  # as they stand, and told by `order` where they belong
        shuffled = Marks(
            np.array([events[place][0][0] for place in order], np.uint64),
            np.array([events[place][0][1] for place in order], np.uint64),
            np.array([events[place][1] for place in order], np.uint64),
        )
        verdicts = seen.classify(shuffled, np.array(order, np.int64))
        assert verdicts.tolist() == [expected[place] for place in order]
        if reopen:
            seen = SeenEvents(folder, seen.finish(seq), folder / "staging", full=full)
            seen.check()


def test_there_are_few_runs_and_each_mark_is_in_one_of_them(tmp_path: Path) -> None:
    seen = SeenEvents(tmp_path, (), tmp_path / "staging", full=1000)
    entries: tuple[RunEntry, ...] = ()
    dice = random.Random(1)
    for seq in range(300):
        seen.classify(marks_of((dice.getrandbits(64), dice.getrandbits(64)) for _ in range(10)))
        entries = seen.finish(seq)
        seen = SeenEvents(tmp_path, entries, tmp_path / "staging", full=1000)
    assert sum(entry.rows for entry in entries) == 3000
    small = [entry.rows for entry in entries if entry.rows < 1000]
    assert small == sorted(small, reverse=True)
    assert len(small) <= 8
    assert len(entries) <= 11


# ---- with the ingest


def seen_files(lab: Lab) -> set[str]:
    return {path.name for path in (lab.landing / "seen").iterdir()}


def test_runs_that_were_merged_away_are_swept_after_the_commit(lab: Lab) -> None:
    for number in range(5):
        lab.put(f"events/{number}.jsonl", lines(number))
        lab.run()
        assert seen_files(lab) == {Path(run.file).name for run in lab.manifest.seen or ()}
    assert sum(run.rows for run in lab.manifest.seen or ()) == 5


@pytest.mark.parametrize("harm", ["removed", "cut short", "folder removed"])
def test_an_index_that_was_harmed_is_made_anew_from_what_has_landed(lab: Lab, harm: str) -> None:
    lab.put("events/a.jsonl", lines(1, 2))
    lab.copy_fixture("litellm_payload_1106.jsonl", "litellm_payload/p.jsonl")
    lab.run()
    (run,) = lab.manifest.seen or ()
    place = lab.landing / run.file
    if harm == "cut short":
        place.write_bytes(place.read_bytes()[:-8])
    else:
        place.unlink()
        if harm == "folder removed":
            place.parent.rmdir()
    lab.put("events/b.jsonl", lines(2, 3) + line(1, latency_ms=9))
    lab.put("litellm_payload/copy.jsonl", (lab.raw / "litellm_payload/p.jsonl").read_bytes())
    report = lab.run()
    assert (report.sources["events"].events, report.sources["events"].duplicates) == (1, 1)
    assert report.sources["events"].conflicts == 1
    assert report.sources["litellm_payload"].events == 0
    assert sum(run.rows for run in lab.manifest.seen or ()) == sum(
        len(lab.rows(source)) for source in ("events", "litellm_payload")
    )


def test_a_landing_zone_of_version_one_is_read_and_its_index_made(lab: Lab) -> None:
    lab.put("events/a.jsonl", lines(1, 2))
    lab.run()
    # as version 1 had it: no index, ids in the batch, a hash of the line in each row
    place = lab.landing / "manifest.json"
    document = orjson.loads(place.read_bytes())
    batch = lab.landing / "batches/00000001"
    pq.write_table(
        pa.table({"source": ["events"] * 2, "key": [b"k"] * 2, "content": [b"c"] * 2}), batch / "ids.parquet"
    )
    document["batches"][0]["tables"]["ids"] = {"file": "batches/00000001/ids.parquet", "rows": 2}
    rows = pq.read_table(batch / "events.parquet")
    pq.write_table(rows.append_column("body_sha256", pa.array(["0" * 64] * 2)), batch / "events.parquet")
    place.write_bytes(
        orjson.dumps({"version": 1, "batches": document["batches"], "files": document["files"]})
    )
    assert lab.manifest.seen is None

    lab.put("events/b.jsonl", lines(1, 3) + line(2, user_id="another"))
    total = lab.run().total
    assert (total.events, total.duplicates, total.conflicts) == (1, 1, 1)
    assert sum(run.rows for run in lab.manifest.seen or ()) == 3
    assert orjson.loads(place.read_bytes())["version"] == 2


def test_the_same_event_id_of_two_sources_is_two_events(lab: Lab) -> None:
    rows = pa.Table.from_pylist([ROW], schema=ATTEMPTS)
    seen = SeenEvents(lab.landing, (), lab.landing)
    assert seen.classify(marks("events", rows)).tolist() == [NEW]
    assert seen.classify(marks("otlp", rows)).tolist() == [NEW]
    assert seen.classify(marks("events", rows)).tolist() == [DUPLICATE]
    assert event(1)["event_id"] == "e1"
