"""Anthropic Messages, at Anthropic and through Vertex, Azure and Bedrock InvokeModel.

| ours | usage |
|---|---|
| prompt_tokens | input_tokens + cache_read_input_tokens + cache_creation_input_tokens |
| completion_tokens | output_tokens (thinking included) |
| cache_read_tokens | cache_read_input_tokens |
| cache_write_5m_tokens | cache_creation.ephemeral_5m_input_tokens, and what creation has beyond the split |
| cache_write_1h_tokens | cache_creation.ephemeral_1h_input_tokens |
| web_searches | server_tool_use.web_search_requests |

Trap: input_tokens EXCLUDES the cache, often by a factor of a hundred.
Trap: `iterations` (compaction). The totals at the top leave the compaction's own sampling out, so where
there are iterations they are summed and the totals at the top are not read. An iteration that is neither
the model's message nor a compaction (an advisor's is another model's, a declined fallback's is not billed)
cannot be priced as part of this attempt: refused.
Not reported: thinking by itself. It is billed as output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokencost_pipeline.ingest.fields import Refused, required
from tokencost_pipeline.ingest.usage.counts import (
    Counts,
    added,
    entries,
    inclusive_total,
    landed,
    section,
    spread_writes,
    usage_object,
    whole,
)

_OF_THIS_MODEL = (None, "message", "compaction")


def messages(payload: Mapping[str, Any]) -> Counts:
    """Counts of a message; {} when its usage is null. Raises Refused."""
    usage = usage_object(payload, "usage")
    if usage is None:
        return {}
    samplings = [_sampling(entry, place) for entry, place in _iterations(usage)]
    tokens = {name: added(*(sampling[name] for sampling in samplings)) for name in samplings[0]}
    tools = section(usage, "server_tool_use")
    return landed(**tokens, web_searches=whole(tools, "web_search_requests", "server_tool_use"))


def _iterations(usage: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], str]]:
    found = entries(usage, "iterations")
    for entry, place in found:
        if entry.get("type") not in _OF_THIS_MODEL:
            raise Refused(f"{place}.type: neither message nor compaction; it is no part of this attempt")
        for name in ("input_tokens", "output_tokens"):
            required(entry.get(name), f"{place}.{name}")
    return [*found] or [(usage, "usage")]


def _sampling(usage: Mapping[str, Any], place: str) -> dict[str, int | None]:
    read = whole(usage, "cache_read_input_tokens", place)
    write_5m, write_1h = _cache_writes(usage, place)
    return {
        "prompt_tokens": inclusive_total(
            whole(usage, "input_tokens", place), f"{place}.input_tokens", read, write_5m, write_1h
        ),
        "completion_tokens": whole(usage, "output_tokens", place),
        "cache_read_tokens": read,
        "cache_write_5m_tokens": write_5m,
        "cache_write_1h_tokens": write_1h,
    }


def _cache_writes(usage: Mapping[str, Any], place: str) -> tuple[int | None, int | None]:
    split = section(usage, "cache_creation", place)
    write_5m = whole(split, "ephemeral_5m_input_tokens", f"{place}.cache_creation")
    write_1h = whole(split, "ephemeral_1h_input_tokens", f"{place}.cache_creation")
    return spread_writes(
        whole(usage, "cache_creation_input_tokens", place),
        write_5m,
        write_1h,
        f"{place}.cache_creation_input_tokens",
    )
