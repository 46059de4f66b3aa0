"""A provider's usage object becomes our counts: inclusive totals, true subsets, or a refusal."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.schema import TOKEN_COUNTS, UNIT_COUNTS
from tokencost_pipeline.ingest.usage import FLAVOURS, canonical_usage

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "data" / "pricing" / "normalisation_cases.jsonl")
    .read_text("utf-8")
    .splitlines()
]

RECORDS = {
    "openai_chat": 12,
    "openai_responses": 11,
    "azure_chat": 7,
    "anthropic_messages": 14,
    "gemini_generateContent": 13,
    "gemini_document": 13,
    "bedrock_converse": 8,
    "deepseek_chat": 10,
    "xai_chat": 11,
    "groq_chat": 12,
    "mistral_chat": 13,
    "cohere_v2": 8,
    "ollama": 12,
}

OURS = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_5m_tokens": "cache_write_5m_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "web_searches": "web_searches",
}
"""The records' names to the landing zone's."""


def test_the_file_holds_every_flavour() -> None:
    assert Counter(case["flavour"] for case in CASES) == RECORDS
    assert set(FLAVOURS) == set(RECORDS)


@pytest.mark.parametrize("flavour", RECORDS)
def test_every_record_of_the_flavour_gives_its_canonical_counts(flavour: str) -> None:
    cases = [case for case in CASES if case["flavour"] == flavour]
    for case in cases:
        expected = {OURS[name]: value for name, value in case["canonical"].items()}
        assert canonical_usage(flavour, case["raw"]) == expected, case["raw"]
    print(f"{flavour}: {len(cases)} of {len(cases)} records equal")


@pytest.mark.parametrize("flavour", sorted(set(RECORDS) - {"ollama"}))
def test_the_bare_usage_object_reads_like_the_response(flavour: str) -> None:
    raw = next(case["raw"] for case in CASES if case["flavour"] == flavour)
    key = "usageMetadata" if flavour.startswith("gemini") else "usage"
    assert canonical_usage(flavour, raw[key]) == canonical_usage(flavour, raw)
    assert canonical_usage(flavour, {**raw, key: None}) == {}
    assert canonical_usage(flavour, MappingProxyType(raw)) == canonical_usage(flavour, raw)


# Round trips: a bill is made of leaves, a provider's payload is written from them by its own rules, and the
# counts read back must be the bill. The writers below know nothing of the readers.

N = st.integers(0, 10**9)
Bill = dict[str, int]
INPUT_LEAVES = (
    *("text", "cached_text", "audio", "cached_audio", "image", "cached_image"),
    *("write_5m", "write_1h", "tool"),
)
OUTPUT_LEAVES = ("out_text", "thought", "out_audio", "out_image")
BILLS = st.fixed_dictionaries(dict.fromkeys(("searches", *INPUT_LEAVES, *OUTPUT_LEAVES), N))


def write_openai(bill: Bill, prompt: str, completion: str) -> dict[str, Any]:
    inputs = sum(bill[k] for k in ("text", "audio", "image", "write_5m"))
    cached = sum(bill[k] for k in ("cached_text", "cached_audio", "cached_image"))
    outputs = sum(bill[k] for k in ("out_text", "thought", "out_audio", "out_image"))
    return {
        prompt: inputs + cached,
        completion: outputs,
        "total_tokens": inputs + cached + outputs,
        f"{prompt}_details": {
            "cached_tokens": cached,
            "cache_write_tokens": bill["write_5m"],
            "audio_tokens": bill["audio"] + bill["cached_audio"],
            "image_tokens": bill["image"] + bill["cached_image"],
            "cached_tokens_details": {
                "audio_tokens": bill["cached_audio"],
                "image_tokens": bill["cached_image"],
            },
        },
        f"{completion}_details": {
            "reasoning_tokens": bill["thought"],
            "audio_tokens": bill["out_audio"],
            "image_tokens": bill["out_image"],
        },
    }


def write_chat(bill: Bill) -> dict[str, Any]:
    return {"usage": write_openai(bill, "prompt_tokens", "completion_tokens")}


def write_responses(bill: Bill) -> dict[str, Any]:
    return {"usage": write_openai(bill, "input_tokens", "output_tokens")}


def write_xai(bill: Bill) -> dict[str, Any]:
    usage = write_openai(bill, "prompt_tokens", "completion_tokens")
    return {"usage": usage | {"completion_tokens": usage["completion_tokens"] - bill["thought"]}}


def write_deepseek(bill: Bill) -> dict[str, Any]:
    return {
        "usage": {
            "prompt_tokens": bill["text"] + bill["cached_text"],
            "prompt_cache_hit_tokens": bill["cached_text"],
            "prompt_cache_miss_tokens": bill["text"],
            "completion_tokens": bill["out_text"] + bill["thought"],
            "completion_tokens_details": {"reasoning_tokens": bill["thought"]},
        }
    }


def write_anthropic(bill: Bill) -> dict[str, Any]:
    return {
        "usage": {
            "input_tokens": bill["text"],
            "cache_read_input_tokens": bill["cached_text"],
            "cache_creation_input_tokens": bill["write_5m"] + bill["write_1h"],
            "cache_creation": {
                "ephemeral_5m_input_tokens": bill["write_5m"],
                "ephemeral_1h_input_tokens": bill["write_1h"],
            },
            "output_tokens": bill["out_text"],
            "server_tool_use": {"web_search_requests": bill["searches"]},
        }
    }


def write_bedrock(bill: Bill) -> dict[str, Any]:
    return {
        "usage": {
            "inputTokens": bill["text"],
            "cacheReadInputTokens": bill["cached_text"],
            "cacheWriteInputTokens": bill["write_5m"] + bill["write_1h"],
            "cacheDetails": [
                {"ttl": "1h", "inputTokens": bill["write_1h"]},
                {"ttl": "5m", "inputTokens": bill["write_5m"]},
            ],
            "outputTokens": bill["out_text"],
        }
    }


def write_gemini(bill: Bill) -> dict[str, Any]:
    def details(**tokens: int) -> list[dict[str, Any]]:
        return [{"modality": name, "tokenCount": value} for name, value in tokens.items()]

    prompt = sum(bill[k] for k in ("text", "audio", "image", "cached_text", "cached_audio", "cached_image"))
    answer = sum(bill[k] for k in ("out_text", "out_audio", "out_image"))
    return {
        "usageMetadata": {
            "promptTokenCount": prompt,
            "toolUsePromptTokenCount": bill["tool"],
            "cachedContentTokenCount": sum(bill[k] for k in ("cached_text", "cached_audio", "cached_image")),
            "candidatesTokenCount": answer,
            "thoughtsTokenCount": bill["thought"],
            "totalTokenCount": prompt + bill["tool"] + answer + bill["thought"],
            "promptTokensDetails": details(
                TEXT=bill["text"] + bill["cached_text"],
                AUDIO=bill["audio"] + bill["cached_audio"],
                IMAGE=bill["image"] + bill["cached_image"],
            ),
            "cacheTokensDetails": details(
                TEXT=bill["cached_text"], AUDIO=bill["cached_audio"], IMAGE=bill["cached_image"]
            ),
            "toolUsePromptTokensDetails": details(TEXT=bill["tool"]),
            "candidatesTokensDetails": details(
                TEXT=bill["out_text"], AUDIO=bill["out_audio"], IMAGE=bill["out_image"]
            ),
        }
    }


def write_cohere(bill: Bill) -> dict[str, Any]:
    return {
        "usage": {
            "billed_units": {"input_tokens": bill["text"], "output_tokens": bill["out_text"]},
            "tokens": {"input_tokens": bill["text"] + 496, "output_tokens": bill["out_text"] + 3},
        }
    }


def write_ollama(bill: Bill) -> dict[str, Any]:
    return {"prompt_eval_count": bill["text"], "eval_count": bill["out_text"], "total_duration": 1}


MEDIA = {"audio", "cached_audio", "image", "cached_image", "out_audio", "out_image"}
CHAT_LEAVES = {"text", "cached_text", "write_5m", "out_text", "thought", *MEDIA}
CACHE_LEAVES = {"text", "cached_text", "write_5m", "write_1h", "out_text"}
GEMINI_LEAVES = {"text", "cached_text", "tool", "out_text", "thought", *MEDIA}

WRITERS: dict[str, tuple[Callable[[Bill], dict[str, Any]], set[str]]] = {
    "openai_chat": (write_chat, CHAT_LEAVES),
    "azure_chat": (write_chat, CHAT_LEAVES),
    "groq_chat": (write_chat, CHAT_LEAVES),
    "mistral_chat": (write_chat, CHAT_LEAVES),
    "openai_responses": (write_responses, CHAT_LEAVES),
    "xai_chat": (write_xai, CHAT_LEAVES),
    "deepseek_chat": (write_deepseek, {"text", "cached_text", "out_text", "thought"}),
    "anthropic_messages": (write_anthropic, CACHE_LEAVES | {"searches"}),
    "bedrock_converse": (write_bedrock, CACHE_LEAVES),
    "gemini_generateContent": (write_gemini, GEMINI_LEAVES),
    "gemini_document": (write_gemini, GEMINI_LEAVES),
    "cohere_v2": (write_cohere, {"text", "out_text"}),
    "ollama": (write_ollama, {"text", "out_text"}),
}


def billed(bill: Bill, leaves: set[str]) -> dict[str, int]:
    """The counts a bill stands for, where the flavour can say only `leaves`."""
    of = {name: bill[name] if name in leaves else 0 for name in bill}
    details = {
        "cache_read_tokens": of["cached_text"] + of["cached_audio"] + of["cached_image"],
        "cache_write_5m_tokens": of["write_5m"],
        "cache_write_1h_tokens": of["write_1h"],
        "reasoning_tokens": of["thought"],
        "input_audio_tokens": of["audio"] + of["cached_audio"],
        "output_audio_tokens": of["out_audio"],
        "cache_read_audio_tokens": of["cached_audio"],
        "input_image_tokens": of["image"],
        "output_image_tokens": of["out_image"],
        "web_searches": of["searches"],
    }
    return {
        "prompt_tokens": sum(of[name] for name in INPUT_LEAVES),
        "completion_tokens": sum(of[name] for name in OUTPUT_LEAVES),
    } | {name: value for name, value in details.items() if value}


@pytest.mark.parametrize("flavour", FLAVOURS)
@given(bill=BILLS)
def test_totals_are_inclusive_and_details_are_kept(flavour: str, bill: Bill) -> None:
    write, leaves = WRITERS[flavour]
    payload = write(bill)
    before = copy.deepcopy(payload)
    assert canonical_usage(flavour, payload) == billed(bill, leaves)
    assert payload == before


@pytest.mark.parametrize("flavour", FLAVOURS)
@given(bill=BILLS)
def test_subsets_never_exceed_their_total(flavour: str, bill: Bill) -> None:
    counts = Counter(canonical_usage(flavour, WRITERS[flavour][0](bill)))
    assert set(counts) <= {*TOKEN_COUNTS, *UNIT_COUNTS}
    uncached_audio = counts["input_audio_tokens"] - counts["cache_read_audio_tokens"]
    assert uncached_audio >= 0
    assert counts["cache_read_audio_tokens"] <= counts["cache_read_tokens"]
    assert (
        counts["cache_read_tokens"]
        + counts["cache_write_5m_tokens"]
        + counts["cache_write_1h_tokens"]
        + uncached_audio
        + counts["input_image_tokens"]
        <= counts["prompt_tokens"]
    )
    assert (
        counts["reasoning_tokens"] + counts["output_audio_tokens"] + counts["output_image_tokens"]
        <= counts["completion_tokens"]
    )


NOT_READ = {"total_tokens", "totalTokens", "total_duration"}
READ_TOTALS = {"xai_chat": {"total_tokens"}}


def count_paths(flavour: str, node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a payload holds counts that the flavour reads."""
    items = node.items() if isinstance(node, Mapping) else enumerate(node)
    for key, value in items:
        if key in NOT_READ - READ_TOTALS.get(flavour, set()) or (flavour == "cohere_v2" and key == "tokens"):
            continue
        if isinstance(value, dict | list):
            yield from count_paths(flavour, value, (*path, key))
        elif type(value) is int:
            yield (*path, key)


