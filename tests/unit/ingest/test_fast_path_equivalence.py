"""The vectorised path reads what the line-by-line path reads, or leaves it alone: on any bytes."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_lab import NOW, Lab, event

from tokencost_pipeline.ingest.fast.parse import EventParser
from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.gate import parse_object
from tokencost_pipeline.ingest.limits import MAX_COUNT, MAX_TEXT_BYTES, Limits
from tokencost_pipeline.ingest.reader import MARGIN, Lines
from tokencost_pipeline.ingest.schema import ATTEMPTS
from tokencost_pipeline.ingest.seen_runs import Run
from tokencost_pipeline.ingest.sources.canonical_events import COUNTS, FIELDS, TEXTS, map_event

LINE_BYTES = 100_000
FULL = event(
    3,
    **{name: f"{name} é" for name in TEXTS},
    **{name: number for number, name in enumerate(COUNTS)},
    cache_hit=False,
    computed_cost="0.00125",
    input_audio_seconds=12.5,
    tags={"zone": "b", "env": "prod"},
)


def as_lines(data: bytes) -> Lines:
    margin = b" " * MARGIN
    return Lines(margin + data + margin, MARGIN + len(data), 0, 1)


def slow(line: bytes) -> tuple[dict[str, Any], set[str]] | None:
    """What the line-by-line path makes of a line: (landed fields, unknown names), None when it refuses."""
    row: dict[str, Any] = {}
    try:
        record = parse_object(line.removesuffix(b"\r"))
        map_event(record, row, NOW)
    except Refused:
        return None
    return {name: value for name, value in row.items() if value is not None}, set(record) - FIELDS


def fast(data: bytes, parser: EventParser | None = None) -> dict[int, tuple[dict[str, Any], set[str]]]:
    """The same of the vectorised path, by line number from 0."""
    parsed = (parser or EventParser(NOW, LINE_BYTES)).parse(as_lines(data))
    found: dict[int, tuple[dict[str, Any], set[str]]] = {}
    for read in parsed.reads:
        arrays = read.columns.arrays
        for name, array in arrays.items():
            assert array.type == ATTEMPTS.field(name).type
            array.validate(full=True)
        for place, number in enumerate(read.columns.numbers.tolist()):
            row = {name: array[place].as_py() for name, array in arrays.items()}
            held = {name: value for name, value in row.items() if value is not None}
            assert number not in found
            found[number] = {"grain": "attempt", **held}, set(read.unknown)
    rest = parsed.rest.tolist()
    assert sorted([*found, *rest]) == list(range(data.count(b"\n")))
    return found


def check(lines: list[bytes], parser: EventParser | None = None) -> int:
    """How many of the lines the vectorised path read; all of them as the other path reads them."""
    found = fast(b"".join(line + b"\n" for line in lines), parser)
    for number, row in found.items():
        assert row == slow(lines[number]), lines[number]
    return len(found)


def dumps(record: Any, spaced: bool = False, ascii_only: bool = False) -> bytes:
    separators = (", ", ": ") if spaced else (",", ":")
    return json.dumps(record, separators=separators, ensure_ascii=ascii_only).encode()


# ---- what it is for: clean lines are read, all of them


def in_shapes(number: int) -> list[bytes]:
    base = event(number)
    return [
        dumps(base),
        dumps(base, spaced=True),
        dumps(base | {"computed_cost": 0.00123, "cache_hit": True}),
        dumps(base | {"computed_cost": None, "cache_hit": None, "latency_ms": None}, spaced=True),
        dumps(base | {"tags": {}, "user_id": ""}),
        dumps(base | {"tags": {"b": "", "a": "é"}, "tenant_id": "ü"}),
        dumps(dict(reversed(base.items()))),
        dumps(base | {"surprise": "text", "flag": True, "score": 0.5, "nested": {"a": "b"}, "nothing": None}),
        dumps(FULL | {"event_id": f"full{number}"}),
        dumps(base) + b"\r",
        b"  " + dumps(base) + b" ",
    ]


@pytest.mark.parametrize("shape", range(len(in_shapes(0))))
def test_clean_lines_of_any_shape_are_read_by_column(shape: int) -> None:
    lines = [in_shapes(number)[shape] for number in range(40)]
    assert check(lines) == 40


def test_shapes_may_change_from_line_to_line_and_stay_known_from_block_to_block() -> None:
    parser = EventParser(NOW, LINE_BYTES)
    for start in (0, 50):
        lines = [line for number in range(start, start + 50) for line in in_shapes(number)]
        assert check(lines, parser) == len(lines)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (
            "timestamp",
            [
                *("2026-11-20T10:00:00Z", "2026-11-20 10:00:00.1z", "2024-02-29t23:59:59.123456Z"),
                *("2026-11-20T10:00:00.12345678Z", "2026-11-20T10:00:00.123456789Z", "2015-01-01T00:00:00Z"),
                *("2026-11-20T10:00:00+02:00", "2026-11-20T10:00:00.5-23:59", "2026-01-01T00:00:00+00:01"),
                *("2026-11-23T12:00:00Z", "2026-12-31T00:00:00.999999+23:59", "2015-01-01T00:59:59+01:00"),
            ],
        ),
        (
            "computed_cost",
            [
                *(
                    0,
                    1,
                    12,
                    0.5,
                    1.5e-07,
                    3e-05,
                    "0",
                    "0.000000000000001",
                    "9223.372036854775",
                    "1E2",
                    "2e-3",
                ),
                *("12.345678901234", "1.0", "0.10", "100000", "0e0", "0.0e-5", "1.25e+1", 9999.5, None),
            ],
        ),
        ("input_audio_seconds", [0, 1, 59.999, "0.000000001", 1e-9, "3600.5", None]),
        ("latency_ms", [0, 9, 10, 99999999, 100000000, 123456789012, MAX_COUNT, None]),
        ("attempt", [0, 1, 2, None]),
        ("cache_hit", [True, False, None]),
        ("provider", ["OpenAI", "gemini", "ollama_chat", "KELVIN \u212a", "unheard-of"]),
        ("user_id", ["", "x" * MAX_TEXT_BYTES, "é" * (MAX_TEXT_BYTES // 2), "\u2028\x7f\U0001f600", None]),
        ("tags", [{"a": "b"}, {"a": ""}, {"a": "c\x7f"}, {}, None]),
    ],
)
def test_values_of_every_form_are_read_as_the_other_path_reads_them(field: str, values: list[Any]) -> None:
    lines = [dumps(event(number) | {field: value}) for number, value in enumerate(values * 3)]
    check(lines)


def test_a_form_that_is_rare_does_not_cost_its_neighbours_the_quick_way() -> None:
    lines = [dumps(event(number)) for number in range(200)]
    odd = [
        b"",
        b"junk",
        dumps(event(1, event_id=None)),
        dumps(event(2, user_id="a\\b")),
        dumps(event(3))[:-1],
    ]
    for place, line in enumerate(odd):
        lines.insert(place * 37, line)
    assert check(lines) == 200


# ---- soundness: whatever it reads, the other path reads the same

BASE = dumps(event(1, computed_cost=0.25, cache_hit=False, user_id="u", tags={"k": "v"}), spaced=True)
SMALL = b'{"event_id":"e","timestamp":"2026-11-20T10:00:00Z","request_id":"r","provider":"p","model":"m",'
NASTY = [
    *(b"", b" ", b"\r", b"null", b"[]", b"{}", b'"x"', b"12", b"{", b"}", b"{}{}", b"\xef\xbb\xbf" + BASE),
    *(BASE + tail for tail in (b",", b" x", b"}", b"{}", BASE, b"\r\r", b"\x00", b"\x0b", b"\xc2\xa0", b"#", b"//")),
    *(head + BASE for head in (b",", b"x", b"[", b"\x00", b"\x0c", b"\xfe\xff", b'"')),
    BASE[:-1] + b",}",
    BASE[:-1] + b', "model": "again"}',
    BASE[:-1] + b', "tags": {"k": "w"}}',
    BASE[:-1] + b', "x": 1, "x": 2}',
    BASE[:-1] + b', "x": [1]}',
    BASE[:-1] + b', "x": {"y": {"z": "1"}}}',
    BASE[:-1] + b', "x": {"y": 1}}',
    BASE[:-1] + b', "x": NaN}',
    BASE[:-1] + b', "x": 01}',
    BASE[:-1] + b', "x": -1}',
    BASE[:-1] + b', "x": 1.}',
    BASE[:-1] + b', "x": tru}',
    BASE[:-1] + b', "": "empty name"}',
    BASE[:-1] + b', "\xff": "x"}',
    BASE[:-1] + b", 'x': 1}",
    BASE[:-1] + b", x: 1}",
    BASE.replace(b"{", b"[", 1),
    BASE.replace(b'"k": "v"', b'"k": "v", "k": "w"'),
    BASE.replace(b'"k": "v"', b'"k": 1'),
    BASE.replace(b'"k": "v"', b'"k": null'),
    BASE.replace(b'"k": "v"', b'"k": {"l": "m"}'),
    BASE.replace(b'{"k": "v"}', b'"text"'),
    BASE.replace(b'{"k": "v"}', b'["k", "v"]'),
    BASE.replace(b'"k": "v"', b'"k": "' + b"x" * (MAX_TEXT_BYTES - 2) + b'"'),
    BASE.replace(b'"u"', b'"' + b"x" * (MAX_TEXT_BYTES + 1) + b'"'),
    BASE.replace(b'"u"', b'"' + b"x" * LINE_BYTES + b'"'),
    BASE.replace(b'"user_id"', b'"' + b"n" * 300 + b'"'),
    BASE.replace(b'"user_id"', b'"user\\u005fid"'),
    BASE.replace(b'"openai"', b'""'),
    BASE.replace(b'"openai"', b'"a\\u0000b"'),
    BASE.replace(b'"openai"', b'"\\ud800"'),
    BASE.replace(b'"openai"', b'"\xed\xa0\x80"'),
    BASE.replace(b'"openai"', b'"caf\xe9"'),
    BASE.replace(b'"openai"', b'"\xf4\x90\x80\x80"'),
    BASE.replace(b'"openai"', b'"\xc0\xaf"'),
    BASE.replace(b'"openai"', b'"tab\there"'),
    BASE.replace(b'"openai"', b'"nul\x00here"'),
    BASE.replace(b'"openai"', b'"quote"here"'),
    BASE.replace(b'"openai"', b"null"),
    BASE.replace(b'"openai"', b"12"),
    BASE.replace(b": 101", b": 1e2"),
    *(
        BASE.replace(b": 101", b": " + number)
        for number in (
            *(b"101.0", b"-1", b"-0", b"0101", b"00", b"+1", b"1e400", b"true", b"null", b'"101"', b"1_0", b"0x1"),
            *(b"1000000000000", b"1000000000001", b"9" * 16, b"9" * 17, b"9" * 30, b"1 0", b"1,0", b"", b" ", b"1 "),
            *(b"\xd9\xa1", b"NaN", b"Infinity", b"[1]", b"{}", b'{"a": "b"}', b"\xef\xbc\x91", b"1/", b":1"),
        )
    ),
    *(
        BASE.replace(b": 0.25", b": " + amount)
        for amount in (
            *(b"0.1234567890123456", b"0.12345678901234560", b"1e-16", b"10e-16", b"-0.5", b".5", b"5.", b"0.5.5"),
            *(b"1e", b"1e+", b"e5", b"1e5e5", b"00.5", b"1e400", b"1e-400", b"9223.372036854776", b"123456.5", b"0x5"),
            *(b'"0.25 "', b'" 0.25"', b'""', b'"null"', b"nulL", b"0,25", b'"1e3"', b'"+1"', b'"01"', b"0.2\xc3\xa95"),
            *(b"1" * 25, b"0." + b"1" * 30, b"true", b'"NaN"', b"1E02", b"1e0000000000002", b"0.000000000000000"),
        )
    ),
    *(
        BASE.replace(b"2026-11-20T10:00:01Z", moment)
        for moment in (
            *(b"2026-11-20T10:00:01", b"2026-11-20T10:00:01.Z", b"2026-11-20T10:00:60Z", b"2026-11-20T24:00:00Z"),
            *(b"2026-02-29T10:00:01Z", b"2026-13-01T10:00:01Z", b"2026-00-01T10:00:01Z", b"2026-11-00T10:00:01Z"),
            *(b"2026-11-31T10:00:01Z", b"2014-12-31T23:59:59Z", b"2026-11-23T12:00:00.000001Z"),
            *(b"9999-01-01T00:00:00Z", b"0000-01-01T00:00:00Z", b"2026-11-20T10:00:01/"),
            *(b"2026-11-20T10:00:01+24:00", b"2026-11-20T10:00:01+01:60", b"2026-11-20T10:00:01+0100"),
            *(b"2026-11-20T10:00:01.1234567890Z", b"2026-11-20X10:00:01Z", b"2026,11-20T10:00:01Z"),
            *(b"2026-11-20T10-00:01Z", b"2026-11-20T10:00;01Z", b"2026-11-20T10:00:0:Z", b"2026-11-20T1/:00:01Z", b""),
            *(b"2026-11-20T10:00:01.5+02:00Z", b"2026-11-20T10:00:01 Z", b"2026-11-20T10:00:01.12a4Z", b"Z" * 20),
            *(b"2026-11-20T10:00:01.123456789+01:00", b"2026-11-20T10:00:01.1-1:00", b"20261120T100001Z", b"Z" * 40),
        )
    ),
    BASE.replace(b"false", b"False"),
    BASE.replace(b"false", b"fals"),
    BASE.replace(b"false", b"0"),
    BASE.replace(b"false", b'"false"'),
    SMALL + b'"prompt_tokens":1,"completion_tokens":2,"tags":null}',
    SMALL + b'"prompt_tokens":1,"completion_tokens":2,"tags":{}}',
    SMALL + b'"prompt_tokens":1,"completion_tokens":2,"model":{}}',
    SMALL + b'"prompt_tokens":1,"completion_tokens":2,"user_id":{}}',
    SMALL + b'"prompt_tokens":1,"completion_tokens":2,"user_id":{"a":"b"}}',
    SMALL + b'"prompt_tokens":1,"completion_tokens":2,"tags":false}',
    SMALL + b'"prompt_tokens":{"a":"b"},"completion_tokens":2}',
    SMALL + b'"prompt_tokens":1}',
    SMALL + b'"prompt_tokens":1,"completion_tokens":null}',
    SMALL.replace(b'"e"', b"null") + b'"prompt_tokens":1,"completion_tokens":2}',
    SMALL.replace(b'"e"', b'""') + b'"prompt_tokens":1,"completion_tokens":2}',
    SMALL.replace(b'"event_id":"e",', b"") + b'"prompt_tokens":1,"completion_tokens":2}',
]  # fmt: skip


def test_nasty_lines_among_clean_ones_are_read_the_same_or_left_alone() -> None:
    clean = [BASE, SMALL + b'"prompt_tokens":1,"completion_tokens":2}']
    assert check([*clean, *(line for line in NASTY if b"\n" not in line), *clean]) >= 4
    for line in NASTY:  # alone: it is the one from which a template is learned
        check([line, line])
        check([BASE, line, BASE])


def test_no_byte_of_a_line_can_be_another_unseen() -> None:
    for place in range(len(BASE)):
        others = [
            BASE[:place] + bytes([byte]) + BASE[place + 1 :] for byte in b'"\\{}[],: \t\r01-.eZx/\x00\x80'
        ]
        check([BASE, *others, BASE[:place] + BASE[place + 1 :], BASE])


STRUCTURE = st.sampled_from(
    [*(bytes([byte]) for byte in b'"{}[]:,\\ \t\r0123456789.-+eETZnulltrue/\x00\x7f\x80'), b"", b"null"]
)
edit = st.tuples(st.integers(0, 1000), st.integers(0, 3), STRUCTURE)
any_value = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.integers(0, 10**13)
    | st.floats()
    | st.decimals(0, 10**4, allow_nan=False, places=9).map(str)
    | st.floats(0, 10, allow_nan=False)
    | st.text(max_size=12)
    | st.integers(-(10**10), 10**15).map(lambda back: (NOW - timedelta(microseconds=back)).isoformat())
    | st.dictionaries(st.text(max_size=2), st.text(max_size=3), max_size=3)
    | st.lists(st.none(), max_size=1)
)
any_event = st.builds(
    lambda number, changes, style: dumps(event(number) | changes, *style),
    st.integers(0, 3),
    st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=3), any_value, max_size=3),
    st.tuples(st.booleans(), st.booleans()),
)


def edited(line: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for place, gone, new in edits:
        place %= len(line) + 1
        line = line[:place] + new + line[place + gone :]
    return line.replace(b"\n", b"")


wild_line = (
    st.builds(edited, any_event, st.lists(edit, max_size=2))
    | any_event
    | st.sampled_from(NASTY)
    | st.binary(max_size=30).map(lambda data: data.replace(b"\n", b""))
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(wild_line, min_size=1, max_size=30))
def test_wild_lines_are_read_the_same_or_left_alone(lines: list[bytes]) -> None:
    check([*lines, BASE, *lines])


# ---- the whole ingest: the same rows, verdicts, quarantine and counters


def world(lab: Lab) -> dict[str, Any]:
    """Everything that a run leaves, in an order of its own."""
    tables = {
        name: Counter(str(sorted(row.items())) for row in lab.rows(name))
        for name in ("events", "quarantine", "conflicts")
    }
    manifest = lab.manifest
    runs = [Run(entry.rows, path=lab.landing / entry.file).open() for entry in manifest.seen or ()]
    marks = {
        words
        for run in runs
        for words in zip(run.high.tolist(), run.low.tolist(), run.content.tolist(), strict=True)
    }
    files = [
        (state.path, state.file_id, state.next_line, state.fingerprint, state.counters)
        for state in manifest.files
    ]
    return tables | {
        "seen": marks,
        "files": files,
        "unknown": [batch.unknown_fields for batch in manifest.batches],
    }


def by_either_path(limits: Limits, *puts: tuple[str, bytes]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The world after runs in which these files appear, one run a file: vectorised and not."""
    worlds = []
    for least in (0, 10**12):
        with tempfile.TemporaryDirectory() as folder:
            lab = Lab(Path(folder))
            notes = []
            for path, data in puts:
                lab.put(path, data)
                chosen = Limits(**{**limits.__dict__, "least_block_bytes": least})
                notes.append(
                    [(note.path, note.line_no, note.reason) for note in lab.run(limits=chosen).quarantined]
                )
            worlds.append(world(lab) | {"notes": notes})
    return worlds[0], worlds[1]


