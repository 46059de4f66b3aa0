"""What LiteLLM's router says about one attempt at a provider."""

from __future__ import annotations

import re
from typing import Any

from tokencost_pipeline.ingest.sources.providers import family, without_prefix

_NAMES_ALIAS_ON_FAILURE = re.compile(
    r"a?generic_api_call_with_fallbacks|a?text_completion|a?adapter_completion"
)
"""Functions whose failure line names what the client asked for, and whose success line the deployment: /v1/messages,
/v1/responses and other routes go through the first of them."""

_NO_MODEL_CALL = re.compile(
    r"a?(?:create|retrieve|list|delete)_file\w*|a?vector_store_\w+|a?file_\w+|a?guardrail\w*"
)

_NOT_SENT = (
    "No deployments available",
    "No models available",
    "Deployment over user-defined ratelimit",
    "Deployment over defined",
    "Not allowed to access model due to tags",
    "There are no healthy deployments",
    "Every deployment for it is a strategy router marker",
    "You passed in model=",
    "Model rate limit exceeded",
)
"""Errors that the router raises before it has sent anything: no provider saw these."""

_ERROR_CLASS = re.compile(r"(?:litellm\.)?(?:[a-z_]+\.)*(?P<name>[A-Z][A-Za-z]{2,63})(?=: |\Z)")
_CLASSES = re.compile(r"(?:(?:litellm\.)?(?:[a-z_]+\.)*[A-Z]\w{2,63}(?<!Exception): )*")
_SAID_BY = re.compile(r"(?P<provider>[A-Za-z]\w{1,40}?)(?:Exception(?: -|:)|Error -) ")

_PROVIDERS = frozenset(
    """
    ai21 ai21_chat aiml aiohttp_openai aleph_alpha amazon_nova anthropic anthropic_text anyscale apertis
    assemblyai aws_polly azure azure_ai azure_text baseten bedrock bedrock_converse bedrock_mantle
    black_forest_labs bytez cerebras chatgpt chutes clarifai cloudflare codestral cohere cohere_chat cometapi
    compactifai custom custom_openai dashscope databricks datarobot deepgram deepinfra deepseek
    docker_model_runner dotprompt elevenlabs empower fal_ai featherless_ai firecrawl fireworks_ai friendliai
    galadriel gemini gigachat github github_copilot gmi google_ai_studio gradient_ai groq helicone heroku
    hosted_vllm huggingface hyperbolic inception infinity jina_ai lambda_ai langgraph lemonade litellm_agent
    litellm_proxy llamafile llamagate lm_studio manus maritalk meta_llama milvus minimax mistral mistralai
    moonshot morph nano-gpt nebius nlp_cloud novita nscale nvidia_nim oci ollama ollama_chat oobabooga openai
    openai_like openrouter ovhcloud palm perplexity petals poe predibase publicai ragflow recraft replicate
    runwayml sagemaker sagemaker_chat sagemaker_nova sambanova sap snowflake stability synthetic tencent
    text-completion-codestral text-completion-openai together_ai topaz triton v0 vercel_ai_gateway vertex_ai
    vertex_ai_beta vllm volcengine voyage wandb watsonx watsonx_text xai xiaomi_mimo xinference zai
    """.split()  # noqa: SIM905
)
"""LiteLLM's names of its adapters. A prefix that is none of them may be the maker's name inside the model's
(`meta-llama/…`), so it is not taken for who served the call."""

_BARE = {name.replace("_", "").replace("-", ""): name for name in sorted(_PROVIDERS)}


def attempted(call: str, model: str, *, ok: bool, error: str) -> dict[str, Any] | None:
    """The provider attempt that a router line tells of, None when no provider was called for a model's work.

    `call` is LiteLLM's function, `model` what it printed as model, `error` the text behind 'Exception'. A success
    names the deployment; so does a failure, but for the functions that name what was asked for then: of those the
    provider is known from LiteLLM's own words (`AnthropicException - `) and the deployment is not.
    """
    if _NO_MODEL_CALL.fullmatch(call):
        return None
    found: dict[str, Any] = {"kind": "provider_attempt", "call": call, "ok": ok}
    if not ok:
        said = error[_CLASSES.match(error).end() :]  # type: ignore[union-attr]
        if model == "None" or said.startswith(_NOT_SENT):
            return None
        if name := _ERROR_CLASS.match(error):
            found["error"] = name["name"]
        if _NAMES_ALIAS_ON_FAILURE.fullmatch(call):
            said_by = _SAID_BY.match(said)
            provider = _BARE.get(said_by["provider"].replace("_", "").lower()) if said_by else None
            return found | {"provider": family(provider) if provider else None, "model_requested": model}
    prefix, slash, rest = model.partition("/")
    provider = prefix.lower() if slash and rest and prefix.lower() in _PROVIDERS else None
    return found | {
        "provider": family(provider) if provider else None,
        "model": without_prefix(model, provider),
    }