ONES: Bill = dict.fromkeys(("searches", *INPUT_LEAVES, *OUTPUT_LEAVES), 1)
NO_COUNTS = [-1, True, False, "1", "", 1.0, 1.5, Decimal("1.0"), float("nan"), 10**12 + 1, [], {}]


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("wrong", NO_COUNTS, ids=repr)
def test_what_is_no_whole_number_is_refused_wherever_it_stands(flavour: str, wrong: object) -> None:
    good = WRITERS[flavour][0](ONES)
    paths = list(count_paths(flavour, good))
    assert len(paths) >= 2
    for path in paths:
        payload = copy.deepcopy(good)
        node = payload
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = wrong
        with pytest.raises(Refused):
            canonical_usage(flavour, payload)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("wrong", ["hunter2", [], 3, True])
def test_another_shape_is_refused_without_repeating_it(flavour: str, wrong: Any) -> None:
    with pytest.raises(Refused, match=r"^payload: expected an object") as refusal:
        canonical_usage(flavour, wrong)
    assert "hunter2" not in str(refusal.value)
    key = "usageMetadata" if flavour.startswith("gemini") else "usage"
    with pytest.raises(Refused):
        canonical_usage(flavour, {key: wrong})


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_payload_without_a_count_is_refused_and_not_read_as_nothing(flavour: str) -> None:
    with pytest.raises(Refused):
        canonical_usage(flavour, {"model": "m"})


