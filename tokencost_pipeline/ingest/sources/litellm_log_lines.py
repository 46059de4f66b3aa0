"""The grammar of a plain LiteLLM log: which physical line says that something happened once.

Every pattern is anchored at the start of the line, behind the prefix that the logger itself writes. So a prompt,
a request body or an error text that a line quotes is never read, and in JSON lines, where a line end inside a
message is escaped, nothing a client sends can become a line of its own. In plain files a text that holds a raw
line end and then a perfect copy of such a line cannot be told apart; nobody can from one line.

| observation | as printed by | the line begins with |
|---|---|---|
| `http_request` | uvicorn (also under gunicorn) and granian, with colours or without | `INFO:     127.0.0.1:39916 - "POST /v1/messages HTTP/1.1" 200 OK` |
| `http_request` | uvicorn, WebSockets | `INFO:     127.0.0.1:39916 - "WebSocket /v1/realtime" [accepted]` |
| `http_request` | gunicorn, hypercorn, proxies: common and combined log format | `127.0.0.1 - - [21/Nov/2026:10:00:00 +0000] "POST /v1/messages HTTP/1.1" 200` |
| `provider_attempt` | LiteLLM's router | `09:38:08 - LiteLLM Router:INFO: router.py:3993 - litellm.acompletion(model=openai/gpt-5) 200 OK` |
| `ccproxy_panel` | ccproxy 1.x | `│ ├─ Original: claude-sonnet-4-5` |

The first four also as LiteLLM's JSON lines (`json_logs`): `message` holds what stands here behind the prefix.
Before any of them may stand a date and time, a process id and a level, and what `docker logs -t`, `docker compose
logs`, Docker's json-file driver or a Kubernetes node put before a line.
"""  # noqa: E501

from __future__ import annotations

import json
import re
from typing import Any

from tokencost_pipeline.ingest.sources.litellm_log_paths import call_path
from tokencost_pipeline.ingest.sources.litellm_log_router import attempted

_HEAD = 128 * 1024
"""Bytes of a plain line that are looked at: more than any access line can have, for a request line is limited to
64 KiB. The rest of a longer line is the text of an error."""

_MARKS = (b'" ', b"(model=", b"Original: ", b'\\" ')
"""A line without any of them is no observation; most of a debug log is told by that alone."""

