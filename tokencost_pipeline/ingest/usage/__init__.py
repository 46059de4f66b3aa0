"""From a provider's own usage object to our counts: one entry point, one reader a payload flavour.

Totals come out inclusive (prompt_tokens holds cache reads and writes, completion_tokens holds reasoning),
whichever way the provider counts. Each vendor's module has its table and its trap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.fields import Refused, kind
from tokencost_pipeline.ingest.usage import anthropic, bedrock, google, openai, others, xai
from tokencost_pipeline.ingest.usage.counts import Counts

_READERS: dict[str, Callable[[Mapping[str, Any]], Counts]] = {
    "openai_chat": openai.chat,
    "openai_responses": openai.responses,
    "azure_chat": openai.chat,
    "groq_chat": openai.chat,
    "mistral_chat": openai.chat,
    "anthropic_messages": anthropic.messages,
    "bedrock_converse": bedrock.converse,
    "gemini_generateContent": google.generate_content,
    "gemini_document": google.generate_content,
    "xai_chat": xai.chat,
    "deepseek_chat": others.deepseek_chat,
    "cohere_v2": others.cohere_v2,
    "ollama": others.ollama,
}

FLAVOURS: tuple[str, ...] = tuple(_READERS)
"""The payload flavours that `canonical_usage` reads."""


def canonical_usage(flavour: str, payload: Mapping[str, Any]) -> Counts:
    """Counts of one call under our landed names, from a provider's raw response or its bare usage object.

    flavour: one of `FLAVOURS`.
    payload: parsed JSON, whole numbers as int. A response whose usage is null gives {}.
    Returns token and unit counts. A count that the provider does not report has no key. A total keeps a
    reported zero; a detail (a subset or a unit) of zero has no key, for providers fill in zeros for
    details they never measure.

    Raises `Refused` when a count that is read is negative, no whole number, a boolean or beyond 10^12, when the
    payload holds no count of this flavour, or when its figures contradict each other; `UserError` for an
    unknown flavour.
    """
    read = _READERS.get(flavour)
    if read is None:
        close = get_close_matches(flavour, FLAVOURS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"write one of: {', '.join(FLAVOURS)}"
        raise UserError(f"unknown usage flavour {flavour!r}", hint=hint)
    if not isinstance(payload, Mapping):
        raise Refused(f"payload: expected an object, got {kind(payload)}")
    return read(payload)
