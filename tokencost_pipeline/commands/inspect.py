"""Verbs that only look: config, schema, stats, quarantine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import SecretStr

from tokencost_pipeline.commands.output import err, out, print_facts, print_json, print_table
from tokencost_pipeline.ingest.sources.canonical_events import json_schema
from tokencost_pipeline.pricing.suggest import suggester
from tokencost_pipeline.progress import progress_on
from tokencost_pipeline.reports.source import open_exports
from tokencost_pipeline.reports.stats import read_stats
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.look import ask

QUARANTINE = """
select path, line_no, byte_offset, reason, body_sha256, body
from ingest.quarantine
where ? is null or contains(lower(reason), lower(?))
order by path, line_no, byte_offset
"""


def config(settings: Settings, *, as_json: bool) -> None:
    """The settings in force; secrets are masked."""
    values = {
        f"TOKENCOST_{name.upper()}": masked(getattr(settings, name)) for name in type(settings).model_fields
    }
    if as_json:
        print_json(values)
    else:
        print_facts("settings in force", values)


def masked(value: Any) -> Any:
    """Secrets never leave the process."""
    if isinstance(value, SecretStr):
        return "********"
    return value if isinstance(value, (bool, int, float)) else None if value is None else str(value)


def schema() -> None:
    """The JSON Schema of the canonical event."""
    print(json_schema().rstrip())


def stats(settings: Settings, *, as_json: bool) -> None:
    """The figures of api/stats.json."""
    connection = open_exports(settings.exports_dir)
    try:
        figures = read_stats(connection, suggester(settings))
    finally:
        connection.close()
    if as_json:
        from tokencost_pipeline.reports.exact_json import dumps

        print(dumps(figures))
        return
    models, unpriced = figures.pop("models"), figures.pop("unpriced_models")
    print_facts("figures", {name: shown(value) for name, value in figures.items()})
    print_table(
        "by model",
        ["model", "attempts", "cost in USD", "paid"],
        [
            (name, model["count"], shown(model["cost"]), "paid" if model["is_paid"] else "free")
            for name, model in models.items()
        ],
    )
    print_unpriced(unpriced)


def print_unpriced(rows: list[dict[str, Any]]) -> None:
    """Models without a price and the nearest one known; nothing where every attempt has a cost."""
    if not rows:
        return
    lines = []
    for row in rows:
        nearest = row["proposal"] or {}
        price = ", ".join(f"{shown(nearest[name])} {name}" for name in ("input", "output") if name in nearest)
        origin = f"{nearest['provider']}/{nearest['model']}, {nearest['source']}" if nearest else ""
        lines.append(
            (f"{row['provider']}/{row['model']}", row["attempts"], row["tokens"], row["why"], price, origin)
        )
    columns = ["model", "attempts", "tokens", "why", "nearest known price, USD per 1M tokens", "of"]
    print_table("without a cost", columns, lines)


def shown(value: Any) -> str:
    """A figure as text: nested ones on one line, money in plain notation."""
    from decimal import Decimal

    if value is None:
        return "unknown"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(inner)}" for name, inner in value.items()) or "none"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def quarantine(settings: Settings, *, reason: str | None, limit: int, as_json: bool) -> None:
    """The refused lines: where they are and what to mend."""
    rows = ask(settings, QUARANTINE, [reason, reason])
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("no line is quarantined")
        return
    print_table(
        f"{len(rows)} quarantined",
        ["file:line", "reason"],
        [(f"{row['path']}:{row['line_no']}", row["reason"]) for row in rows[:limit]],
    )
    if len(rows) > limit:
        out.print(f"{len(rows) - limit} more; --limit shows them, --json shows everything")


def replay(settings: Settings, *, reason: str | None, limit: int, as_json: bool) -> None:
    """Refused lines through the gate again; what is accepted goes through the whole job. Prints what became of each."""
    from tokencost_pipeline.clock import gate_now, utc_now
    from tokencost_pipeline.commands.run import execute_everything
    from tokencost_pipeline.ingest.replay import replay as execute
    from tokencost_pipeline.instance import prepare_dagster_home
    from tokencost_pipeline.locks import pipeline_lock

    prepare_dagster_home(settings)
    with pipeline_lock(settings, "tokencost quarantine --replay"):
        report = execute(settings, now=gate_now(settings), stamp=utc_now(settings), reason=reason)
    if report.batch_seq is not None:
        with progress_on(err):
            execute_everything(settings)
    if as_json:
        print_json({"events": report.events, "refusals": [asdict(one) for one in report.refusals]})
        return
    if not report.refusals:
        out.print("no such line is quarantined")
        return
    print_table(
        f"{len(report.refusals)} replayed",
        ["file:line", "was refused because", "became", "why"],
        [
            (f"{one.path}:{one.line_no}", one.reason, one.became, one.why or "")
            for one in report.refusals[:limit]
        ],
    )
    out.print(
        f"{report.events} new events; priced and published"
        if report.batch_seq is not None
        else "nothing has changed: what is refused stays refused"
    )
