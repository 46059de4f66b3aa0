"""What the providers served, as the recorded upstream calls say it: the truth that logs are held against."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from ingest_lab import FIXTURES

TRUTH = FIXTURES.parent / "truth"

Tokens = tuple[str, int, int, int, int, int]
"""(model, prompt, completion, cache read, cache write 5 min, cache write 1 h); prompt is inclusive."""


def upstream_calls(run: str) -> list[dict[str, Any]]:
    with (TRUTH / f"{run}.upstream_calls.jsonl").open() as file:
        return [json.loads(line) for line in file]


def served(run: str) -> Counter[Tokens]:
    """Calls that the providers answered, by model and tokens."""
    found = Counter[Tokens]()
    for call in upstream_calls(run):
        usage = call.get("usage")
        if call["status"] != 200 or usage is None:
            continue
        read = written_5m = written_1h = 0
        if call["api"] == "anthropic":
            read = usage["cache_read_input_tokens"]
            written_5m = usage["cache_creation"]["ephemeral_5m_input_tokens"]
            written_1h = usage["cache_creation"]["ephemeral_1h_input_tokens"]
            prompt = usage["input_tokens"] + read + usage["cache_creation_input_tokens"]
            completion = usage["output_tokens"]
        elif "prompt_eval_count" in usage:
            prompt, completion = usage["prompt_eval_count"], usage["eval_count"]
        else:
            read = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
            prompt, completion = usage["prompt_tokens"], usage.get("completion_tokens", 0)
        found[call["model"], prompt, completion, read, written_5m, written_1h] += 1
    return found


def failed(run: str) -> int:
    return sum(call["status"] != 200 for call in upstream_calls(run))


def landed(rows: list[dict[str, Any]]) -> Counter[Tokens]:
    """Rows of successful calls that a provider answered, in the same shape."""
    names = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_write_5m_tokens")
    return Counter(
        (row["model"], *(row[name] or 0 for name in names), row["cache_write_1h_tokens"] or 0)
        for row in rows
        if row["status"] == "success" and not row["cache_hit"]
    )


def one_lifetime(calls: Counter[Tokens]) -> Counter[Tokens]:
    """The same calls as a source shows them that does not know how long a cache write lives."""
    found = Counter[Tokens]()
    for (model, prompt, completion, read, written_5m, written_1h), times in calls.items():
        found[model, prompt, completion, read, written_5m + written_1h, 0] += times
    return found
