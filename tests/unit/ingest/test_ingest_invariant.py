"""The invariant: every complete line is exactly one of event, duplicate, conflict, quarantined or ignored."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ingest_lab import FIXTURES, Lab, event

from tokencost_pipeline.ingest.limits import Limits

LIMITS = Limits(line_bytes=4096, read_bytes=100, chunk_rows=7)


def good(number: int, **fields: Any) -> bytes:
    return json.dumps(event(number, **fields)).encode()


valid = st.builds(good, st.integers(0, 5), prompt_tokens=st.sampled_from([1, 2]))
broken_field = st.builds(
    lambda name, value: json.dumps(event(1) | {name: value}).encode(),
    st.sampled_from(
        ["timestamp", "prompt_tokens", "model", "computed_cost", "cache_hit", "tags", "event_id"]
    ),
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(max_size=5)
    | st.lists(st.none(), max_size=2)
    | st.just("a\x00b"),
)
nasty = st.sampled_from(
    [
        b"",
        b"   ",
        b"\t",
        b"null",
        b"12",
        b"[]",
        b"{}",
        b"NaN",
        b"\xff\xfe",
        b"\x00",
        b'{"a":1,"a":2}',
        b'{"a":1e400}',
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b"[" * 3000,
        b'{"a": "' + b"x" * 5000 + b'"}',
        b'{"a": ' + b"9" * 70 + b"}",
        rb'{"a": "\ud800"}',
        good(1)[:-1] + b',"prompt_tokens":1}',
        good(2).replace(b"102", b"NaN"),
        good(3).replace(b"103", b"1.0"),
        good(4).replace(b"openai", b"caf\xe9"),
        "\u2028\x85".encode(),
    ]
)
wild_line = valid | broken_field | nasty | st.binary(max_size=20).filter(lambda data: b"\n" not in data)
line_end = st.sampled_from([b"\n", b"\r\n"])
wild_file = st.builds(
    lambda bom, pairs, torn: bom + b"".join(line + end for line, end in pairs) + torn,
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.lists(st.tuples(wild_line, line_end), max_size=12),
    st.sampled_from([b"", b'{"torn', b"12", good(9)]),
)
cuts = st.lists(st.integers(0, 10**6), max_size=3)


def complete_lines(data: bytes) -> list[bytes]:
    """An oracle of its own: what stands before each line feed, without BOM and CR."""
    lines = data.split(b"\n")[:-1]
    if lines and lines[0].startswith(b"\xef\xbb\xbf"):
        lines[0] = lines[0][3:]
    return [line.removesuffix(b"\r") for line in lines]


def landed(lab: Lab) -> Counter[tuple[str, int]]:
    """How many rows each (path, line) has over events, conflicts and quarantine."""
    rows = (lab.rows(table) for table in ("events", "conflicts", "quarantine"))
    return Counter((row["path"], row["line_no"]) for table in rows for row in table)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wild_file, wild_file, cuts)
@example(b"", b"\x0b\n", [])  # no white space to JSON
def test_every_complete_line_is_exactly_one_thing(one: bytes, two: bytes, stops: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        totals = []
        # the first file grows in pieces that end anywhere, the second is there from the start
        lab.put("events/two.jsonl", two)
        for stop in [*sorted(stop % (len(one) + 1) for stop in stops), len(one)]:
            lab.put("events/one.jsonl", one[:stop])
            totals.append(lab.run(limits=LIMITS).total)
        expected = {("events/one.jsonl", n): text for n, text in enumerate(complete_lines(one), 1)}
        expected |= {("events/two.jsonl", n): text for n, text in enumerate(complete_lines(two), 1)}
        assert sum(total.lines for total in totals) == len(expected)
        assert sum(total.ignored for total in totals) == sum(
            not text.strip(b" \t\r") for text in expected.values()
        )

        places = landed(lab)
        assert set(places) <= set(expected)
        assert set(places.values()) <= {1}
        unseen = [text for place, text in expected.items() if place not in places and text.strip(b" \t\r")]
        assert len(unseen) == sum(total.duplicates for total in totals)

        events = lab.rows("events")
        assert (
            len(events) == len({row["event_id"] for row in events}) == sum(total.events for total in totals)
        )
        for row in events:
            assert json.loads(expected[row["path"], row["line_no"]])["prompt_tokens"] == row["prompt_tokens"]
        for text in unseen:  # a duplicate says what a landed event says
            record = json.loads(text)
            assert any(row["request_id"] == record["request_id"] for row in events)
        assert not [row for row in lab.rows("quarantine") if "could not be mapped" in row["reason"]]
        assert not [row for row in lab.rows("quarantine") if "does not fit" in row["reason"]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wild_file.filter(bool))
def test_a_file_gives_the_same_rows_packed_as_plain(data: bytes) -> None:
    data = data[: data.rfind(b"\n") + 1]
    tables = []
    for name, content in (("a.jsonl", data), ("a.jsonl.gz", gzip.compress(data))):
        with tempfile.TemporaryDirectory() as folder:
            lab = Lab(Path(folder))
            lab.put(f"events/{name}", content)
            total = lab.run(limits=LIMITS).total
            rows = {table: lab.rows(table) for table in ("events", "conflicts", "quarantine")}
            plain = {
                table: sorted(
                    str({k: v for k, v in row.items() if k not in {"path", "file_id"}}) for row in found
                )
                for table, found in rows.items()
            }
            tables.append((total, plain))
    assert tables[0] == tables[1]


PLACES = [
    *(
        "metadata",
        "usage_object",
        "prompt_tokens_details",
        "request_tags",
        "model",
        "startTime",
        "spend",
        "id",
    ),
    *("response_cost", "prompt_tokens", "cache_hit", "custom_llm_provider", "error_information", "end_user"),
    "hidden_params",
]
FIXTURE = {
    "litellm_payload": "litellm_payload_1106.jsonl",
    "litellm_spend_logs": "litellm_spend_logs_1106.jsonl",
}
odd_values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.integers(), max_size=2)
)
changes_of_a_line = st.tuples(st.lists(st.sampled_from(PLACES), min_size=1, max_size=2), odd_values)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(FIXTURE)), st.lists(changes_of_a_line, max_size=6))
def test_no_shape_of_a_foreign_log_line_escapes_the_rules(
    source: str, changes: list[tuple[list[str], Any]]
) -> None:
    with (FIXTURES / FIXTURE[source]).open() as file:
        original = file.readline()
    changed = []
    for path, value in changes:
        record = json.loads(original)
        section = record
        for name in path[:-1]:
            section = (
                section[name] if isinstance(section.get(name), dict) else record.setdefault("metadata", {})
            )
        section[path[-1]] = value
        changed.append(json.dumps(record) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        lab.put(f"{source}/a.jsonl", "".join(changed) + original)
        assert lab.run().total.lines == len(changed) + 1
        assert not [row for row in lab.rows("quarantine") if "could not be mapped" in row["reason"]]
