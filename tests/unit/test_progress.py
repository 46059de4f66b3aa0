"""The bar on a terminal, and its absence everywhere else."""

from __future__ import annotations

import io

from rich.console import Console

from tokencost_pipeline.progress import bytes_done, phase, progress_on


def shown(*, terminal: bool) -> str:
    out = io.StringIO()
    with progress_on(Console(file=out, force_terminal=terminal, width=120)):
        phase("ingest")
        bytes_done("events/a.jsonl", 500, 1000)
        phase("reports")
    bytes_done("events/b.jsonl", 1, 2)
    return out.getvalue()


def test_a_terminal_sees_what_is_done_and_how_far() -> None:
    text = shown(terminal=True)
    assert "reports" in text
    assert "events/b.jsonl" not in text  # nobody watches any more


def test_a_file_or_a_pipe_gets_nothing() -> None:
    assert shown(terminal=False) == ""