LIMITS = Limits(line_bytes=4096, read_bytes=200, chunk_rows=9, chunk_bytes=3000, block_bytes=900)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(wild_line, st.sampled_from([b"\n", b"\r\n"])), max_size=25),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.integers(0, 10**6),
    st.sampled_from([900, 20_000]),
)
def test_both_paths_leave_the_same_world(
    lines: list[tuple[bytes, bytes]], bom: bytes, stop: int, block_bytes: int
) -> None:
    data = bom + b"".join(line + end for line, end in lines) + BASE
    cut = stop % (len(data) + 1)
    limits = Limits(**{**LIMITS.__dict__, "block_bytes": block_bytes})
    fast_world, slow_world = by_either_path(
        limits,
        ("events/a.jsonl", data[:cut]),  # a file that grows,
        ("events/a.jsonl", data + b"\n"),
        (
            "events/b.jsonl.gz",
            gzip.compress(data),
        ),  # and is rotated: duplicates, the last line without its end
    )
    assert fast_world == slow_world


def test_the_first_of_a_key_counts_on_either_path() -> None:
    # the odd line, which goes line by line, stands before or behind the plain one of the same event_id
    plain, odd = dumps(event(1, latency_ms=5)), dumps(event(1, latency_ms=5.0))
    escaped, other = dumps(event(1, user_id="a\\b")), dumps(event(1, latency_ms=6))
    for lines in (
        [escaped, plain, other],
        [plain, escaped, plain],
        [odd, other, escaped, plain],
        [other, other, plain],
    ):
        data = b"".join(line + b"\n" for line in [*lines, *map(dumps, map(event, range(2, 30)))])
        fast_world, slow_world = by_either_path(Limits(), ("events/a.jsonl", data))
        assert fast_world == slow_world
        assert sum(fast_world["conflicts"].values()) > 0


