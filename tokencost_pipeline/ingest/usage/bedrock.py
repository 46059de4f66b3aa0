"""Amazon Bedrock Converse, for every model behind it.

| ours | usage |
|---|---|
| prompt_tokens | inputTokens + cacheReadInputTokens + cacheWriteInputTokens |
| completion_tokens | outputTokens (reasoning included, never split) |
| cache_read_tokens | cacheReadInputTokens |
| cache_write_5m_tokens | cacheDetails with ttl 5m, and what cacheWriteInputTokens has beyond the details |
| cache_write_1h_tokens | cacheDetails with ttl 1h |

Trap: inputTokens EXCLUDES the cache, while totalTokens includes it.
Trap: the lifetime of a write is only in cacheDetails, a list; an hour costs more than five minutes.
The region is in the model id (us., eu., global.), not in the usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.usage.counts import (
    Counts,
    added,
    entries,
    inclusive_total,
    landed,
    spread_writes,
    usage_object,
    whole,
)


def converse(payload: Mapping[str, Any]) -> Counts:
    """Counts of a Converse response; {} when its usage is null. Raises Refused."""
    usage = usage_object(payload, "usage")
    if usage is None:
        return {}
    read = whole(usage, "cacheReadInputTokens")
    split = _writes_by_lifetime(usage)
    write_5m, write_1h = spread_writes(
        whole(usage, "cacheWriteInputTokens"), split["5m"], split["1h"], "usage.cacheWriteInputTokens"
    )
    return landed(
        prompt_tokens=inclusive_total(
            whole(usage, "inputTokens"), "usage.inputTokens", read, write_5m, write_1h
        ),
        completion_tokens=whole(usage, "outputTokens"),
        cache_read_tokens=read,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
    )


def _writes_by_lifetime(usage: Mapping[str, Any]) -> dict[str, int | None]:
    found: dict[str, int | None] = {"5m": None, "1h": None}
    for entry, place in entries(usage, "cacheDetails"):
        ttl = entry.get("ttl")
        if not isinstance(ttl, str) or ttl not in found:
            raise Refused(f"{place}.ttl: expected 5m or 1h")
        found[ttl] = added(found[ttl], whole(entry, "inputTokens", place))
    return found
