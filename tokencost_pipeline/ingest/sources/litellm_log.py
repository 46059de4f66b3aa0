"""LiteLLM's plain log, of any mode: counts, and nothing that the log does not say.

One line that is an observation gives one row of the grain `count`: no tokens, no cost (`count_only`), NULL where
other sources have a value. Every other line is ignored and counted as such. A plain log has no invalid lines: banners,
tracebacks, prompts and broken JSON are all lawful, so nothing of it goes to quarantine but a line that is too long.

| mode | http_request | provider_attempt | ccproxy_panel | occurred_at | what it cannot say |
|---|---|---|---|---|---|
| default | yes | no | no | NULL | model, provider, attempts, time; a stream that breaks after its start is a 200 |
| `--debug` | yes | yes | no | NULL, `local_time` HH:MM:SS | tokens, cost, request id, date; /v1/messages failures name the alias |
| `--detailed_debug` | yes | yes | no | as `--debug` | as `--debug`: usage in it is incomplete and belongs to no attempt |
| `json_logs` | yes | no | no | NULL, `local_time` with date | model; the offset of its clock |
| `json_logs` and `--debug` | yes | yes | no | as `json_logs` | tokens, cost, request id |
| gunicorn, hypercorn, common log format | yes | - | - | the line's own instant | model |
| ccproxy, debug (its default) | yes | no | yes | NULL | who served, and the outcome of a panel's request |

The three kinds look at the same traffic from different places. **They are never added to each other:** a client
request is one `http_request`, as many `provider_attempt` as LiteLLM made, and behind ccproxy one `ccproxy_panel`. The
tag `kind` tells them apart. There is no id that joins them, so request_id and call_id are NULL.

| landed field | http_request | provider_attempt | ccproxy_panel |
|---|---|---|---|
| event_id | 'line:' and the line's key: where it stands in which content, for two equal lines are two events | same | same |
| occurred_at | only from date, time and offset | same | same |
| provider | NULL | from the deployment's prefix; of a failure that names the alias from LiteLLM's error text | NULL |
| model | NULL | the deployment without the prefix | NULL: the panel's last line has the routed alias |
| model_requested | NULL | only where a failure line names the alias | the model asked for |
| status | success below 400, failure from 400 on; NULL for a WebSocket that was accepted | of the attempt | NULL |
| error_code | HTTP status from 400 on | LiteLLM's class of the error, `RateLimitError` | NULL |
| tags | kind, method, path (its shape), http_status, local_time | kind, call, local_time | kind, local_time |

`local_time` is what the line prints where that is no instant: the time of day alone, or date and time without an
offset. Which zone it is in no file says, so it is kept as text. A date and time that no working clock can have said
counts as none.

What the numbers are not: with LiteLLM's response cache on, a hit prints the same `200 OK` as a provider's answer.
A time-out in `acompletion` prints no line of its own in some versions, and speech none at all. Errors that the router
raises before it sends anything ("No deployments available") are no attempts.

A copy of a log, whatever its name, packed or not, adds nothing, and a log that goes on is read on. An extract of it
(grep, tail) begins otherwise, so it is another log and counts again: drop one of the two.

Of a ccproxy panel the line `Original:` counts. Its other lines (rule, routed alias) cannot be joined to it line by
line; names beyond 60 characters are cut by ccproxy itself and end in '...'.
"""  # noqa: E501

from __future__ import annotations

from datetime import datetime
from typing import Any

from tokencost_pipeline.ingest.fields import Ignored, Refused, instant, text
from tokencost_pipeline.ingest.sources.litellm_common import tags_text
from tokencost_pipeline.ingest.sources.litellm_log_lines import observation

_TAGS = ("kind", "method", "path", "http_status", "call", "local_time")


def parse_line(data: bytes) -> dict[str, Any]:
    """The observation in one physical line (bytes without LF or CR), see `litellm_log_lines.observation` for its
    keys. Raises Ignored for a line that is none; never Refused."""
    found = observation(data)
    if found is None:
        raise Ignored
    return found


def map_log(record: dict[str, Any], row: dict[str, Any], now: datetime) -> None:
    """Fill `row` from what `parse_line` returned and the `line_key` that the reader added."""
    row["grain"] = "count"
    row["event_id"] = f"line:{record['line_key']}"
    row["occurred_at"] = _plausible(record.get("at"), now)
    for name in ("provider", "model", "model_requested"):
        row[name] = text(record.get(name), name)
    if record["kind"] == "http_request" and record["http_status"]:
        failed = int(record["http_status"]) >= 400
        row["status"] = "failure" if failed else "success"
        row["error_code"] = record["http_status"] if failed else None
    elif record["kind"] == "provider_attempt":
        row["status"] = "success" if record["ok"] else "failure"
        row["error_code"] = record.get("error")
    row["tags"] = tags_text({name: record[name] for name in _TAGS if record.get(name)})


def _plausible(at: str | None, now: datetime) -> datetime | None:
    try:
        return None if at is None else instant(at, "time", now)
    except Refused:
        return None
