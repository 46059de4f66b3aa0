"""Plain LiteLLM logs: each real file against what its run truly did, and the grammar against other versions."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ingest_lab import NOW, Lab

from tokencost_pipeline.ingest.fields import Ignored
from tokencost_pipeline.ingest.sources.litellm_log import map_log, parse_line
from tokencost_pipeline.ingest.sources.providers import family

DATA = Path(__file__).parents[2] / "data" / "litellm_log"
ACCESS = 'INFO:     127.0.0.1:39916 - "POST /v1/messages HTTP/1.1" 200 OK'
ROUTER = "09:45:05 - LiteLLM Router:INFO: router.py:3993 - "

FILES = {
    # file: (truth, shows provider attempts, shows ccproxy's panels)
    "01_default_stdout_v1.106.2.litellm.log": ("default_1106", False, False),
    "02_detailed_debug_v1.106.2.litellm.log": ("detailed_debug_1106", True, False),
    "02c_debug_info_v1.106.2.litellm.log": ("debug_1106", True, False),
    "03_json_logs_v1.106.2.litellm.log": ("json_1106", False, False),
    "03c_json_logs_plus_debug_v1.106.2.litellm.log": ("json_debug_1106", True, False),
    "05_uvicorn_access_v1.106.2.log": ("default_1106", False, False),
    "08_starbased_ccproxy_v1.2.0_litellm_v1.106.2.litellm.log": ("ccproxy_120", False, True),
}


def row_of(line: str | bytes) -> dict[str, Any] | None:
    """The landed fields of one line, None when it is ignored. Tags are unpacked."""
    row: dict[str, Any] = {}
    try:
        record = parse_line(line.encode() if isinstance(line, str) else line)
    except Ignored:
        return None
    map_log({**record, "line_key": "k"}, row, NOW)
    row["tags"] = json.loads(row["tags"])
    return row


def seen(line: str | bytes) -> dict[str, Any]:
    """What a line that counts says, without the fields that are the same for all."""
    row = row_of(line)
    assert row is not None
    assert (row.pop("grain"), row.pop("event_id")) == ("count", "line:k")
    return {name: value for name, value in (row.pop("tags") | row).items() if value is not None}


def content(name: str) -> bytes:
    return gzip.decompress((DATA / f"{name}.gz").read_bytes())


@cache
def rows(name: str) -> list[dict[str, Any]]:
    return [row for line in content(name).split(b"\n") if (row := row_of(line))]


@cache
def truth(run: str, what: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / "truth" / f"{run}.{what}.jsonl").read_text().splitlines()]


def of_kind(name: str, kind: str) -> list[dict[str, Any]]:
    return [row for row in rows(name) if row["tags"]["kind"] == kind]


def provider_of(call: dict[str, Any]) -> str:
    return family(call["api"].removesuffix("-embed"))


# ---- each real file against its truth


@pytest.mark.parametrize("name", FILES)
def test_client_requests_are_those_that_clients_made(name: str) -> None:
    shown = Counter(
        (row["tags"]["path"], row["tags"]["http_status"]) for row in of_kind(name, "http_request")
    )
    true = Counter((call["url"], str(call["status"])) for call in truth(FILES[name][0], "client_requests"))
    assert shown == true
    assert {row["tags"]["method"] for row in of_kind(name, "http_request")} == {"POST"}


@pytest.mark.parametrize("name", [name for name in FILES if FILES[name][1]])
def test_attempts_are_those_that_providers_saw(name: str) -> None:
    calls = truth(FILES[name][0], "upstream_calls")
    attempts = of_kind(name, "provider_attempt")
    # who served, with what outcome: exact for all
    assert Counter((row["provider"], row["status"] == "success") for row in attempts) == Counter(
        (provider_of(call), call["status"] == 200) for call in calls
    )
    # by deployment: exact for successes; a failure on /v1/messages names the alias alone
    true = Counter((provider_of(call), call["model"], call["status"] == 200) for call in calls)
    shown = Counter(
        (row["provider"], row["model"], row["status"] == "success") for row in attempts if row["model"]
    )
    assert {key: count for key, count in shown.items() if key[2]} == {
        key: count for key, count in true.items() if key[2]
    }
    assert shown <= true
    by_alias = [row for row in attempts if not row["model"]]
    assert shown.total() + len(by_alias) == true.total() == len(calls)
    assert {(row["status"], row["tags"]["call"]) for row in by_alias} == {
        ("failure", "ageneric_api_call_with_fallbacks")
    }
    assert {row["model_requested"] for row in by_alias} <= {
        call["model"] for call in truth(FILES[name][0], "client_requests")
    } | {"claude-sonnet-4-5", "claude-3-5-sonnet"}  # the fallbacks of the gateway's configuration


def test_panels_are_the_requests_behind_ccproxy() -> None:
    (name,) = [name for name in FILES if FILES[name][2]]
    panels = of_kind(name, "ccproxy_panel")
    assert Counter(row["model_requested"] for row in panels) == Counter(
        call["model"] for call in truth("ccproxy_120", "client_requests")
    )
    assert {(row["provider"], row.get("model"), row.get("status")) for row in panels} == {(None, None, None)}


def test_a_mode_shows_what_it_can_show_and_no_more() -> None:
    print(f"\n{'file':58} {'requests':>14} {'ok':>9} {'failed':>9} {'panels':>8}   (shown/true)")
    for name, (run, has_attempts, has_panels) in FILES.items():
        calls = truth(run, "upstream_calls")
        requests = len(truth(run, "client_requests"))
        ok = sum(call["status"] == 200 for call in calls)
        attempts = Counter(row["status"] for row in of_kind(name, "provider_attempt"))
        shown = (
            len(of_kind(name, "http_request")),
            attempts["success"],
            attempts["failure"],
            len(of_kind(name, "ccproxy_panel")),
        )
        print(
            f"{name:58} {shown[0]:>6}/{requests:<7} {shown[1]:>4}/{ok:<4} {shown[2]:>4}/{len(calls) - ok:<4}"
            f" {shown[3]:>4}/{requests if has_panels else 0}"
        )
        assert shown[0] == requests
        assert shown[1:3] == ((ok, len(calls) - ok) if has_attempts else (0, 0))
        assert shown[3] == (requests if has_panels else 0)
        assert len(rows(name)) == sum(shown)
        assert all(row["occurred_at"] is None for row in rows(name))
        tokens_or_cost = [key for row in rows(name) for key in row if "token" in key or "cost" in key]
        assert tokens_or_cost == []


def test_times_are_kept_as_the_mode_prints_them() -> None:
    def shapes(name: str, kind: str) -> set[str]:
        times = {row["tags"].get("local_time", "") for row in of_kind(name, kind)}
        return {"".join("9" if sign.isdigit() else sign for sign in time) for time in times}

    assert shapes("01_default_stdout_v1.106.2.litellm.log", "http_request") == {""}
    assert shapes("02c_debug_info_v1.106.2.litellm.log", "provider_attempt") == {"99:99:99"}
    json_shapes = shapes("03c_json_logs_plus_debug_v1.106.2.litellm.log", "provider_attempt")
    assert json_shapes == {"9999-99-99T99:99:99.999999"}


# ---- access lines of other servers and versions


@pytest.mark.parametrize(
    "line",
    [
        ACCESS,
        "\x1b[32mINFO\x1b[0m:     127.0.0.1:39916 - \"\x1b[1mPOST /v1/messages HTTP/1.1\x1b[0m\" \x1b[32m200 OK\x1b[0m",
        "[32mINFO[0m:     127.0.0.1:39916 - \"[1mPOST /v1/messages HTTP/1.1[0m\" [32m200 OK[0m",
        ACCESS.replace("127.0.0.1:39916", "[2001:db8::1]:443"),
        ACCESS.replace("127.0.0.1:39916", "::1:50213"),
        ACCESS.replace("127.0.0.1:39916 ", " "),  # a unix socket has no client
        ACCESS.replace("HTTP/1.1", "HTTP/2"),
        ACCESS.replace("HTTP/1.1", "HTTP/2.0"),
        ACCESS.replace("/v1/messages", "/v1/messages?beta=true&key=sk-secret"),
        ACCESS.replace("/v1/messages", "/v1/messages/"),
        ACCESS.replace("/v1/messages", "/llm/gateway/v1/messages"),
        ACCESS.replace("/v1/messages", "http://proxy:4000/v1/messages"),
        ACCESS + " ",
        ACCESS + "\r",
        ACCESS + " [trace_id=abc session_id=def]",
        ACCESS.removeprefix("INFO:     "),  # gunicorn's handler for uvicorn's logger
        ACCESS.removeprefix("INFO:     ").removesuffix(" OK"),
        "litellm-1  | " + ACCESS,
    ],
)  # fmt: skip
def test_an_access_line_is_one_client_request(line: str) -> None:
    assert seen(line) == {
        "kind": "http_request",
        "method": "POST",
        "path": "/v1/messages",
        "http_status": "200",
        "status": "success",
    }


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ('10.0.0.7 - - [21/Nov/2026:10:00:00 +0000] "POST /v1/messages HTTP/1.1" 200 512', 10),
        ('10.0.0.7 - - [21/Nov/2026:10:00:00 +0100] "POST /v1/messages HTTP/1.1" 200 512 "-" "curl/8.1"', 9),
        ('::1 - alice [21/Nov/2026:10:00:00 -0130] "POST /v1/messages?a=b HTTP/2" 200 - "-" "x" 0.12', 11.5),
        (
            '[2026-11-21 10:00:01 +0000] [7] [INFO] 127.0.0.1:5 - - [21/Nov/2026:10:00:00 +0000] '
            '"POST /v1/messages 1.1" 200 512 "-" "python-httpx/0.27"',
            10,
        ),
        ("2026-11-21T10:00:00Z " + ACCESS, 10),
        ("2026-11-21T12:00:00.000000000+02:00 " + ACCESS, 10),
        ("2026-11-21T10:00:00.000000000Z stdout F " + ACCESS, 10),
        ("litellm-1  | 2026-11-21T10:00:00.000Z " + ACCESS, 10),
        ('[2026-11-21 10:00:00 +0000] 127.0.0.1 - "POST /v1/messages HTTP/1.1" 200 5.123', 10),  # granian
        ("[2026-11-21 10:00:00 +0000] [7] [INFO] " + ACCESS.removeprefix("INFO:     "), 10),
        (json.dumps({"log": ACCESS + "\n", "stream": "stdout", "time": "2026-11-21T10:00:00.000000000Z"}), 10),
    ],
)  # fmt: skip
def test_date_time_and_offset_make_an_instant(line: str, moment: float) -> None:
    row = seen(line)
    assert row.pop("occurred_at") == datetime(2026, 11, 21, int(moment), int(moment % 1 * 60), tzinfo=UTC)
    assert row == seen(ACCESS)


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-21 10:00:00,123 " + ACCESS,
        "2026-11-21T10:00:00.123 - " + ACCESS,
        "[2026-11-21 10:00:00.123] INFO " + ACCESS.removeprefix("INFO:     "),
        json.dumps({"message": ACCESS.removeprefix("INFO:     "), "timestamp": "2026-11-21T10:00:00.123"}),
    ],
)
def test_a_time_without_an_offset_is_kept_as_text(line: str) -> None:
    assert seen(line) == seen(ACCESS) | {"local_time": "2026-11-21T10:00:00.123"}


@pytest.mark.parametrize("date", ["31/Feb/2026", "21/Nov/2031", "21/Nov/1999", "21/Nob/2026", "99/Nov/2026"])
def test_a_date_that_cannot_be_is_no_date_and_the_request_still_counts(date: str) -> None:
    assert seen(f'h - - [{date}:10:00:00 +0000] "POST /v1/messages HTTP/1.1" 200 5') == seen(ACCESS)


@pytest.mark.parametrize(
    ("status", "said"),
    [("400 Bad Request", "400"), ("429 Too Many Requests", "429"), ("529 ", "529"), ("599", "599")],
)
def test_a_refused_request_is_a_failure_with_its_status(status: str, said: str) -> None:
    row = seen(ACCESS.replace("200 OK", status))
    assert (row["status"], row["error_code"], row["http_status"]) == ("failure", said, said)


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/chat/completions", None),
        ("/v1/completions", None),
        ("/embeddings", None),
        ("/v1/responses", None),
        ("/v2/rerank", None),
        ("/v1/moderations", None),
        ("/v1/audio/transcriptions", None),
        ("/audio/speech", None),
        ("/v1/images/generations", None),
        ("/images/edits", None),
        ("/v1/videos", None),
        ("/v1/batches", None),
        ("/v1/ocr", None),
        ("/cursor/chat/completions", None),
        ("/openai/v1/responses", None),
        ("/anthropic/v1/messages", None),
        ("/vllm/v1/chat/completions", None),
        ("/mistral/v1/fim/completions", None),
        ("/openai/deployments/my-gpt/chat/completions", "/openai/deployments/{model}/chat/completions"),
        ("/azure/openai/deployments/a/b/embeddings", "/azure/openai/deployments/{model}/embeddings"),
        ("/engines/gpt/completions", "/engines/{model}/completions"),
        (
            "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
            "/v1beta/models/{model}:streamGenerateContent",
        ),
        ("/gemini/v1beta/models/g:generateContent", "/gemini/v1beta/models/{model}:generateContent"),
        (
            "/vertex_ai/v1/projects/p/locations/eu/publishers/anthropic/models/claude@20250514:streamRawPredict",
            "/vertex_ai/models/{model}:streamRawPredict",
        ),
        ("/bedrock/model/eu.anthropic.claude-v1:0/converse", "/bedrock/model/{model}/converse"),
        ("/cohere/v2/chat", None),
        ("/v1/threads/thread_abc/runs", "/v1/threads/{thread}/runs"),
        ("/proxy/openai/deployments/d/responses", "/openai/deployments/{model}/responses"),
    ],
)
def test_the_shape_of_a_call_is_landed_without_names_and_ids(path: str, shape: str | None) -> None:
    assert seen(ACCESS.replace("/v1/messages", path))["path"] == (shape or path)


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /health/liveliness", "GET /health/readiness", "GET /v1/models", "GET /metrics", "GET /ui/index.html",
        "GET /", "POST /key/generate", "POST /user/new", "POST /team/new", "POST /model/new", "GET /spend/logs",
        "POST /login", "GET /model/info", "POST /v1/messages/count_tokens", "POST /utils/token_counter",
        "GET /v1/responses/resp_1", "POST /v1/responses/resp_1/cancel", "GET /v1/batches/b1", "GET /v1/batches",
        "POST /v1/files", "POST /v1/vector_stores/vs/search", "POST /v1/threads/t/messages", "POST /mcp/tools/call",
        "POST /v1beta/models/g:countTokens", "DELETE /v1/responses/resp_1", "OPTIONS /v1/chat/completions",
        "HEAD /v1/messages", "POST /v1/fine_tuning/jobs", "POST /vertex_ai/v1/projects/p/models/m:countTokens",
        "POST /xchat/completionsx", "POST /messages", "PRI *", "POST *", "post /v1/messages",
    ],
)  # fmt: skip
def test_what_makes_no_model_work_is_no_request(request_line: str) -> None:
    assert row_of(ACCESS.replace("POST /v1/messages", request_line)) is None


def test_a_realtime_socket_is_a_request_whose_outcome_is_unknown() -> None:
    row = seen('INFO:     1.2.3.4:5 - "WebSocket /v1/realtime?model=gpt-4o-realtime" [accepted]')
    assert row == {"kind": "http_request", "method": "WEBSOCKET", "path": "/v1/realtime"}
    assert seen('INFO:     1.2.3.4:5 - "WebSocket /v1/realtime" 403')["error_code"] == "403"
    assert row_of('INFO:     1.2.3.4:5 - "WebSocket /ui/events" [accepted]') is None


# ---- router lines


@pytest.mark.parametrize(
    ("model", "provider", "named"),
    [
        ("anthropic/claude-opus-4-5-20251101", "anthropic", "claude-opus-4-5-20251101"),
        ("ollama_chat/qwen:7b", "ollama", "qwen:7b"),
        ("openai/ft:acme-7b-v3", "openai", "ft:acme-7b-v3"),
        ("bedrock/eu-west-1/anthropic.claude-v2", "bedrock", "eu-west-1/anthropic.claude-v2"),
        ("openrouter/google/gemini-2.5-pro", "openrouter", "google/gemini-2.5-pro"),
        ("hosted_vllm/meta-llama/Llama-3", "vllm", "meta-llama/Llama-3"),
        ("gemini/gemini-2.5-flash", "google", "gemini-2.5-flash"),
        ("gpt-4o", None, "gpt-4o"),
        ("meta-llama/Llama-3", None, "meta-llama/Llama-3"),  # a maker, not who served
    ],
)
def test_a_success_names_the_deployment(model: str, provider: str | None, named: str) -> None:
    row = seen(f"{ROUTER}litellm.acompletion(model={model})\x1b[32m 200 OK\x1b[0m")
    assert (row.get("provider"), row["model"], row["status"]) == (provider, named, "success")
    assert (row["kind"], row["call"], row["local_time"]) == ("provider_attempt", "acompletion", "09:45:05")


@pytest.mark.parametrize(
    "line",
    [
        ROUTER + "litellm.aembedding(model=openai/e)\x1b[32m 200 OK\x1b[0m",
        "\x1b[92m09:45:05 - LiteLLM Router:INFO\x1b[0m: router.py:8 - litellm.aembedding(model=openai/e) 200 OK",
        "[92m09:45:05 - LiteLLM Router:INFO[0m: router.py:893 - litellm.aembedding(model=openai/e)[32m 200 OK[0m",
        "09:45:05 - LiteLLM Router:INFO: litellm.aembedding(model=openai/e) 200 OK",
        ROUTER + "litellm.aembedding(model=openai/e) 200 OK [trace_id=t session_id=s]",
    ],
)  # fmt: skip
def test_router_lines_of_other_versions_say_the_same(line: str) -> None:
    assert seen(line) == {
        "kind": "provider_attempt",
        "call": "aembedding",
        "provider": "openai",
        "model": "e",
        "status": "success",
        "local_time": "09:45:05",
    }


@pytest.mark.parametrize(
    ("said", "provider", "error"),
    [
        ('litellm.RateLimitError: AnthropicException - {"type": "error"}', "anthropic", "RateLimitError"),
        ("litellm.InternalServerError: Ollama_chatException - {", "ollama", "InternalServerError"),
        ("litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - x",
         "openai", "ContextWindowExceededError"),
        ("litellm.Timeout: VertexAIException - gone", "vertex", "Timeout"),
        ("litellm.InternalServerError: AnthropicError - gone", "anthropic", "InternalServerError"),
        ("litellm.APIConnectionError: BedrockException: gone", "bedrock", "APIConnectionError"),
        ("Error code: 500 - {'error': 'claude-opus-4'}", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_a_failure_that_names_the_alias_invents_no_deployment(
    said: str, provider: str | None, error: str
) -> None:
    row = seen(
        f"{ROUTER}ageneric_api_call_with_fallbacks(model=anthropic/best)\x1b[31m Exception {said}\x1b[0m"
    )
    assert "model" not in row
    assert (row["model_requested"], row["status"]) == ("anthropic/best", "failure")
    assert (row.get("provider"), row.get("error_code")) == (provider, error)


@pytest.mark.parametrize(
    "text",
    [
        "litellm.acompletion(model=None)\x1b[31m Exception No deployments available for selected model\x1b[0m",
        "litellm.acompletion(model=openai/a) Exception litellm.RateLimitError: Deployment over user-defined ratelimit.",
        "ageneric_api_call_with_fallbacks(model=a) Exception No deployments available for selected model, Try again",
        "ageneric_api_call_with_fallbacks(model=a) Exception litellm.BadRequestError: You passed in model=a. There",
        "litellm.acreate_file(model=openai/a) 200 OK",
        "Trying to fallback b/w models",
        "routing_group=default model=claude strategy=simple-shuffle 200 OK",
        "litellm.acompletion(model=openai/a) 200 OKAY",
        "litellm.acompletion(model=openai/a) Exceptional",
        "litellm.acompletion(model=) 200 OK",
    ],
)  # fmt: skip
def test_what_no_provider_saw_is_no_attempt(text: str) -> None:
    assert row_of(ROUTER + text) is None


def test_a_provider_that_is_a_gateway_itself_may_say_no_deployments() -> None:
    said = "litellm.RateLimitError: RateLimitError: OpenAIException - No deployments available for selected model"
    assert seen(f"{ROUTER}litellm.acompletion(model=openai/chained) Exception {said}")["status"] == "failure"


# ---- JSON lines


def json_line(message: str, **fields: Any) -> str:
    return json.dumps(
        {"message": message, "level": "INFO", "timestamp": "2026-11-21T09:40:44.384529"} | fields
    )


def test_json_lines_with_offset_have_an_instant() -> None:
    line = json_line('h:1 - "POST /v1/messages HTTP/1.1" 200', timestamp="2026-11-21T09:40:44.5+01:00")
    assert seen(line)["occurred_at"] == datetime(2026, 11, 21, 8, 40, 44, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "fields",
    [
        {"component": "LiteLLM Router", "logger": "router.py:1"},
        {"component": "billing", "logger": "router.py:1"},  # lifted from the error's text
        {"component": "LiteLLM Router", "logger": "lifted", "status": 1, "message ": "x"},
        {},  # before LiteLLM said who wrote a line
    ],
)
def test_a_json_router_line_is_known_by_its_logger(fields: dict[str, Any]) -> None:
    row = seen(json_line("litellm.acompletion(model=openai/a)\x1b[31m Exception x\x1b[0m", **fields))
    assert (row["provider"], row["model"], row["status"]) == ("openai", "a", "failure")


@pytest.mark.parametrize(
    "line",
    [
        json_line("litellm.acompletion(model=openai/a) 200 OK", component="LiteLLM", logger="utils.py:3"),
        json_line(f"Request body\n{ACCESS}\n{ROUTER}litellm.acompletion(model=openai/a) 200 OK"),
        json_line('he said h:1 - "POST /v1/messages HTTP/1.1" 200'),
        json_line("x", log=ACCESS),
        json.dumps({"message": [ACCESS]}),
        json.dumps([ACCESS]),
        json_line(ACCESS)[:-1],
        '{"message": "' + '[' * 100_000 + '" ',
        '{"a" :' + "[" * 100_000 + '" ',
        '{"log": "{\\"log\\": \\"' + ACCESS.replace('"', '\\\\\\"') + '\\"}"}',
    ],
)  # fmt: skip
def test_json_that_only_quotes_a_line_is_no_observation(line: str) -> None:
    assert row_of(line) is None


def test_a_json_line_that_strict_json_refuses_still_counts() -> None:
    lifted = json_line('h:1 - "POST /v1/messages HTTP/1.1" 200')[:-1] + ', "score": NaN, "score": Infinity}'
    assert seen(lifted)["path"] == "/v1/messages"


# ---- what cannot be told and what must not be believed


@pytest.mark.parametrize(
    "line",
    [
        'user prompt: {"model": "claude-opus-4", "usage": {"prompt_tokens": 9}}',
        f"09:45:05 - LiteLLM:DEBUG: utils.py:550 - messages=[{{'content': '{ACCESS}'}}]",
        f"09:45:05 - LiteLLM Proxy:DEBUG: x.py:1 - {ROUTER}litellm.acompletion(model=openai/a) 200 OK",
        "09:45:05 - LiteLLM:DEBUG: utils.py:1 - litellm.acompletion(model=openai/a) 200 OK",
        f"    {ACCESS}",
        f"> {ACCESS}",
        f"{ACCESS} and more said the prompt: x",
        f"{ROUTER}the prompt said litellm.acompletion(model=openai/a) 200 OK",
        "litellm.acompletion(model=openai/a) 200 OK",
        "LiteLLM completion() model= gpt-4o-mini; provider = openai",
        "│ └─ Routed to: claude-opus-4    │",
        "│ ├─ Model Name: default    │",
        "  │ ├─ Original: claude-opus-4    │",
        "├─ Original: claude-opus-4",
        "│ ├─ Original: <none>    │",
        "",
        "\x00",
        "╭──────╮",
    ],
)  # fmt: skip
def test_a_line_that_quotes_an_observation_is_none(line: str) -> None:
    assert row_of(line) is None


def test_a_panel_says_what_was_asked_for() -> None:
    for line in ("│ ├─ Original: claude-sonnet-4-5      │", "| ├─ Original: claude-sonnet-4-5 |"):
        assert seen(line) == {"kind": "ccproxy_panel", "model_requested": "claude-sonnet-4-5"}
    coloured = (
        "\x1b[2m│\x1b[0m \x1b[2m├─ Original: \x1b[0m\x1b[34mclaude-sonnet-4-5\x1b[0m     \x1b[2m│\x1b[0m"
    )
    assert seen(coloured)["model_requested"] == "claude-sonnet-4-5"


def test_nothing_that_a_client_wrote_is_landed() -> None:
    secret = "sk-Very-Secret"
    lines = [
        f'{secret} - {secret} [21/Nov/2026:10:00:00 +0000] "POST /v1/messages?key={secret} HTTP/1.1" 200 5 "{secret}"',
        ACCESS.replace("/v1/messages", f"/{secret}/openai/deployments/{secret}/chat/completions#{secret}"),
        ACCESS.replace("/v1/messages", f"/vertex_ai/{secret}/models/{secret}:predict"),
        f"{ROUTER}litellm.acompletion(model=openai/a) Exception litellm.RateLimitError: OpenAIException - {secret}",
        json_line('h:1 - "POST /v1/messages HTTP/1.1" 200', trace_id=secret, prompt=secret),
    ]
    for line in lines:
        assert secret not in repr(seen(line))


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.tuples(
            st.sampled_from([ACCESS, ROUTER + "litellm.acompletion(model=openai/a) Exception x",
                             "│ ├─ Original: a │", json_line(ACCESS[10:]), json_line("a(model=\ud800\x00) 200 OK")]),
            st.integers(0, 120),
            st.binary(max_size=20),
        ).map(lambda made: made[0].encode()[: made[1]] + made[2] + made[0].encode()[made[1] :]),
    )
)  # fmt: skip
@example(ROUTER.encode() + b"litellm.acompletion(model=openai/\x00) 200 OK")
@example(ROUTER.encode() + b"litellm.acompletion(model=openai/\xff\xfe) 200 OK")
@example(json_line("litellm.acompletion(model=\ud800) 200 OK").encode())
@example(ACCESS.encode() * 3000)
@settings(max_examples=300, deadline=None)
def test_no_bytes_are_invalid_and_none_escape_the_landed_types(data: bytes) -> None:
    row = row_of(data)
    if row is not None:
        assert row["tags"]["kind"] in {"http_request", "provider_attempt", "ccproxy_panel"}
        json.dumps(row, default=str).encode()


# ---- through the ingest


def test_equal_lines_count_each_and_a_copy_of_the_log_counts_nothing(lab: Lab) -> None:
    lab.put("litellm_log/litellm.log", f"{ACCESS}\n{ACCESS}\nINFO:     Waiting\n\n")
    total = lab.run().total
    assert (total.events, total.ignored, total.quarantined) == (2, 2, 0)
    lab.append("litellm_log/litellm.log", f"{ACCESS}\n{ACCESS[:20]}")
    assert lab.run().total.events == 1
    lab.append("litellm_log/litellm.log", f"{ACCESS[20:]}\n")
    assert lab.run().total.events == 1
    whole = (lab.raw / "litellm_log/litellm.log").read_bytes()
    lab.put("litellm_log/again.log", whole)
    lab.put("litellm_log/packed.log.gz", gzip.compress(whole))
    total = lab.run().total
    assert (total.events, total.duplicates) == (0, 8)
    landed = lab.rows("litellm_log")
    assert len({row["event_id"] for row in landed}) == len(landed) == 4
    assert {(row["grain"], row["occurred_at"], row["request_id"], row["model"]) for row in landed} == {
        ("count", None, None, None)
    }


def test_all_real_logs_at_once_land_what_each_says(lab: Lab) -> None:
    for name in FILES:
        lab.put(f"litellm_log/{name}.gz", (DATA / f"{name}.gz").read_bytes())
    total = lab.run().total
    assert (total.events, total.quarantined, total.conflicts) == (
        sum(len(rows(name)) for name in FILES),
        0,
        0,
    )
