"""Other ways to do the same work, each as its friends would write it: parse the lines, keep one of each event_id, find
the price in force, tell each request from its attempts, add up by hour and by day, and keep all four.

A peer is a module with `work(lines, prices, out) -> Totals`. It may be missing: the extra `bench` installs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

KEYS = ("tenant_id", "feature", "provider", "model")
WHOLE = (
    *("prompt_tokens", "completion_tokens", "cache_read_tokens", "reasoning_tokens"),
    *("attempt", "latency_ms"),
)
TEXTS = (
    *("event_id", "timestamp", "request_id", "provider", "model", "model_requested", "tenant_id"),
    *("user_id", "feature", "session_id", "status", "service_tier", "prompt_template_id"),
)
TOKENS = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "reasoning_tokens")
COSTS = ("prompt_cost", "completion_cost", "cost")
SUMS = (*TOKENS, "latency_ms", *COSTS)
NAMES = ("tenant_id", "feature", "user_id", "session_id", "provider", "model")
"""What a request takes from its first attempt."""

PEERS = {
    "Polars": ("polars", "bench.peers.with_polars"),
    "ClickHouse through chdb": ("chdb", "bench.peers.with_chdb"),
    "pandas, the script people write": ("pandas", "bench.peers.with_pandas"),
}


@dataclass(frozen=True)
class Totals:
    """What a way of doing it found. Costs as exact as it can; rows of the requests and of the two rollups."""

    events: int
    prompt_tokens: int
    cost_usd: Decimal
    requests: int
    wasted_cost_usd: Decimal
    hourly_rows: int
    daily_rows: int

    def check(self, expected: Totals, *, exact: bool = True) -> None:
        """Raise AssertionError where this is not the same work: same rows, same total to the cent at least."""
        gaps = (self.cost_usd - expected.cost_usd, self.wasted_cost_usd - expected.wasted_cost_usd)
        near = all(abs(gap) <= (0 if exact else Decimal("0.005")) for gap in gaps)
        same = [
            (it.events, it.prompt_tokens, it.requests, it.hourly_rows, it.daily_rows)
            for it in (self, expected)
        ]
        if not near or same[0] != same[1]:
            raise AssertionError(f"not the same work: {self}, ours: {expected}")


Work = Callable[[Path, Path, Path], Totals]


def installed() -> list[str]:
    """The peers that can be asked here."""
    return [name for name, (package, _) in PEERS.items() if find_spec(package) is not None]


def peer(name: str) -> Work:
    """Its way to do the work: lines (JSON Lines), prices (Parquet: USD per token with 12 decimals, half-open
    intervals), folder for what it keeps."""
    work: Work = import_module(PEERS[name][1]).work
    return work
