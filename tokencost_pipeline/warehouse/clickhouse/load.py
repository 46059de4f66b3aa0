"""What has landed, brought into ClickHouse: a batch once, a reference table when it has changed.

Each Parquet file goes in as native blocks, each with a deduplication token made from the batch's key: a block that a
retry sends again is dropped by the engine. `_loaded` is written after the rows, so a load that dies is taken up where
it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import md5, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tokencost_pipeline.errors import CheckFailed
from tokencost_pipeline.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

MANIFEST = "_manifest"
LOADED = "_loaded"
BLOCK_ROWS = 200_000
TOKENS_KEPT = 10_000
SOURCES = ("events", "litellm_payload", "litellm_spend_logs", "otlp", "claude_code", "litellm_log")
LEDGERS = ("quarantine", "quarantine_replayed", "conflicts", "files")
SCALARS = {
    pa.string(): "String",
    pa.int64(): "Int64",
    pa.bool_(): "Bool",
    pa.date32(): "Date32",
    pa.timestamp("us", tz="UTC"): "DateTime64(6, 'UTC')",
}


def load_landing(client: Client, settings: Settings, shapes: Mapping[str, pa.Schema]) -> None:
    """Bring the database `<prefix>_landing` up to the landing zone. `shapes`: the columns of each landed table."""
    database = f"{settings.clickhouse_database}_landing"
    # dbt connects to the first, and makes none but those of its layers.
    for name in (settings.clickhouse_database, database):
        client.command(f"create database if not exists {name}{on_cluster(settings)}")
    path = settings.landing_dir / "manifest.json"
    manifest = path.read_bytes() if path.exists() else b"{}"
    for table in (*SOURCES, *LEDGERS):
        columns = ", ".join(["batch_key String", *columns_of(shapes.get(table, shapes["attempts"]))])
        create(client, settings, f"{database}.{table}", columns, "MergeTree", "batch_key")
    load_batches(client, settings, database, json.loads(manifest))
    for name in shapes:
        if name not in {"attempts", *LEDGERS}:
            file = settings.landing_dir / "reference" / f"{name}.parquet"
            found = pq.read_table(file) if file.exists() else shapes[name].empty_table()
            replace_table(client, settings, f"{database}.{name}", found.cast(shapes[name]))
    content = pa.schema([pa.field("content", pa.string(), nullable=False)])
    whole = pa.table({"content": [manifest.decode()]}, schema=content)
    replace_table(client, settings, f"{database}.{MANIFEST}", whole)


def load_batches(client: Client, settings: Settings, database: str, manifest: Mapping[str, Any]) -> None:
    """Load the files that the manifest has in force and `_loaded` has not; remove those that are in force no more."""
    ledger = f"{database}.{LOADED}"
    create(
        client, settings, ledger, "batch_key String, landed String", "ReplacingMergeTree", "batch_key, landed"
    )
    wanted = dict(landed_files(manifest))
    loaded = {
        (key, table) for key, table in client.query(f"select batch_key, landed from {ledger}").result_rows
    }
    for key, table in sorted(loaded - set(wanted)):
        client.command(f"delete from {database}.{table} where batch_key = '{key}'")
        client.command(f"delete from {ledger} where batch_key = '{key}' and landed = '{table}'")
    for (key, table), file in wanted.items():
        if (key, table) not in loaded:
            load_file(client, f"{database}.{table}", settings.landing_dir / file, key)
            client.insert(ledger, [[key, table]], column_names=["batch_key", "landed"])


def landed_files(manifest: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """((batch key, table), file below landing/) of all in force. The macro `landed_batches` makes the same key."""
    purged = set((manifest.get("retention") or {}).get("purged", []))
    for batch in manifest.get("batches", []):
        digest = md5(json.dumps(batch, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        for table, entry in batch["tables"].items():
            if table in (*SOURCES, *LEDGERS) and entry["file"] not in purged:
                yield (f"{batch['seq']}@{digest}", table), entry["file"]


def load_file(client: Client, table: str, path: Path, key: str) -> None:
    """All rows of a file, once. Raises CheckFailed when the engine does not hold them afterwards."""
    parquet = pq.ParquetFile(path)
    # A token outlives its rows. Should the engine remember one of rows that were removed, another one is used.
    for token in (key, f"{key}:again"):
        for number, batch in enumerate(parquet.iter_batches(BLOCK_ROWS)):
            block = pa.Table.from_batches([batch])
            block = block.add_column(0, "batch_key", pa.array([key] * len(block), pa.string()))
            insert(client, table, block, f"{token}:{table}:{number}")
        held = int(str(client.command(f"select count() from {table} where batch_key = '{key}'")))
        if held == parquet.metadata.num_rows:
            return
        client.command(f"delete from {table} where batch_key = '{key}'")
    raise CheckFailed(
        f"{table} holds {held} of {parquet.metadata.num_rows} rows of {path.name} after its load"
    )


def insert(client: Client, table: str, block: pa.Table, token: str) -> None:
    """One native block. The engine drops it when it has had one with the same token."""
    client.insert_arrow(table, plain(block), settings={"insert_deduplication_token": token})


def plain(block: pa.Table) -> pa.Table:
    """Without dictionary encoding, which is a matter of the file."""
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in block.schema
    ]
    return block.cast(pa.schema(fields))


def replace_table(client: Client, settings: Settings, name: str, rows: pa.Table) -> None:
    """Make the table hold exactly these rows. What it was made from stands in its comment, so that the same again costs
    one question."""
    buffer = pa.BufferOutputStream()
    pq.write_table(rows, buffer, compression="none")
    stamp = sha256(buffer.getvalue()).hexdigest()
    database, table = name.split(".")
    known = client.query(
        f"select comment from system.tables where database = '{database}' and name = '{table}'"
    ).result_rows
    if known and known[0][0] == stamp:
        return
    client.command(f"drop table if exists {name}{on_cluster(settings)} sync")
    create(client, settings, name, ", ".join(columns_of(rows.schema)), "MergeTree", "tuple()")
    if len(rows):
        client.insert_arrow(name, plain(rows))
    client.command(f"alter table {name}{on_cluster(settings)} modify comment '{stamp}'")


def create(client: Client, settings: Settings, name: str, columns: str, family: str, order: str) -> None:
    """A table of ours, unless it is there. On a cluster it is replicated, and the window of tokens is the server's."""
    replicated = settings.clickhouse_cluster is not None
    engine = f"Replicated{family}" if replicated else family
    window = "replicated_deduplication_window" if replicated else "non_replicated_deduplication_window"
    client.command(
        f"create table if not exists {name}{on_cluster(settings)} ({columns}) engine = {engine}"
        f" order by ({order}) settings {window} = {TOKENS_KEPT}"
    )


def on_cluster(settings: Settings) -> str:
    return f" on cluster '{settings.clickhouse_cluster}'" if settings.clickhouse_cluster else ""


def columns_of(schema: pa.Schema) -> list[str]:
    """The columns in DDL. Only what the landed schema calls nullable is."""
    return [
        f"{field.name} {f'Nullable({kind})' if field.nullable else kind}"
        for field in schema
        for kind in [clickhouse_type(field.type)]
    ]


def clickhouse_type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"Decimal({kind.precision}, {kind.scale})"
    return SCALARS[kind]
