"""What every asset shares: its pool, its owners, and the way numbers become metadata."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from tokencost_pipeline.dead_runs import mark_run
from tokencost_pipeline.locks import pipeline_lock
from tokencost_pipeline.progress import phase
from tokencost_pipeline.publication import note_killed
from tokencost_pipeline.settings import Settings, load_settings

POOL = "duckdb"  # limit 1 in dagster.yaml: one step at a time touches the landing zone or the warehouse
OWNERS = ["team:finops"]


@contextmanager
def writing(context: dg.AssetExecutionContext, what: str) -> Iterator[Settings]:
    """The settings, with the pipeline's lock held in the run's name while something is written."""
    settings = load_settings()
    phase(what)
    mark_run(context.instance, context.run_id)
    note_killed(settings)
    with pipeline_lock(settings, f"{what}, run {context.run_id[:8]}"):
        yield settings


def markdown_table(rows: Sequence[Mapping[str, Any]], limit: int = 20) -> dg.MarkdownMetadataValue:
    """A preview of `rows` for an asset's page; text is escaped for a table cell."""
    if not rows:
        return dg.MetadataValue.md("*no rows*")
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for row in rows[:limit]:
        lines.append("| " + " | ".join(cell(row[name]) for name in names) + " |")
    if len(rows) > limit:
        lines.append(f"\n{len(rows) - limit} more rows")
    return dg.MetadataValue.md("\n".join(lines))


def cell(value: Any) -> str:
    """One value as the text of a Markdown table cell."""
    text = "" if value is None else str(value)
    for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("`", "\\`"), ("\n", " ")):
        text = text.replace(plain, escaped)
    return text


def bar_chart(points: Sequence[tuple[str, float, str]], width: int = 20) -> dg.MarkdownMetadataValue:
    """A bar a line: (label, height, caption). Drawn in text, which the UI shows without any script."""
    top = max((height for _, height, _ in points), default=0.0)
    if top <= 0:
        return dg.MetadataValue.md("*nothing to draw*")
    lines = [
        f"{label}  {'█' * max(round(width * height / top), 1 if height > 0 else 0):<{width}}  {caption}"
        for label, height, caption in points
    ]
    return dg.MetadataValue.md("```\n" + "\n".join(lines) + "\n```")
