"""xAI chat completions.

| ours | usage |
|---|---|
| prompt_tokens | prompt_tokens (cached included) |
| completion_tokens | completion_tokens + completion_tokens_details.reasoning_tokens, or completion_tokens |
| everything else | as OpenAI chat, see `openai` |

Trap: the words are OpenAI's, yet completion_tokens EXCLUDES reasoning. Versions of the API and gateways in
front of it include it. total_tokens tells which: prompt + completion + reasoning, or prompt + completion.
A total that is neither, or none at all beside reasoning, leaves the bill open: refused, not guessed.
The Responses API of xAI includes reasoning; read it as openai_responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokencost_pipeline.ingest.fields import Refused, count, required
from tokencost_pipeline.ingest.usage.counts import Counts, usage_object, whole
from tokencost_pipeline.ingest.usage.openai import CHAT, inclusive


def chat(payload: Mapping[str, Any]) -> Counts:
    """Counts of a chat completion; {} when its usage is null. Raises Refused."""
    usage = usage_object(payload, "usage")
    if usage is None:
        return {}
    counts = inclusive(usage, CHAT)
    reasoning = counts.get("reasoning_tokens")
    if reasoning is None:
        return counts
    prompt = required(counts.get("prompt_tokens"), "usage.prompt_tokens")
    completion = required(counts.get("completion_tokens"), "usage.completion_tokens")
    total = required(whole(usage, "total_tokens"), "usage.total_tokens (tells whether reasoning is included)")
    return counts | {"completion_tokens": _with_reasoning(prompt, completion, reasoning, total)}


def _with_reasoning(prompt: int, completion: int, reasoning: int, total: int) -> int:
    if total == prompt + completion + reasoning:
        return required(count(completion + reasoning, "completion_tokens"), "completion_tokens")
    if total == prompt + completion:
        return completion
    raise Refused("usage.total_tokens: neither with nor without reasoning the sum of its parts")
