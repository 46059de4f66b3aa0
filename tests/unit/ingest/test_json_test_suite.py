"""What JSON is, and what we make of it: every valid document is read, every invalid one refused, none is a crash.

`TOKENCOST_JSON_TEST_SUITE=…/JSONTestSuite/test_parsing` runs the documents of that suite as well.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from ingest_lab import Lab, event, line
from json_documents import REFUSED_BY_RULE, own, suite

from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.gate import parse_value
from tokencost_pipeline.ingest.limits import Limits

SUITE = os.environ.get("TOKENCOST_JSON_TEST_SUITE")
DOCUMENTS = own() | (suite(Path(SUITE)) if SUITE else {})
SUITE_REFUSED_BY_RULE = {
    "y_object_duplicated_key.json": "duplicate key",
    "y_object_duplicated_key_and_value.json": "duplicate key",
    "y_number_double_close_to_zero.json": "a number of",
}
BY_RULE = REFUSED_BY_RULE | {  # valid, and refused all the same
    DOCUMENTS[name]: reason for name, reason in SUITE_REFUSED_BY_RULE.items() if name in DOCUMENTS
}
GOOD = {name: data for name, data in DOCUMENTS.items() if name.startswith("y_") and data not in BY_RULE}
BAD = {name: data for name, data in DOCUMENTS.items() if name.startswith("n_")}
OPEN = {name: data for name, data in DOCUMENTS.items() if name.startswith("i_")}


def verdict(data: bytes) -> str:
    """'' when the gate reads it, else the reason."""
    try:
        parse_value(data)
    except Refused as refusal:
        return str(refusal) or "refused without a reason"
    return ""


def test_there_are_documents_of_each_kind() -> None:
    assert min(len(GOOD), len(BAD)) > 200
    assert len(OPEN) > 20
    assert not GOOD.keys() & BAD.keys()


def test_every_valid_document_is_read_and_says_what_it_says() -> None:
    assert {name: reason for name, data in GOOD.items() if (reason := verdict(data))} == {}
    for name, data in GOOD.items():
        assert parse_value(data) == json.loads(data, parse_float=Decimal), name


def test_every_invalid_document_is_refused_with_a_reason() -> None:
    assert [name for name, data in BAD.items() if not verdict(data)] == []
    assert {
        reason for data in BAD.values() if not (reason := verdict(data)).startswith("not valid JSON: ")
    } == set()


@pytest.mark.parametrize("data", BY_RULE, ids=lambda data: repr(data[:20]))
def test_valid_json_is_refused_by_a_written_rule_alone(data: bytes) -> None:
    orjson.loads(data)
    assert verdict(data).startswith(BY_RULE[data])


def test_what_the_standard_leaves_open_is_read_or_refused() -> None:
    for name, data in OPEN.items():
        reason = verdict(data)
        assert reason == "" or reason.startswith(("not valid JSON: ", "nested deeper", "a number of")), name
        if not reason:
            json.dumps(parse_value(data), default=str).encode()  # nothing that cannot be written again


EVENT = json.dumps(event(0))[:-1].encode()


def embedded(number: int, data: bytes) -> bytes:
    """A canonical event with the document as the value of a field that the format does not have."""
    return EVENT.replace(b'"e0"', b'"d%d"' % number) + b', "x_extra": ' + data + b"}\n"


@pytest.mark.parametrize("limits", [Limits(least_block_bytes=10**9), Limits(least_block_bytes=1)])
def test_the_whole_ingest_agrees_and_every_neighbour_lands(lab: Lab, limits: Limits) -> None:
    """Lines are split at line feeds, so a document with one is several lines. Between the tokens of a good document
    a space means the same and is written instead; of a bad one every part is refused, or blank."""
    data, expected, blank = [], {}, 0
    names = [*sorted(GOOD), *sorted(BAD), *(name for name in sorted(OPEN) if b"\n" not in OPEN[name])]
    for number, name in enumerate(names):
        document = DOCUMENTS[name]
        if name in GOOD:
            document = document.replace(b"\n", b" ")
        whole = embedded(number, document)
        data += [line(10**6 + number).encode(), whole]
        parts = whole.split(b"\n")[:-1]
        blank += sum(not part.strip() for part in parts)
        expected[f"d{number}"] = name
    data.append(line(10**7).encode())
    data += [b'%b, "x_extra": %b}\n' % (EVENT, document) for document in BY_RULE]
    lab.put("events/a.jsonl", b"".join(data))
    total = lab.run(limits=limits).total

    landed = {row["event_id"] for row in lab.rows("events")}
    assert [name for key, name in expected.items() if name in GOOD and key not in landed] == []
    assert [name for key, name in expected.items() if name in BAD and key in landed] == []
    assert {f"e{10**6 + number}" for number in range(len(names))} | {f"e{10**7}"} <= landed
    assert "e0" not in landed
    assert (total.lines, total.ignored) == (sum(each.count(b"\n") for each in data), blank)
    reasons = {row["reason"] for row in lab.rows("quarantine")}
    assert {
        reason for reason in reasons if "could not be mapped" in reason or "does not fit" in reason
    } == set()
    assert {reason for reason in reasons if not reason} == set()
