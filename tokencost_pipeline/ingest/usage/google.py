"""Gemini generateContent, at Google AI and Vertex.

| ours | usageMetadata |
|---|---|
| prompt_tokens | promptTokenCount (cached included) + toolUsePromptTokenCount |
| completion_tokens | candidatesTokenCount + thoughtsTokenCount |
| cache_read_tokens | cachedContentTokenCount |
| reasoning_tokens | thoughtsTokenCount |
| input_audio_tokens | AUDIO of promptTokensDetails and toolUsePromptTokensDetails (cached audio included) |
| cache_read_audio_tokens | AUDIO of cacheTokensDetails |
| input_image_tokens | IMAGE of the same two, less IMAGE of cacheTokensDetails |
| output_audio_tokens, output_image_tokens | AUDIO, IMAGE of candidatesTokensDetails |

Trap: candidates EXCLUDE thoughts. Some Vertex models include them; then prompt and candidates alone make
up totalTokenCount, and the thoughts are not added again.
Trap: what a tool put into the prompt is outside promptTokenCount, and is billed as input.
Trap: Google leaves zeros out. A call stopped before its answer has no candidates; totalTokenCount equal to
the prompt says that the answer was 0 and not unknown.
DOCUMENT and VIDEO have no rate of their own and stay text. Cache storage is billed by the hour, searches
by a rule of the model; neither is in the usage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tokencost_pipeline.ingest.fields import text
from tokencost_pipeline.ingest.usage.counts import (
    Counts,
    added,
    entries,
    landed,
    usage_object,
    whole,
    without,
)

_PLACE = "usageMetadata"


def generate_content(payload: Mapping[str, Any]) -> Counts:
    """Counts of a response; {} when its usageMetadata is null. Raises Refused."""
    usage = usage_object(payload, _PLACE)
    if usage is None:
        return {}
    prompt = added(whole(usage, "promptTokenCount", _PLACE), whole(usage, "toolUsePromptTokenCount", _PLACE))
    thoughts = whole(usage, "thoughtsTokenCount", _PLACE)
    read = _by_modality(usage, "promptTokensDetails") + _by_modality(usage, "toolUsePromptTokensDetails")
    cached = _by_modality(usage, "cacheTokensDetails")
    written = _by_modality(usage, "candidatesTokensDetails")
    return landed(
        prompt_tokens=prompt,
        completion_tokens=_answer(
            prompt,
            whole(usage, "candidatesTokenCount", _PLACE),
            thoughts,
            whole(usage, "totalTokenCount", _PLACE),
        ),
        cache_read_tokens=whole(usage, "cachedContentTokenCount", _PLACE),
        reasoning_tokens=thoughts,
        input_audio_tokens=read["AUDIO"] or None,
        output_audio_tokens=written["AUDIO"] or None,
        cache_read_audio_tokens=cached["AUDIO"] or None,
        input_image_tokens=without(
            read["IMAGE"] or None, cached["IMAGE"], f"{_PLACE}.promptTokensDetails of IMAGE"
        ),
        output_image_tokens=written["IMAGE"] or None,
    )


def _answer(
    prompt: int | None, candidates: int | None, thoughts: int | None, total: int | None
) -> int | None:
    said = candidates or 0
    if prompt is not None and total == prompt + said and (thoughts or 0) <= said:
        return said
    return added(candidates, thoughts)


def _by_modality(usage: Mapping[str, Any], key: str) -> Counter[str]:
    tokens: Counter[str] = Counter()
    for entry, place in entries(usage, key, _PLACE):
        modality = text(entry.get("modality"), f"{place}.modality") or "MODALITY_UNSPECIFIED"
        tokens[modality] += whole(entry, "tokenCount", place) or 0
    return tokens
