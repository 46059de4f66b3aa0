"""Who served a call: one name per billing family, whatever the gateway calls its adapter.

LiteLLM names the adapter (`ollama_chat`, `bedrock_converse`); the price book and the reports name the
company that sends the bill. A name that is not in the table is its own family and is kept as it came.
"""

from __future__ import annotations

_FAMILIES = {
    "anthropic": ("anthropic", "anthropic_text"),
    "azure": ("azure", "azure_text", "azure_openai"),
    "bedrock": ("bedrock", "bedrock_converse", "bedrock_mantle", "amazon_nova", "aws_bedrock"),
    "cohere": ("cohere", "cohere_chat"),
    "deepseek": ("deepseek",),
    "google": ("google", "gemini", "google_ai_studio", "palm"),
    "groq": ("groq",),
    "mistral": ("mistral", "mistralai", "codestral", "text-completion-codestral"),
    "ollama": ("ollama", "ollama_chat"),
    "openai": ("openai", "text-completion-openai", "openai_text", "chatgpt"),
    "sagemaker": ("sagemaker", "sagemaker_chat", "sagemaker_nova"),
    "vertex": (
        "vertex",
        "vertex_ai",
        "vertex_ai_beta",
        "vertex_ai-anthropic_models",
        "vertex_ai-language-models",
        "vertex_ai-chat-models",
        "vertex_ai-embedding-models",
        "vertex_ai-llama_models",
        "vertex_ai-mistral_models",
        "vertex_ai-ai21_models",
        "vertex_ai-deepseek_models",
    ),
    "vllm": ("vllm", "hosted_vllm"),
    "xai": ("xai", "x-ai"),
}
_FAMILY_OF = {name: family for family, names in _FAMILIES.items() for name in names}


def family(provider: str) -> str:
    """The billing family of a provider's name: `ollama_chat` -> `ollama`, `gemini` -> `google`."""
    return _FAMILY_OF.get(provider.lower(), provider.lower())


def named_in(model: str) -> str | None:
    """The provider that a model's prefix names, where it is one of the table: `mistral/mistral-small` -> `mistral`,
    but `meta-llama/llama-3` -> None."""
    prefix, slash, rest = model.partition("/")
    return prefix if slash and rest and prefix.lower() in _FAMILY_OF else None


def without_prefix(model: str, provider: str | None) -> str:
    """The model's name without the provider LiteLLM writes before it (since 1.106; 1.80 writes none).

    Only a prefix that names the provider itself or its family goes: `openai/ft:acme-7b-v3` served by
    openai is `ft:acme-7b-v3`, while `meta-llama/llama-3` served by groq keeps its maker.
    """
    prefix, slash, rest = model.partition("/")
    if provider and slash and rest and family(prefix) == family(provider):
        return rest
    return model
