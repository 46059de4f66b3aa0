"""Names that somebody's client may send, as tenant, feature, model, user and request id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.pipeline_lab import event

LONG = "long-" + "x" * 10_000
HOSTILE = (
    "</script><img src=x onerror=window.__ran=1>",
    "<svg onload=window.__ran=1><script>window.__ran=1</script>",
    '" onmouseover="window.__ran=1" x="',
    "';window.__ran=1;//",
    "\\u003cimg src=x onerror=window.__ran=1\\u003e",
    "{{ 7 * 7 }}${window.__ran=1}",
    '=HYPERLINK("http://evil.example","x")',
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "../../etc/passwd",
    "..\\..\\windows",
    "javascript:window.__ran=1",
    "data:text/html,<script>window.__ran=1</script>",
    "//evil.example/x",
    "a|b `code` *bold* [x](javascript:window.__ran=1)",
    "two\nlines\r\n# heading",
    "שלום עולם",
    "\u202eevil.exe",
    "🚀👩‍💻 100% ?id=x&id=y#z",
    "line\u2028separator\u2029",
    "back\\slash\\",
    "__proto__",
    "constructor",
    "(none)",
    LONG,
)


def hostile_events(before: datetime) -> list[dict[str, Any]]:
    """Three requests a name: one with the name everywhere but in the model, dear enough to be listed; one with it as
    the model, which nobody can price; and a retried one whose id the name is part of."""
    lines = []
    for number, name in enumerate(HOSTILE):
        at = (before - timedelta(minutes=7 * number + 3)).astimezone(UTC)
        named = {"tenant_id": name, "feature": name, "user_id": name}
        lines += [
            event(3 * number, at, request_id=name, prompt_tokens=20_000_000 + number, **named),
            event(3 * number + 1, at, request_id=f"{name}-model", model=name, **named),
            event(3 * number + 2, at, request_id=f"{name}-2", attempt=2, status="error", error_type=name, **named),
        ]  # fmt: skip
    return lines