def test_unknown_names_are_counted_the_same_beyond_the_two_hundredth() -> None:
    lines = [
        dumps(event(number) | {f"n{number % 230}": 1, "always": "x", "not a name!": 2})
        for number in range(500)
    ]
    lines[5] = dumps(event(5) | {"odd": "a\\b"})
    limits = Limits(**{**LIMITS.__dict__, "block_bytes": 4000})
    fast_world, slow_world = by_either_path(limits, ("events/a.jsonl", b"\n".join(lines) + b"\n"))
    assert fast_world == slow_world
    assert len(fast_world["unknown"][0]) == 200
    assert fast_world["unknown"][0]["events.(other)"] > 500


def test_chunks_end_anywhere_and_lose_nothing() -> None:
    data = b"".join(
        dumps(event(number % 90, latency_ms=number % 2), spaced=bool(number % 3)) + b"\n"
        for number in range(300)
    )
    for block_bytes in (256, 4096, 10**6):
        limits = Limits(**{**LIMITS.__dict__, "block_bytes": block_bytes})
        fast_world, slow_world = by_either_path(limits, ("events/a.jsonl", data))
        assert fast_world == slow_world
        (state,) = fast_world["files"]
        assert (state[4].lines, state[4].events) == (300, 90)


def test_a_line_too_long_to_hold_stands_between_two_blocks() -> None:
    long = dumps(event(5, user_id="x" * 9000))
    data = (
        b"\n".join([*map(dumps, map(event, range(20))), long, *map(dumps, map(event, range(20, 40)))]) + b"\n"
    )
    fast_world, slow_world = by_either_path(LIMITS, ("events/a.jsonl", data))
    assert fast_world == slow_world
    assert sum(fast_world["quarantine"].values()) == 1


def test_arrays_are_of_the_landed_types_even_when_nothing_is_read() -> None:
    parsed = EventParser(NOW, LINE_BYTES).parse(as_lines(b"junk\n\n"))
    assert parsed.reads == ()
    assert parsed.rest.tolist() == [0, 1]
    assert isinstance(pa.nulls(0), pa.Array)
    assert parsed.offset(np.array([1])).tolist() == [5]
