"""DeepSeek, Cohere and Ollama: one short table each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokencost_pipeline.ingest.fields import Refused, required
from tokencost_pipeline.ingest.usage.counts import Counts, landed, section, usage_object, whole
from tokencost_pipeline.ingest.usage.openai import CHAT, inclusive


def deepseek_chat(payload: Mapping[str, Any]) -> Counts:
    """Counts of a DeepSeek chat completion; {} when its usage is null. Raises Refused.

    | ours | usage |
    |---|---|
    | prompt_tokens | prompt_tokens = prompt_cache_hit_tokens + prompt_cache_miss_tokens |
    | cache_read_tokens | prompt_cache_hit_tokens, else prompt_tokens_details.cached_tokens |
    | everything else | as OpenAI chat, see `openai` |

    Trap: the cache hits are often only in the field of DeepSeek's own, where an OpenAI reader does not look
    and bills every token at the full rate. Hits and misses that do not make up the prompt are refused.
    """
    usage = usage_object(payload, "usage")
    if usage is None:
        return {}
    hit, miss = whole(usage, "prompt_cache_hit_tokens"), whole(usage, "prompt_cache_miss_tokens")
    if hit is None or miss is None:
        prompt = whole(usage, "prompt_tokens")
    else:
        prompt = hit + miss
        if whole(usage, "prompt_tokens") not in (None, prompt):
            raise Refused("usage.prompt_tokens: not the sum of cache hits and misses")
    details = section(usage, "prompt_tokens_details")
    cached = whole(details, "cached_tokens", "prompt_tokens_details")
    read = cached if hit is None else hit
    return inclusive(
        {**usage, "prompt_tokens": prompt, "prompt_tokens_details": {**details, "cached_tokens": read}}, CHAT
    )


def cohere_v2(payload: Mapping[str, Any]) -> Counts:
    """Counts of a Cohere v2 chat (`usage`) or rerank (`meta`); {} when that is null. Raises Refused.

    | ours | billed_units |
    |---|---|
    | prompt_tokens | input_tokens |
    | completion_tokens | output_tokens |
    | rerank_searches | search_units |

    Trap: `tokens` beside it counts Cohere's own preamble too and overstates the bill. Without billed_units
    the bill is unknown: refused.
    """
    usage = usage_object(payload, "usage", "meta")
    if usage is None:
        return {}
    required(usage.get("billed_units"), "usage.billed_units")
    billed = section(usage, "billed_units")
    return landed(
        prompt_tokens=whole(billed, "input_tokens", "billed_units"),
        completion_tokens=whole(billed, "output_tokens", "billed_units"),
        rerank_searches=whole(billed, "search_units", "billed_units"),
    )


def ollama(payload: Mapping[str, Any]) -> Counts:
    """Counts of Ollama's own /api/chat and /api/generate (the last chunk of a stream). Raises Refused.

    | ours | response |
    |---|---|
    | prompt_tokens | prompt_eval_count |
    | completion_tokens | eval_count |

    Trap: the counts lie in the response itself, there is no usage object. prompt_eval_count may be absent
    when the prompt was cached: the prompt is then unknown, not 0. The eval durations are no counts.
    """
    return landed(
        prompt_tokens=whole(payload, "prompt_eval_count", "response"),
        completion_tokens=whole(payload, "eval_count", "response"),
    )
