"""What LiteLLM's payload and its SpendLogs table have in common: usage details, tags, error codes.

Both carry the provider's usage under `metadata.usage_object`; prompt_tokens already includes cache reads
and writes, for Anthropic too. A detail the source does not give stays NULL: unknown is not zero.
"""

from __future__ import annotations

import json
from typing import Any

from tokencost_pipeline.ingest.fields import Refused, count, kind, mapping, text

_OWN_TAG = "User-Agent:"  # LiteLLM adds two of them to every request
_FEATURE_TAG = "feature:"


def usage_details(usage: dict[str, Any], place: str) -> dict[str, int | None]:
    """Token classes and billed units from a usage object (`place` is its name in refusals).

    Cache writes: the 5-minute and 1-hour parts where they are split; what a total has beyond the parts,
    or a total without parts, is counted as 5 minutes, the provider's default and the cheaper of the two.
    """
    prompt = mapping(usage.get("prompt_tokens_details"), f"{place}.prompt_tokens_details")
    completion = mapping(usage.get("completion_tokens_details"), f"{place}.completion_tokens_details")
    cached = mapping(prompt.get("cached_tokens_details"), f"{place}.cached_tokens_details")
    tools = mapping(usage.get("server_tool_use"), f"{place}.server_tool_use")
    write_5m, write_1h = _cache_writes(usage, prompt, place)
    return {
        "cache_read_tokens": _first_positive(
            (prompt.get("cached_tokens"), f"{place}.prompt_tokens_details.cached_tokens"),
            (usage.get("cache_read_input_tokens"), f"{place}.cache_read_input_tokens"),
        ),
        "cache_write_5m_tokens": write_5m,
        "cache_write_1h_tokens": write_1h,
        "reasoning_tokens": count(completion.get("reasoning_tokens"), f"{place}.reasoning_tokens"),
        "input_audio_tokens": count(
            prompt.get("audio_tokens"), f"{place}.prompt_tokens_details.audio_tokens"
        ),
        "output_audio_tokens": count(
            completion.get("audio_tokens"), f"{place}.completion_tokens_details.audio_tokens"
        ),
        "cache_read_audio_tokens": count(
            cached.get("audio_tokens"), f"{place}.cached_tokens_details.audio_tokens"
        ),
        "input_image_tokens": count(
            prompt.get("image_tokens"), f"{place}.prompt_tokens_details.image_tokens"
        ),
        "output_image_tokens": count(
            completion.get("image_tokens"), f"{place}.completion_tokens_details.image_tokens"
        ),
        "web_searches": _first_positive(
            (tools.get("web_search_requests"), f"{place}.server_tool_use.web_search_requests"),
            (prompt.get("web_search_requests"), f"{place}.prompt_tokens_details.web_search_requests"),
        ),
    }


def _cache_writes(usage: dict[str, Any], prompt: dict[str, Any], place: str) -> tuple[int | None, int | None]:
    parts = mapping(
        prompt.get("cache_creation_token_details") or usage.get("cache_creation"),
        f"{place}.cache_creation_token_details",
    )
    write_5m = count(parts.get("ephemeral_5m_input_tokens"), f"{place}.ephemeral_5m_input_tokens")
    write_1h = count(parts.get("ephemeral_1h_input_tokens"), f"{place}.ephemeral_1h_input_tokens")
    total = _first_positive(
        (prompt.get("cache_creation_tokens"), f"{place}.prompt_tokens_details.cache_creation_tokens"),
        (prompt.get("cache_write_tokens"), f"{place}.prompt_tokens_details.cache_write_tokens"),
        (usage.get("cache_creation_input_tokens"), f"{place}.cache_creation_input_tokens"),
    )
    if total is None and write_5m is None and write_1h is None:
        return None, None
    write_5m, write_1h = write_5m or 0, write_1h or 0
    return write_5m + max((total or 0) - write_5m - write_1h, 0), write_1h


def _first_positive(*places: tuple[object, str]) -> int | None:
    """The first count above zero; else zero if any place says zero; else None. Versions of LiteLLM fill
    one place and leave a zero in another."""
    counts = [value for value in (count(raw, name) for raw, name in places) if value is not None]
    return next((value for value in counts if value), counts[0] if counts else None)


def split_tags(raw: object) -> tuple[str | None, dict[str, str]]:
    """(feature, tags) from `request_tags`. 'k:v' is tag k with value v, a bare word has the value ''.
    Values of a repeated key are joined with commas; the first `feature:` names the feature. LiteLLM's own
    tags are left out."""
    if raw is None or raw == {}:
        return None, {}
    if not isinstance(raw, list):
        raise Refused(f"request_tags: expected an array of text, got {kind(raw)}")
    feature: str | None = None
    tags: dict[str, str] = {}
    for entry in raw:
        tag = text(entry, "request_tags")
        if tag is None or tag.startswith(_OWN_TAG):
            continue
        if feature is None and tag.startswith(_FEATURE_TAG):
            feature = tag.removeprefix(_FEATURE_TAG).strip() or None
        key, _, value = tag.partition(":")
        tags[key] = f"{tags[key]},{value}" if key in tags else value
    return feature, tags


def tags_text(tags: dict[str, str]) -> str | None:
    """Tags as they land: a JSON object with sorted keys, NULL when there is none."""
    if not tags:
        return None
    return text(json.dumps(tags, ensure_ascii=False, sort_keys=True, separators=(",", ":")), "tags")


def client_text(value: object, name: str) -> str | None:
    """Text from metadata that the client made up. Anything but text is not what we look for and says
    nothing: a client's odd metadata must not keep a billed call out of the sums."""
    return text(value, name) if isinstance(value, str) else None


def error_code(section: object, name: str) -> str | None:
    """`error_information.error_code`: text, in some versions a whole number; empty is none."""
    raw = mapping(section, name).get("error_code")
    return str(count(raw, f"{name}.error_code")) if type(raw) is int else text(raw, f"{name}.error_code")


def first_text(*places: tuple[object, str]) -> str | None:
    """The first place that holds text."""
    return next((value for value in (text(raw, name) for raw, name in places) if value is not None), None)
