"""Which paths of an access log are calls of a model.

A call is a request that makes a model work: a POST (or a WebSocket, for realtime) to one of the
endpoints below. What only looks at things or changes settings is none: GET of anything, /health, /metrics, the
UI, /key, /user, /team, /spend, /model(s), token counting, files, vector stores, fine-tuning jobs, MCP, agents,
search. What is landed is the shape of the path: no query, no model, no id, no root path of the server.

| endpoint | shape that is landed |
|---|---|
| /chat/completions, /completions, /embeddings, /responses, /moderations, /rerank, /ocr, /audio/…, /images/…, /videos, /batches, /realtime, /interactions, /rag/query, with or without a version | as it came |
| /v1/messages (not /v1/messages/count_tokens), /v1/complete | as it came |
| /openai/deployments/gpt/chat/completions, /engines/gpt/completions | `{model}` for the name |
| /v1beta/models/gemini:generateContent | `/models/{model}:generateContent`, with its version |
| /threads/id/runs | `/threads/{thread}/runs` |
| the same behind a pass-through prefix (/anthropic, /openai, /azure, /vllm, /mistral, …) | prefix and shape |
| /vertex_ai/v1/projects/…/models/gemini:generateContent | `/vertex_ai/models/{model}:generateContent` |
| /bedrock/model/id/converse, /cohere/v1/chat, /watsonx/ml/v1/text/chat, /assemblyai/v2/transcript | ids as `{model}` |
"""  # noqa: E501

from __future__ import annotations

import re

_PASS_THROUGH = (
    r"anthropic|azure|azure_ai|bedrock|cohere|cursor|(?:eu\.)?assemblyai|gemini|mistral|openai|openai_passthrough"
    r"|vertex-ai|vertex_ai|vllm|watsonx"
)
_LEAD = (
    rf"(?:/[\w.~-]+){{0,3}}?(?P<prefix>/(?:{_PASS_THROUGH}))?"  # the server's own root path, then the prefix
)
_VERSION = r"(?P<version>/v[0-9](?:(?:alpha|beta)[0-9]?)?)"
_ENDPOINT = (
    r"(?P<end>chat/completions|completions|fim/completions|embeddings|responses|moderations|rerank|ocr"
    r"|audio/(?:transcriptions|translations|speech)|images/(?:generations|edits|variations)"
    r"|videos|batches|realtime|realtime/calls|interactions|rag/query)"
)
_VERB = (
    r"(?P<end>generateContent|streamGenerateContent|embedContent|batchEmbedContents|predict|predictLongRunning"
    r"|rawPredict|streamRawPredict)"
)
_BEDROCK = r"(?P<end>invoke|invoke-with-response-stream|converse|converse-stream)"

_LONGEST = 1024

_SHAPES = tuple(
    (re.compile(pattern), shape)
    for pattern, shape in (
        (rf"{_LEAD}/openai/deployments/.+?/{_ENDPOINT}", "{prefix}/openai/deployments/{{model}}/{end}"),
        (rf"{_LEAD}/engines/.+?/{_ENDPOINT}", "{prefix}/engines/{{model}}/{end}"),
        (rf"{_LEAD}{_VERSION}?/{_ENDPOINT}", "{prefix}{version}/{end}"),
        (rf"{_LEAD}{_VERSION}/(?P<end>messages|complete)", "{prefix}{version}/{end}"),
        (rf"{_LEAD}{_VERSION}?/threads/[^/]+/(?P<end>runs)", "{prefix}{version}/threads/{{thread}}/{end}"),
        (rf"{_LEAD}{_VERSION}?/models/[^:]+:{_VERB}", "{prefix}{version}/models/{{model}}:{end}"),
        (rf".*?(?P<prefix>/vertex[-_]ai)/.*/[^:/]+:{_VERB}", "{prefix}/models/{{model}}:{end}"),
        (rf".*?(?P<prefix>/bedrock)/model/.+?/{_BEDROCK}", "{prefix}/model/{{model}}/{end}"),
        (rf".*?(?P<prefix>/cohere){_VERSION}/(?P<end>chat|embed|generate)", "{prefix}{version}/{end}"),
        (
            r".*?(?P<prefix>/watsonx)/ml/v1/text/(?P<end>chat|chat_stream|generation|generation_stream|embeddings)",
            "{prefix}/ml/v1/text/{end}",
        ),
        (rf".*?(?P<prefix>/(?:eu\.)?assemblyai){_VERSION}/(?P<end>transcript)", "{prefix}{version}/{end}"),
    )
)


def call_path(method: str, target: str) -> str | None:
    """The shape of a path that is a call of a model, None for every other request. `target` is what stands in the
    request line: a path with its query, or a whole URL."""
    if method not in ("POST", "WEBSOCKET"):
        return None
    path = re.sub(r"\Ahttps?://[^/]*", "", target).partition("?")[0].partition("#")[0].rstrip("/")
    if len(path) > _LONGEST:
        return None
    for pattern, shape in _SHAPES:
        if found := pattern.fullmatch(path):
            named = {"prefix": "", "version": ""} | {
                key: part or "" for key, part in found.groupdict().items()
            }
            if method == "WEBSOCKET" and not named["end"].startswith("realtime"):
                return None
            return shape.format(**named)
    return None