_ANSI = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b?\[[0-9;]*m|\x1b\[[0-9;?]*[A-Za-z]")
_DATE_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
_ZONE = r"Z|[+-][0-9]{2}:?[0-9]{2}"
_LEVEL = r"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)"

_SHIPPED = re.compile(
    r"(?:[A-Za-z0-9][\w.-]{0,127} +\| )?"  # docker compose: name of the container
    rf"(?:(?P<stamp>{_DATE_TIME})(?P<zone>{_ZONE}) (?:(?:stdout|stderr) [FP] )?)?"  # docker logs -t, Kubernetes
)
_PREFIX = re.compile(
    rf"(?:\[?(?P<stamp>{_DATE_TIME})(?: ?(?P<zone>{_ZONE}))?\]?(?: [-|])? +)?"
    rf"(?:\[[0-9]{{1,10}}\] +)?(?:\[?{_LEVEL}\]?(?: -|:)? *)?"
)
_UVICORN = re.compile(
    r'(?:\S{1,255})? ?- "(?P<method>[A-Z]{3,10}) (?P<target>\S+) HTTP/[0-9.]{1,3}"'
    r" (?P<status>[1-5][0-9]{2})(?: [A-Za-z' -]{0,40})?(?: [0-9.]{1,16}m?s?)?(?: \[[^\]]*\])?"
)
_SOCKET = re.compile(
    r'(?:\S{1,255})? ?- "WebSocket (?P<target>\S+)" (?:\[accepted\]|(?P<status>[1-5][0-9]{2}))(?: .*)?',
    re.DOTALL,
)
_COMMON = re.compile(
    r"\S{1,255} \S{1,255} \S{1,255} \[(?P<clock>[^\]]{1,40})\]"
    r' "(?P<method>[A-Z]{3,10}) (?P<target>\S+)(?: (?:HTTP/)?[0-9.]{1,3})?" (?P<status>[1-5][0-9]{2})(?: |$)'
)
_CLOCK = re.compile(
    r"([0-9]{2})/([A-Z][a-z]{2})/([0-9]{4}):([0-9]{2}:[0-9]{2}:[0-9]{2}) ([+-][0-9]{2})([0-9]{2})"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_ROUTER = re.compile(
    r"(?:(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ])?(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,6})?)"
    rf" - LiteLLM Router:{_LEVEL}: (?:\w+\.py:[0-9]+ - )?"
)
_ROUTED = re.compile(
    r"(?:litellm\.)?(?P<call>[a-z][a-z_]{0,63})\(model=(?P<model>[^\s\x00-\x1f\x7f]{1,256}?)\)"
    r" (?:(?P<ok>200 OK)(?![^\s\[])|Exception(?: (?P<error>.{0,500})|$))",
    re.DOTALL,
)
_CELL = r"[^\s│|\x00-\x1f\x7f]"
_PANEL = re.compile(
    rf"[│|] (?:├─|\+-|\|-) Original: (?P<model>{_CELL}(?:[^│|\x00-\x1f\x7f]{{0,126}}{_CELL})?) *[│|] *"
)


def observation(data: bytes) -> dict[str, Any] | None:
    """What one physical line (without its line end) says, None when it is no observation.

    Keys: `kind`; for `http_request` `method`, `path` and `http_status` (None for an accepted WebSocket); for
    `provider_attempt` `call`, `ok`, `provider`, `model`, `model_requested`, `error`; for `ccproxy_panel`
    `model_requested`. Beside them `at` (RFC 3339) where the line has date, time and offset, or `local_time` (text
    as printed) where it lacks one of them.
    """
    if not any(mark in data for mark in _MARKS):
        return None
    if data.startswith(b"{"):
        return _json_line(data)
    line = _ANSI.sub("", data[:_HEAD].decode("utf-8", "replace"))
    shipped = _SHIPPED.match(line)
    assert shipped is not None  # every part of it may be absent
    rest = line[shipped.end() :]
    if shipped.end() and rest.startswith("{"):
        found = _json_line(data[data.index(b"{") :])
    else:
        found = _access(rest) or _router(rest) or _panel(rest)
    return _timed(found, shipped["stamp"], shipped["zone"])


def _access(text: str) -> dict[str, Any] | None:
    prefix = _PREFIX.match(text)
    assert prefix is not None  # every part of it may be absent
    found = _request(text[prefix.end() :].rstrip())
    return found if found and "at" in found else _timed(found, prefix["stamp"], prefix["zone"])


def _request(text: str) -> dict[str, Any] | None:
    found = _UVICORN.fullmatch(text) or _SOCKET.fullmatch(text) or _COMMON.match(text)
    if found is None:
        return None
    named = found.groupdict()
    method = named.get("method") or "WEBSOCKET"
    path = call_path(method, named["target"])
    if path is None:
        return None
    request = {"kind": "http_request", "method": method, "path": path, "http_status": named["status"]}
    return request | _clock(named.get("clock"))


def _router(text: str) -> dict[str, Any] | None:
    prefix = _ROUTER.match(text)
    if prefix is None or (found := _attempt(text[prefix.end() :])) is None:
        return None
    if prefix["date"]:
        return _timed(found, f"{prefix['date']}T{prefix['time']}", None)
    return found | {"local_time": prefix["time"]}


def _attempt(text: str) -> dict[str, Any] | None:
    found = _ROUTED.match(text)
    if found is None:
        return None
    return attempted(found["call"], found["model"], ok=found["ok"] is not None, error=found["error"] or "")


def _panel(text: str) -> dict[str, Any] | None:
    found = _PANEL.fullmatch(text)
    if found is None or found["model"] == "<none>":
        return None
    return {"kind": "ccproxy_panel", "model_requested": found["model"]}


def _json_line(data: bytes) -> dict[str, Any] | None:
    """A line of LiteLLM's JSON formatter, or of Docker's json-file driver around a line of any kind.

    The formatter lifts whatever looks like a dictionary inside a message to top-level keys, so the set of keys is
    open: only `message`, `timestamp`, `component` and `logger` are read, and only the first two, which the
    formatter writes before it lifts anything, are trusted.
    """
    try:
        record = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    if isinstance(inner := record.get("log"), str) and "message" not in record:
        line = inner.removesuffix("\n").removesuffix("\r")
        found = None if line.startswith('{"log"') else observation(line.encode("utf-8", "replace"))
        return _stamped(found, record.get("time"))
    if not isinstance(message := record.get("message"), str):
        return None
    message = _ANSI.sub("", message[:_HEAD].encode("utf-8", "replace").decode())  # no lone surrogates
    found = _request(message) or (_attempt(message) if _from_router(record) else None)
    return _stamped(found, record.get("timestamp"))


def _from_router(record: dict[str, Any]) -> bool:
    """Whether the router's logger wrote a JSON line. Older versions do not say who did, and what was lifted from
    an error text may stand in the place of one of the two fields, not of both."""
    component, place = record.get("component"), record.get("logger")
    if component is None and place is None:
        return True
    return component == "LiteLLM Router" or (isinstance(place, str) and place.startswith("router.py:"))


def _stamped(found: dict[str, Any] | None, text: object) -> dict[str, Any] | None:
    stamp = (
        re.fullmatch(rf"(?P<stamp>{_DATE_TIME})(?P<zone>{_ZONE})?", text) if isinstance(text, str) else None
    )
    return _timed(found, stamp["stamp"], stamp["zone"]) if stamp else found


def _timed(found: dict[str, Any] | None, stamp: str | None, zone: str | None) -> dict[str, Any] | None:
    """The observation with the time it was printed. An instant is better than a time without an offset."""
    if found is None or stamp is None:
        return found
    at = stamp.replace(" ", "T").replace(",", ".")
    if zone is None:
        return found | {"local_time": at}
    offset = zone if zone == "Z" or ":" in zone else f"{zone[:3]}:{zone[3:]}"
    return {name: value for name, value in found.items() if name != "local_time"} | {"at": at + offset}


def _clock(text: str | None) -> dict[str, Any]:
    """`21/Nov/2026:10:00:00 +0000`, the clock of the common log format; English month names alone."""
    found = _CLOCK.fullmatch(text or "")
    if found is None or found[2] not in _MONTHS:
        return {}
    day, month, year, time, hours, minutes = found.groups()
    return {"at": f"{year}-{_MONTHS.index(month) + 1:02d}-{day}T{time}{hours}:{minutes}"}
