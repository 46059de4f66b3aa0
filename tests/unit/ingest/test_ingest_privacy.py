"""Prompts, completions, headers and keys never leave the raw file."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_lab import FIXTURES, Lab, event, line

from tokencost_pipeline.ingest.quarantine import event_body
from tokencost_pipeline.ingest.sources.canonical_events import FIELDS

SECRET = "c0rrect-h0rse-battery"
SPEECH = f"{SECRET} please summarise my medical file"


def everything_landed(lab: Lab) -> str:
    """Every byte under the landing zone, with Parquet unpacked: values, column names, metadata."""
    parts = []
    for path in sorted(lab.landing.rglob("*")):
        parts.append(str(path))
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            parts += [str(table.schema), str(table.schema.metadata)]
            parts += [str(row) for row in table.to_pylist()]
            for number, field in enumerate(table.schema):
                if pa.types.is_binary(field.type) or pa.types.is_fixed_size_binary(field.type):
                    parts.append(b"".join(table.column(number).to_pylist()).decode("latin-1"))
        elif path.is_file():
            parts.append(path.read_bytes().decode("latin-1"))
    return "\n".join(parts)


def poisoned(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the secret wherever a gateway puts people's words and credentials."""
    metadata = dict(record.get("metadata") or {})
    metadata["requester_metadata"] = {"headers": {"authorization": f"Bearer {SECRET}"}, "note": SPEECH}
    metadata["user_api_key_hash"] = SECRET
    metadata["requester_custom_headers"] = {"x-key": SECRET}
    metadata["error_information"] = {"error_code": "500", "error_message": SPEECH, "traceback": SPEECH}
    return record | {
        "messages": [{"role": "user", "content": SPEECH}],
        "response": {"choices": [{"message": {"content": SPEECH}}]},
        "proxy_server_request": {"body": SPEECH, "headers": {"authorization": SECRET}},
        "api_key": SECRET,
        "error_str": SPEECH,
        "model_parameters": {"stop": SPEECH},
        "requester_ip_address": SECRET,
        "metadata": metadata,
        SPEECH: SPEECH,
        "hidden_params": {"additional_headers": {"llm_provider-set-cookie": SECRET, "authorization": SECRET}},
    }


def test_no_word_of_a_prompt_reaches_the_landing_zone(lab: Lab) -> None:
    for source, name in (
        ("litellm_payload", "litellm_payload_1106.jsonl"),
        ("litellm_spend_logs", "litellm_spend_logs_1106.jsonl"),
    ):
        record = json.loads((FIXTURES / name).read_text().splitlines()[0])
        text = json.dumps(poisoned(record))
        bad_count = json.dumps(
            poisoned(record) | {"prompt_tokens": SPEECH, "request_id": "other", "id": "other"}
        )
        bad_time = json.dumps(poisoned(record) | {"startTime": SPEECH})
        bad_tags = json.dumps(poisoned(record) | {"request_tags": {"prompt": SPEECH}})
        conflict = json.dumps(poisoned(record) | {"completion_tokens": 1})
        pieces = [
            text,
            bad_count,
            bad_time,
            bad_tags,
            conflict,
            text[:-30],
            text[30:],
            text.replace("{", "[", 1),
            SPEECH,
        ]
        lab.put(f"{source}/a.jsonl", "\n".join(pieces) + "\n" + text[:-9])
        lab.put(f"{source}/b.jsonl.gz", gzip.compress(SPEECH.encode()))
        lab.put(f"{source}/c.jsonl.gz", SPEECH)
    lab.put("litellm_spend_logs/notes.csv", f'{SPEECH}\n"{SPEECH}\n{SPEECH},{SPEECH}\n')
    lab.put("litellm_spend_logs/d.csv", (
        "request_id,startTime,spend,prompt_tokens,completion_tokens,model,messages,metadata\n"
        f'r1,2026-11-21 10:00:00,0,1,2,m,"{SPEECH}","{{""note"": ""{SPEECH}""}}"\n'
        f'r2,2026-11-21 10:00:00,{SPEECH},1,2,m,{SPEECH},{SPEECH}\n'
        f'r3,2026-11-21 10:00:00,0,1,2,m,"{SPEECH}"x,\n'
    ))  # fmt: skip
    lab.put("events/a.jsonl", "\n".join([
        json.dumps(event(1) | {"messages": [SPEECH], SPEECH: 1, "api_key": SECRET, "headers": {"k": SECRET}}),
        json.dumps(event(2) | {"prompt": SPEECH, "prompt_tokens": -1}),
        json.dumps(event(3) | {"prompt_tokens": {"messages": SPEECH}}),
        json.dumps(event(4) | {"prompt_tokens": [SPEECH]}),
        json.dumps(event(5) | {"tags": {"a": {"content": SPEECH}}}),
        json.dumps(event(6) | {"completion": SPEECH})[:-5],
        json.dumps(event(7))[:-1] + f', "prompt_tokens": 1, "input": "{SPEECH}"}}',
        json.dumps(event(8))[:-1] + f", {SPEECH}}}",
        f'{{"{SPEECH}"}}',
        f'{{"model": "m", "m\\u0065ssages": "{SPEECH}" oops}}',
        f'{SPEECH}"}}], "model": "m", "prompt_tokens": 3}}',
        f"{SPEECH}",
        f'{{"model": "gpt", \'prompt\': \'{SPEECH}\'}}',
    ]) + "\n")  # fmt: skip
    report = lab.run()
    assert report.total.quarantined > 30
    assert report.total.events == 4
    assert report.total.conflicts == 2
    assert SECRET in "".join(path.read_text("latin-1") for path in lab.raw.rglob("*.jsonl"))
    assert SECRET not in everything_landed(lab)
    assert SECRET not in repr(report)


