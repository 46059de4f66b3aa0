"""The benchmarks there are. A new one is a module of this folder with a `BENCHMARK`, and its name here."""

from __future__ import annotations

from importlib import import_module

from bench.frame import Benchmark
from tokencost_pipeline.errors import UserError

NAMES = ("floor", "ingest", "pricing", "end_to_end", "daily", "dashboards", "quiet", "site")


def load(name: str) -> Benchmark:
    """The benchmark of that name. Raises UserError for one that does not exist."""
    if name not in NAMES:
        raise UserError(f"no benchmark named {name!r}", hint=f"choose from {', '.join(NAMES)}")
    found = import_module(f"bench.{name}").BENCHMARK
    assert isinstance(found, Benchmark)
    return found
