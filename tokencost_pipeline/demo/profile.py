"""Who the invented traffic comes from: features, tenants, models, and the shape of their days."""

from __future__ import annotations

from dataclasses import dataclass

Weighted = tuple[tuple[str, float], ...]

ROUND_THE_CLOCK = (
    70,
    66,
    64,
    62,
    62,
    66,
    74,
    86,
    98,
    108,
    114,
    118,
    118,
    120,
    122,
    120,
    116,
    112,
    108,
    104,
    98,
    90,
    82,
    76,
)
OFFICE = (4, 3, 3, 3, 4, 10, 30, 70, 120, 150, 155, 140, 110, 135, 150, 145, 120, 80, 45, 28, 18, 12, 8, 5)
CONSUMER = (
    40,
    26,
    18,
    14,
    14,
    20,
    40,
    64,
    80,
    88,
    92,
    98,
    106,
    104,
    100,
    100,
    106,
    118,
    134,
    146,
    150,
    138,
    104,
    66,
)
NIGHT = (0, 30, 100, 100, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
"""Weights of the 24 UTC hours of a day."""

LONGEST_PROMPT = 190_000
"""Below the smallest context window of the models here, and below every price band."""


@dataclass(frozen=True)
class Model:
    """What serves. `cached` is the share of a prompt usually read from the provider's prompt cache."""

    provider: str
    name: str
    cached: float = 0.0
    writes_cache: bool = False
    reasoning: float = 0.0
    embedding: bool = False
    ms_per_token: float = 14.0


GPT_4O_MINI = Model("openai", "gpt-4o-mini", cached=0.25, ms_per_token=9)
GPT_5_MINI = Model("openai", "gpt-5-mini", cached=0.25, reasoning=0.45)
EMBEDDING = Model("openai", "text-embedding-3-small", embedding=True)
SONNET = Model("anthropic", "claude-sonnet-4-5-20250929", cached=0.3, writes_cache=True, ms_per_token=16)
HAIKU = Model("anthropic", "claude-haiku-4-5-20251001", cached=0.3, writes_cache=True, ms_per_token=8)
OPUS = Model("anthropic", "claude-opus-4-5-20251101", cached=0.5, writes_cache=True, ms_per_token=22)
DEEPSEEK = Model("deepseek", "deepseek-v4-flash", cached=0.4)
GEMINI = Model("google", "gemini-2.5-flash", ms_per_token=6)
MISTRAL = Model("mistral", "mistral-large-4")
LLAMA = Model("ollama", "llama3.1", ms_per_token=30)
QWEN = Model("ollama", "qwen2.5-coder", ms_per_token=34)
FINE_TUNE = Model("openai", "ft:acme-triage-v2", ms_per_token=25)
"""Stands in no price book: every warehouse meets a model nobody has entered yet, so the demo has one."""


@dataclass(frozen=True)
class Feature:
    """One use of LLMs. `share` is its part of all requests, tokens are medians of one request."""

    name: str
    share: float
    hours: tuple[int, ...]
    weekend: float
    prompt_tokens: int
    completion_tokens: int
    models: tuple[tuple[Model, float], ...]
    tenants: Weighted
    template: str
    template_version: int
    through_gateway: bool = False
    response_cache: float = 0.0
    service_tier: str | None = None
    sessions: bool = False


FEATURES = (
    Feature(
        name="summarise",
        share=0.18,
        hours=ROUND_THE_CLOCK,
        weekend=0.85,
        prompt_tokens=14_000,
        completion_tokens=450,
        models=((SONNET, 0.7), (HAIKU, 0.2), (GEMINI, 0.1)),
        tenants=(("acme", 0.4), ("globex", 0.3), ("initech", 0.2), ("umbrella", 0.1)),
        template="summarise",
        template_version=7,
        through_gateway=True,
    ),
    Feature(
        name="chat",
        share=0.28,
        hours=CONSUMER,
        weekend=0.9,
        prompt_tokens=2_500,
        completion_tokens=350,
        models=((GPT_4O_MINI, 0.45), (GPT_5_MINI, 0.2), (HAIKU, 0.15), (LLAMA, 0.2)),
        tenants=(("acme", 0.5), ("umbrella", 0.3), ("globex", 0.2)),
        template="chat",
        template_version=3,
        through_gateway=True,
        response_cache=0.06,
        sessions=True,
    ),
    Feature(
        name="code-review",
        share=0.14,
        hours=OFFICE,
        weekend=0.15,
        prompt_tokens=18_000,
        completion_tokens=900,
        models=((OPUS, 0.35), (SONNET, 0.25), (QWEN, 0.25), (DEEPSEEK, 0.15)),
        tenants=(("initech", 0.6), ("acme", 0.4)),
        template="review-diff",
        template_version=2,
    ),
    Feature(
        name="search-rerank",
        share=0.18,
        hours=CONSUMER,
        weekend=0.8,
        prompt_tokens=1_200,
        completion_tokens=40,
        models=((EMBEDDING, 0.6), (GPT_4O_MINI, 0.4)),
        tenants=(("acme", 0.6), ("globex", 0.4)),
        template="rerank",
        template_version=1,
        through_gateway=True,
        response_cache=0.1,
    ),
    Feature(
        name="ticket-triage",
        share=0.10,
        hours=OFFICE,
        weekend=0.3,
        prompt_tokens=9_000,
        completion_tokens=250,
        models=((MISTRAL, 0.6), (GEMINI, 0.39), (FINE_TUNE, 0.01)),
        tenants=(("globex", 0.5), ("umbrella", 0.5)),
        template="triage",
        template_version=4,
        through_gateway=True,
    ),
    Feature(
        name="nightly-report",
        share=0.05,
        hours=NIGHT,
        weekend=1.0,
        prompt_tokens=30_000,
        completion_tokens=2_500,
        models=((GPT_5_MINI, 0.6), (SONNET, 0.4)),
        tenants=(("globex", 0.7), ("acme", 0.3)),
        template="report",
        template_version=1,
        service_tier="batch",
    ),
    Feature(
        name="support-agent",
        share=0.07,
        hours=CONSUMER,
        weekend=0.8,
        prompt_tokens=26_000,
        completion_tokens=600,
        models=((SONNET, 0.75), (GPT_5_MINI, 0.25)),
        tenants=(("acme", 0.7), ("umbrella", 0.3)),
        template="agent",
        template_version=5,
        sessions=True,
    ),
)

REGIONS = {"acme": "eu-central-1", "globex": "us-east-1", "initech": "us-east-1", "umbrella": "eu-west-2"}
USERS = {"acme": 14, "globex": 9, "initech": 6, "umbrella": 4}
"""How many users a tenant has."""
