"""What the invented gateway believes things cost: the source of `computed_cost`, and of the spike's size.

A gateway's own price table goes stale. This one still has the price mistral-large-4 was launched at, so the
demo shows what it looks like when the gateway and the price book disagree. Our own cost never comes from
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_PER_TOKEN = Decimal("0.000001")
_CACHE_WRITE = Decimal("1.25")
_BATCH = Decimal("0.5")

USD_PER_MILLION = {
    "gpt-4o-mini": ("0.15", "0.6", "0.075"),
    "gpt-5-mini": ("0.25", "2", "0.025"),
    "text-embedding-3-small": ("0.02", "0", "0.02"),
    "claude-sonnet-4-5-20250929": ("3", "15", "0.3"),
    "claude-haiku-4-5-20251001": ("1", "5", "0.1"),
    "claude-opus-4-5-20251101": ("5", "25", "0.5"),
    "deepseek-v4-flash": ("0.15", "0.6", "0.003"),
    "gemini-2.5-flash": ("0.3", "2.5", "0.03"),
    "mistral-large-4": ("0.68", "2.09", "0.068"),
    "llama3.1": ("0", "0", "0"),
    "qwen2.5-coder": ("0", "0", "0"),
}
"""USD per 1,000,000 tokens: input, output, cache read."""


def event_cost(event: Mapping[str, Any]) -> Decimal:
    """USD that `event` costs at these prices; nothing for an answer from the gateway's cache and an unknown
    model.
    """
    if event.get("cache_hit"):
        return Decimal(0)
    cost = believed_cost(
        event["model"],
        event["prompt_tokens"],
        event["completion_tokens"],
        event.get("cache_read_tokens", 0),
        event.get("cache_write_5m_tokens", 0),
    )
    return (cost or Decimal(0)) * (_BATCH if event.get("service_tier") == "batch" else 1)


def believed_cost(model: str, prompt: int, completion: int, read: int, written: int) -> Decimal | None:
    """USD for one attempt; None for a model the gateway does not know. `read` and `written` are parts of
    `prompt`.
    """
    rates = USD_PER_MILLION.get(model)
    if rates is None:
        return None
    input_rate, output_rate, read_rate = map(Decimal, rates)
    cost = (
        (prompt - read - written) * input_rate
        + read * read_rate
        + written * input_rate * _CACHE_WRITE
        + completion * output_rate
    )
    return cost * _PER_TOKEN
