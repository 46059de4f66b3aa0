"""Canonical events in any number, from a seed: DuckDB writes them, so that ten million are a matter of a minute.

Many calls of few tenants, features and models, most of them by day, ordered by time as a gateway writes them. The same
arguments give the same bytes (for one version of DuckDB).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

Model = tuple[str, str]
"""Provider and model, as billed."""

SHIPPED_MODELS: tuple[Model, ...] = (
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("openai", "gpt-4o"),
    ("google", "gemini-2.5-flash"),
    ("ollama", "llama3.1:8b"),
    ("anthropic", "claude-haiku-4-5"),
    ("openai", "gpt-4.1-mini"),
    ("openai", "gpt-4.1"),
    ("google", "gemini-2.5-pro"),
    ("openai", "o3"),
    ("deepseek", "deepseek-chat"),
    ("mistral", "mistral-large-latest"),
)
"""Names that the shipped price book knows, the most called first."""

FEATURES = ("chat", "search", "summarise", "triage", "agent", "extract", "translate", "review")


@dataclass(frozen=True)
class Traffic:
    """What to generate. `lines` includes the duplicates: one line in `duplicate_every` repeats an earlier one."""

    lines: int
    seed: int = 7
    start: datetime = datetime(2026, 10, 1, tzinfo=UTC)
    days: int = 30
    tenants: int = 200
    models: Sequence[Model] = SHIPPED_MODELS
    duplicate_every: int = 200

    @property
    def duplicates(self) -> int:
        return self.lines // self.duplicate_every if self.duplicate_every > 1 else 0

    @property
    def events(self) -> int:
        """Distinct event_ids."""
        return self.lines - self.duplicates


def select_events(traffic: Traffic) -> str:
    """A select of the events in the fields and the order of the contract; `timestamp` is a TIMESTAMP in UTC."""
    every = traffic.duplicate_every if traffic.duplicate_every > 1 else traffic.lines + 1
    start = traffic.start.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")

    def chance(salt: int) -> str:
        """A number in [0, 1) that belongs to the event's number."""
        return f"((hash(number, {traffic.seed}, {salt}) % 1000003) * 0.000000999997)"

    def bell(salt: int) -> str:
        """Near enough to a normal distribution: three chances added up, deviation 1."""
        return f"(({chance(salt)} + {chance(salt + 1)} + {chance(salt + 2)} - 1.5) * 2)"

    def pick(words: Sequence[str], index: str) -> str:
        return f"([{', '.join(repr(word) for word in words)}])[1 + {index}]"

    providers, models = [list(column) for column in zip(*traffic.models, strict=True)]
    back = f"1 + cast(hash(i, {traffic.seed}) % {max(1, every - 1)} as bigint)"
    # A line that repeats takes the number of one of the lines since the repetition before it.
    return f"""
        with numbers as (
            select case
                when i % {every} = {every - 1} then i - ({back})
                else i
            end as number
            from range({traffic.lines}) as lines(i)
        ),
        drawn as (
            select
                number,
                number * {traffic.days}.0 * {1 / max(1, traffic.lines)!r} as days,
                cast(floor({len(models)} * pow({chance(10)}, 1.8)) as integer) as model_no,
                cast(floor({traffic.tenants} * pow({chance(11)}, 2.5)) as integer) as tenant_no,
                cast(floor({len(FEATURES)} * pow({chance(12)}, 1.5)) as integer) as feature_no,
                cast(exp(6.8 + 1.1 * {bell(20)}) as bigint) + 1 as prompt,
                cast(exp(5.0 + {bell(23)}) as bigint) + 1 as completion,
                {chance(13)} as cached,
                {chance(14)} as luck,
                hash(number, {traffic.seed}, 15) as noise
            from numbers
        )
        select
            format('evt-{{:08x}}{{:08x}}', number, noise >> 32) as event_id,
            timestamp '{start}' + to_microseconds(cast(
                -- By day more than by night: the clock runs unevenly, but never back.
                86400000000 * (days + 0.08 * sin(6.283185307 * (days - floor(days))))
            as bigint)) as "timestamp",
            format('req-{{:08x}}{{:08x}}', number, noise >> 32) as request_id,
            {pick(providers, "model_no")} as provider,
            {pick(models, "model_no")} as model,
            {pick(models, "model_no")} as model_requested,
            prompt as prompt_tokens,
            completion as completion_tokens,
            case when cached < 0.3 then cast(prompt * cached * 2 as bigint) end as cache_read_tokens,
            case when luck < 0.15 then cast(completion * luck * 4 as bigint) end as reasoning_tokens,
            'tenant-' || tenant_no as tenant_id,
            format('user-{{:05d}}', noise % 20000) as user_id,
            {pick(FEATURES, "feature_no")} as feature,
            format('session-{{:08x}}', noise >> 32) as session_id,
            1 as attempt,
            case when luck > 0.985 then 'failure' else 'success' end as status,
            cast(200 + completion * 12 + noise % 400 as bigint) as latency_ms,
            'standard' as service_tier,
            'prompt-' || feature_no || '.' || (noise % 5) as prompt_template_id
        from drawn
    """


def write_jsonl(path: Path, traffic: Traffic) -> int:
    """Write the events as JSON Lines, about 470 bytes each (gzip when the name ends in .gz); returns the bytes."""
    stamped = (
        '* replace (strftime("timestamp", \'%Y-%m-%dT%H:%M:%S.%fZ\') as "timestamp")'
        f" from ({select_events(traffic)})"
    )
    copy(f"select {stamped}", path, "format json" + (", compression gzip" if path.suffix == ".gz" else ""))
    return path.stat().st_size


def write_attempts(path: Path, traffic: Traffic) -> None:
    """Write the distinct events as Parquet, in the columns that ingest lands."""
    landed = (
        "* exclude (\"timestamp\"), 'events' as source, 'attempt' as grain,"
        " timezone('UTC', \"timestamp\") as occurred_at"
        f" from (select distinct on (event_id) * from ({select_events(traffic)}))"
    )
    copy(f"select {landed}", path, "format parquet, compression zstd")


def copy(select: str, path: Path, options: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        target = str(path).replace("'", "''")
        connection.execute(f"copy ({select}) to '{target}' ({options})")