def test_chat_words_are_not_read_as_responses_words() -> None:
    with pytest.raises(Refused, match="no count of this flavour"):
        canonical_usage("openai_responses", {"prompt_tokens": 5, "completion_tokens": 6})


def test_an_unknown_flavour_is_a_users_error_that_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean openai_chat"):
        canonical_usage("openai-chat", {})
    with pytest.raises(UserError, match="write one of: openai_chat, "):
        canonical_usage("", {})


def test_absent_is_no_key_and_a_total_of_zero_is_kept() -> None:
    assert canonical_usage("openai_chat", {"prompt_tokens": 5}) == {"prompt_tokens": 5}
    assert canonical_usage("openai_chat", {"prompt_tokens": 5, "completion_tokens": 0}) == {
        "prompt_tokens": 5,
        "completion_tokens": 0,
    }
    assert canonical_usage("ollama", {"eval_count": 7}) == {"completion_tokens": 7}


def test_iterations_are_summed_in_place_of_the_totals_at_the_top() -> None:
    usage = {
        "input_tokens": 23000,
        "output_tokens": 1000,
        "cache_read_input_tokens": 7,
        "server_tool_use": {"web_search_requests": 2},
        "iterations": [
            {
                "type": "compaction",
                "input_tokens": 180000,
                "output_tokens": 3500,
                "cache_creation_input_tokens": 11,
            },
            {"type": "message", "input_tokens": 23000, "output_tokens": 1000, "cache_read_input_tokens": 7},
        ],
    }
    assert canonical_usage("anthropic_messages", usage) == {
        "prompt_tokens": 180000 + 11 + 23000 + 7,
        "completion_tokens": 4500,
        "cache_read_tokens": 7,
        "cache_write_5m_tokens": 11,
        "web_searches": 2,
    }
    assert canonical_usage("anthropic_messages", usage | {"iterations": []})["prompt_tokens"] == 23007


