"""LiteLLM's payload in both shapes and all its containers, against what the providers served."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter, defaultdict
from typing import Any

import pytest
from ingest_lab import FIXTURES, Lab
from provider_truth import failed, landed, served

FOLDER = "litellm_payload"
LOG_1_106 = FIXTURES / "litellm_payload_1106.jsonl"
LOG_1_80 = FIXTURES / "litellm_payload_1_80.jsonl"


def records(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FIXTURES / name).read_text().splitlines()]


def test_1_106_shows_every_call_that_was_answered_and_the_first_failure_of_each(lab: Lab) -> None:
    lab.copy_fixture(LOG_1_106.name, f"{FOLDER}/a.jsonl")
    lab.run()
    rows = lab.rows(FOLDER)
    truth = served("payload_1106")
    assert sum(truth.values()) == 161
    # a client hung up on a local model: LiteLLM guessed what it had got
    assert landed(rows) - truth == Counter({("qwen-quality-128k:latest", 14, 8, 0, 0, 0): 1})
    assert truth - landed(rows) == Counter({("qwen-quality-128k:latest", 314, 340, 0, 0, 0): 1})
    failures = [row["call_id"] for row in rows if row["status"] == "failure"]
    assert (len(failures), len(set(failures)), failed("payload_1106")) == (39, 39, 61)
    assert sum(row["cache_hit"] is True for row in rows) == 12


def without_echoes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What dbt keeps: of rows of one call, model and outcome that overlap the one within."""
    calls = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["occurred_at"]):
        calls[row["request_id"], row["model"], row["status"]].append(row)
    return [
        row
        for same in calls.values()
        for row, following in zip(same, [*same[1:], None], strict=True)
        if following is None
        or (following["occurred_at"] - row["occurred_at"]).total_seconds() * 1000 >= row["latency_ms"] - 1
    ]


def test_1_80_shows_every_call_once_the_echoes_are_gone(lab: Lab) -> None:
    lab.copy_fixture(LOG_1_80.name, f"{FOLDER}/a.jsonl")
    assert lab.run().total.events == 22
    rows = without_echoes(lab.rows(FOLDER))
    assert landed(rows) == served("payload_180")
    assert sum(row["status"] == "failure" for row in rows) == failed("payload_180") == 8
    assert {
        row["reasoning_tokens"] for row in rows if row["model"] == "deepseek-chat" and row["prompt_tokens"]
    } == {5}  # the row within has the details


def test_failures_of_1_80_under_one_id_are_events_of_their_own(lab: Lab) -> None:
    lab.copy_fixture(LOG_1_80.name, f"{FOLDER}/a.jsonl")
    lab.run()
    tries = Counter(row["call_id"] for row in lab.rows(FOLDER) if row["status"] == "failure")
    assert sorted(tries.values()) == [1, 1, 2, 2, 6]
    assert not [row["model"] for row in lab.rows(FOLDER) if "/" in row["model"]]


def test_a_response_that_wraps_a_chat_completion_belongs_to_its_call(lab: Lab) -> None:
    def wrapper(inner: str) -> str:
        text = f"litellm:custom_llm_provider:x;model_id:y;response_id:{inner}"
        return "resp_" + base64.b64encode(text.encode()).decode()

    (record,) = [record for record in records(LOG_1_80.name) if record["call_type"] == "aembedding"]
    ids = [wrapper("chatcmpl-1"), wrapper("resp_2"), "resp_3", "resp_bm8=", "plain", wrapper("")]
    lab.put(f"{FOLDER}/a.jsonl", json.dumps([record | {"id": given} for given in ids]) + "\n")
    lab.run()
    assert [row["call_id"] for row in lab.rows(FOLDER)] == ["chatcmpl-1", *ids[1:]]


@pytest.mark.parametrize("name", [LOG_1_106.name, LOG_1_80.name])
def test_every_container_holds_the_same_rows(lab: Lab, name: str) -> None:
    found = records(name)[:40]
    lab.put(f"{FOLDER}/lines.jsonl", "".join(json.dumps(record) + "\n" for record in found))
    first = lab.run().total
    assert (first.lines, first.events) == (len(found), len(found))
    half = len(found) // 2
    lab.put(
        f"{FOLDER}/generic_api.jsonl", f"{json.dumps(found[:half])}\n{json.dumps(found[half:])}\n"
    )  # arrays of a batch, one a line
    lab.put(f"{FOLDER}/generic_api.json", json.dumps(found, indent=2))
    lab.put(f"{FOLDER}/gcs.json", "\n".join(json.dumps(record) for record in found) + "\n")
    lab.put(f"{FOLDER}/gcs.ndjson.gz", gzip.compress("\n".join(map(json.dumps, found)).encode()))
    for number, record in enumerate(found):
        lab.put(f"{FOLDER}/2026-11-21/time-04-57-30-{number}_{record['id'][:9]}.json", json.dumps(record))
    again = lab.run().total
    assert (again.lines, again.duplicates) == (5 * len(found), 5 * len(found))