def body(text: str | bytes, record: dict[str, Any] | None = None) -> str | None:
    return event_body(text.encode() if isinstance(text, str) else text, record, {}, FIELDS)


@pytest.mark.parametrize(
    "text",
    [
        '{"timestamp": "2026-11-21T10:00:00Z", "prompt_tokens": NaN}',
        '{"model": "m", "model": "n"}',
        '{"prompt_tokens": 0x10, "completion_tokens": 01,}',
        '{"model": "m", "cache_hit": True}',
        '{"model": "m", "prompt_tokens": ',
        '  {"model" : "m" , , "computed_cost": -Infinity',
    ],
)
def test_a_broken_line_that_holds_only_fields_of_the_format_is_shown(text: str) -> None:
    assert body(text) == text


def test_a_broken_line_in_another_encoding_is_shown_as_far_as_it_can_be() -> None:
    assert body(b'{"model": "caf\xe9"}') == '{"model": "caf�"}'


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        '{"prompt": "hello"',
        '{"model": "m", hello}',
        '{"model": "' + "long " * 60 + '", }',
        '{"model": "m"} {"messages": "hello"}',
        '{"model": "a\\"messages\\": hello"',
        '{"tags": {"content": "hello"}',
        '["model": "m"]',
    ],
)
def test_any_other_broken_line_is_not_shown(text: str) -> None:
    assert body(text) is None


def test_a_hostile_line_is_judged_in_one_pass() -> None:
    hostile = b'{"model": "m"' + b",  " * 300_000 + b"x"
    assert event_body(hostile, None, {}, FIELDS) is None


def test_of_a_refused_event_only_the_formats_short_fields_are_shown() -> None:
    record = {
        "model": "m",
        "prompt_tokens": -1,
        "feature": "x" * 300,
        "messages": ["hello"],
        "status": ["hello"],
    }
    assert json.loads(body(json.dumps(record), record) or "") == {
        "model": "m",
        "prompt_tokens": -1,
        "feature": "<text of 300 characters>",
    }


def test_names_of_unknown_fields_are_counted_but_odd_ones_are_not_repeated(lab: Lab) -> None:
    lab.put(
        "events/a.jsonl",
        line(1, x=1, y=2) + line(2, x=1) + line(3, **{SPEECH: 1, "sk-123": 2}) + line(1, x=9),
    )
    report = lab.run()
    assert report.unknown_fields == {"events.x": 3, "events.y": 1, "events.(other)": 2}


def test_a_flood_of_field_names_is_bounded(lab: Lab) -> None:
    lab.put("events/a.jsonl", line(1, **{f"x{number}": 1 for number in range(500)}))
    report = lab.run()
    assert len(report.unknown_fields) == 201
    assert sum(report.unknown_fields.values()) == 500