@pytest.mark.parametrize(
    "iteration",
    [
        {"type": "advisor_message", "input_tokens": 1, "output_tokens": 1},
        {"type": ["message"], "input_tokens": 1, "output_tokens": 1},
        {"type": "message", "output_tokens": 1},
        {"type": "message", "input_tokens": 1},
        "message",
    ],
)
def test_an_iteration_that_cannot_be_priced_with_the_attempt_is_refused(iteration: object) -> None:
    with pytest.raises(Refused, match=r"iterations\[0\]"):
        canonical_usage(
            "anthropic_messages", {"input_tokens": 1, "output_tokens": 1, "iterations": [iteration]}
        )


@pytest.mark.parametrize(
    ("flavour", "usage"),
    [
        ("anthropic_messages", {"input_tokens": 1, "cache_creation_input_tokens": 10}),
        ("bedrock_converse", {"inputTokens": 1, "cacheWriteInputTokens": 10}),
    ],
)
def test_writes_beyond_the_split_are_of_five_minutes(flavour: str, usage: dict[str, Any]) -> None:
    part = {
        "cache_creation": {"ephemeral_1h_input_tokens": 4},
        "cacheDetails": [{"ttl": "1h", "inputTokens": 4}],
    }
    assert canonical_usage(flavour, usage) == {"prompt_tokens": 11, "cache_write_5m_tokens": 10}
    assert canonical_usage(flavour, usage | part) == {
        "prompt_tokens": 11,
        "cache_write_5m_tokens": 6,
        "cache_write_1h_tokens": 4,
    }


