"""OpenAI Chat Completions (also Azure, Groq and Mistral, who answer in its words) and OpenAI Responses.

| ours | chat | Responses |
|---|---|---|
| prompt_tokens | prompt_tokens | input_tokens |
| completion_tokens | completion_tokens | output_tokens |
| (details of the prompt) | prompt_tokens_details | input_tokens_details |
| cache_read_tokens | .cached_tokens | .cached_tokens |
| cache_write_5m_tokens | .cache_write_tokens (one lifetime, no split) | .cache_write_tokens |
| input_audio_tokens | .audio_tokens (cached audio included) | .audio_tokens |
| cache_read_audio_tokens | .cached_tokens_details.audio_tokens | the same |
| input_image_tokens | .image_tokens - .cached_tokens_details.image_tokens | the same |
| (details of the answer) | completion_tokens_details | output_tokens_details |
| reasoning_tokens | .reasoning_tokens | .reasoning_tokens |
| output_audio_tokens, output_image_tokens | .audio_tokens, .image_tokens | the same |

Trap: both totals INCLUDE everything beneath them, so adding cached or reasoning tokens bills them twice.
Trap: Responses says input/output where chat says prompt/completion, so a chat reader finds nothing there.
Our image count is uncached, for there is no rate for cached images: those are cache reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tokencost_pipeline.ingest.usage.counts import Counts, landed, section, usage_object, whole, without


class Words(NamedTuple):
    """What an API calls its two totals; the details are under the same word with `_details`."""

    prompt: str
    completion: str


CHAT = Words("prompt_tokens", "completion_tokens")
RESPONSES = Words("input_tokens", "output_tokens")


def chat(payload: Mapping[str, Any]) -> Counts:
    """Counts of a chat completion; {} when its usage is null. Raises Refused."""
    usage = usage_object(payload, "usage")
    return {} if usage is None else inclusive(usage, CHAT)


def responses(payload: Mapping[str, Any]) -> Counts:
    """Counts of a response of the Responses API; {} when its usage is null. Raises Refused."""
    usage = usage_object(payload, "usage")
    return {} if usage is None else inclusive(usage, RESPONSES)


def inclusive(usage: Mapping[str, Any], words: Words) -> Counts:
    """Counts of a usage object whose totals already hold their details. Raises Refused."""
    prompt_place, completion_place = f"{words.prompt}_details", f"{words.completion}_details"
    prompt = section(usage, prompt_place)
    completion = section(usage, completion_place)
    cached = section(prompt, "cached_tokens_details", prompt_place)
    cached_place = f"{prompt_place}.cached_tokens_details"
    return landed(
        prompt_tokens=whole(usage, words.prompt),
        completion_tokens=whole(usage, words.completion),
        cache_read_tokens=whole(prompt, "cached_tokens", prompt_place),
        cache_write_5m_tokens=whole(prompt, "cache_write_tokens", prompt_place),
        reasoning_tokens=whole(completion, "reasoning_tokens", completion_place),
        input_audio_tokens=whole(prompt, "audio_tokens", prompt_place),
        output_audio_tokens=whole(completion, "audio_tokens", completion_place),
        cache_read_audio_tokens=whole(cached, "audio_tokens", cached_place),
        input_image_tokens=without(
            whole(prompt, "image_tokens", prompt_place),
            whole(cached, "image_tokens", cached_place),
            f"{prompt_place}.image_tokens",
        ),
        output_image_tokens=whole(completion, "image_tokens", completion_place),
    )