@pytest.mark.parametrize(
    ("flavour", "usage", "reason"),
    [
        ("anthropic_messages", {"output_tokens": 1, "cache_read_input_tokens": 5}, "input_tokens: missing"),
        (
            "anthropic_messages",
            {
                "input_tokens": 1,
                "cache_creation_input_tokens": 1,
                "cache_creation": {"ephemeral_5m_input_tokens": 2},
            },
            "fewer than its parts",
        ),
        ("bedrock_converse", {"outputTokens": 1, "cacheReadInputTokens": 5}, "inputTokens: missing"),
        (
            "bedrock_converse",
            {"inputTokens": 1, "cacheDetails": [{"ttl": "2h", "inputTokens": 1}]},
            "5m or 1h",
        ),
        (
            "deepseek_chat",
            {"prompt_tokens": 9, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 4},
            "not the sum",
        ),
        ("cohere_v2", {"tokens": {"input_tokens": 5, "output_tokens": 5}}, "billed_units: missing"),
        (
            "xai_chat",
            {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "total_tokens": 9,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            "neither with nor without",
        ),
        (
            "xai_chat",
            {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            "total_tokens",
        ),
        (
            "openai_responses",
            {
                "input_tokens": 9,
                "input_tokens_details": {"image_tokens": 1, "cached_tokens_details": {"image_tokens": 2}},
            },
            "fewer than the part",
        ),
    ],
)
def test_figures_that_contradict_each_other_are_refused(
    flavour: str, usage: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        canonical_usage(flavour, usage)


def test_the_total_tells_whether_reasoning_is_in_the_answer() -> None:
    xai = {
        "prompt_tokens": 10,
        "completion_tokens": 20,
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    gemini = {"promptTokenCount": 10, "candidatesTokenCount": 20, "thoughtsTokenCount": 5}
    for flavour, usage, key in (
        ("xai_chat", xai, "total_tokens"),
        ("gemini_generateContent", gemini, "totalTokenCount"),
    ):
        assert canonical_usage(flavour, usage | {key: 35})["completion_tokens"] == 25
        assert canonical_usage(flavour, usage | {key: 30})["completion_tokens"] == 20
    assert canonical_usage("gemini_generateContent", gemini)["completion_tokens"] == 25


def test_a_gemini_call_stopped_before_its_answer_wrote_nothing_only_if_the_total_says_so() -> None:
    stopped = {"promptTokenCount": 10}
    assert canonical_usage("gemini_generateContent", stopped) == {"prompt_tokens": 10}
    assert canonical_usage("gemini_generateContent", stopped | {"totalTokenCount": 10}) == {
        "prompt_tokens": 10,
        "completion_tokens": 0,
    }
    thinking = stopped | {"thoughtsTokenCount": 4, "totalTokenCount": 14}
    assert canonical_usage("gemini_generateContent", thinking)["completion_tokens"] == 4
    assert canonical_usage("gemini_generateContent", thinking | {"totalTokenCount": 10}) == {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "reasoning_tokens": 4,
    }


def test_audio_that_a_gemini_tool_put_into_the_prompt_is_audio() -> None:
    usage = {
        "promptTokenCount": 10,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}],
        "toolUsePromptTokenCount": 6,
        "toolUsePromptTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}, {"modality": "TEXT"}],
    }
    assert canonical_usage("gemini_generateContent", usage) == {"prompt_tokens": 16, "input_audio_tokens": 5}


def test_deepseek_hits_are_read_where_openai_puts_them_if_its_own_field_is_absent() -> None:
    usage = {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}
    assert canonical_usage("deepseek_chat", usage) == {"prompt_tokens": 9, "cache_read_tokens": 4}
    own = usage | {"prompt_cache_hit_tokens": 5}
    assert canonical_usage("deepseek_chat", own) == {"prompt_tokens": 9, "cache_read_tokens": 5}


def test_bedrock_writes_of_one_lifetime_are_added_up() -> None:
    details = [{"ttl": "1h", "inputTokens": 4}, {"ttl": "1h", "inputTokens": 5}]
    assert canonical_usage("bedrock_converse", {"inputTokens": 1, "cacheDetails": details}) == {
        "prompt_tokens": 10,
        "cache_write_1h_tokens": 9,
    }


def test_a_cohere_rerank_is_billed_by_the_search() -> None:
    assert canonical_usage("cohere_v2", {"meta": {"billed_units": {"search_units": 1}}}) == {
        "rerank_searches": 1
    }
