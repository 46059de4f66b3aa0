"""The real pricing models as plain SQL over tables in memory: what dbt compiled, without a build for each try.

Everything from the resolved prices to the priced attempt is dbt's own compiled SQL. Two things are replaced at the
edge: landed files become tables of the same shape, and `int_attempts__unified` is a table to put attempts into.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse import dbt
from tokencost_pipeline.warehouse.reference import SHAPES, land_shapes

PRICED = "int_attempts__priced"
ATTEMPTS = "int_attempts__unified"
EVENTS = "stg_events__attempts"
LANDED_FILE = re.compile(r"read_parquet\(\['[^']*/shapes/(\w+)\.parquet'\], union_by_name = true\)")


@dataclass(frozen=True)
class Model:
    """One dbt model: its relation (`schema.name`), `table` or `view`, and its compiled select."""

    name: str
    relation: str
    kind: str
    sql: str


@dataclass(frozen=True)
class PricingSql:
    """The models that price attempts, in the order of dbt's graph; `shape` is the select of an attempt's columns."""

    models: tuple[Model, ...]
    attempts: str  # relation of int_attempts__unified
    shape: str

    def model(self, name: str) -> Model:
        return next(model for model in self.models if model.name == name)

    def changed(self, name: str, change: Callable[[str], str]) -> PricingSql:
        """A mutant: the same models with one of them changed. Raises ValueError when nothing changed."""
        model = self.model(name)
        mutant = replace(model, sql=change(model.sql))
        if mutant.sql == model.sql:
            raise ValueError(f"the mutation found nothing to change in {name}")
        return replace(self, models=tuple(mutant if it is model else it for it in self.models))


def compile_pricing(folder: Path) -> PricingSql:
    """Let dbt compile the project over an empty warehouse in `folder`. Takes some seconds; nothing is built."""
    settings = Settings(
        raw_dir=folder / "raw",
        pricing_dir=folder / "pricing",
        data_dir=folder / "data",
        reports_dir=folder / "reports",
        as_of="2026-11-21T12:00:00Z",
        timezone="UTC",
    )
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    land_shapes(settings)
    which = ["--select", "+path:models/intermediate"]
    outcome = dbt.invoke(settings, ["compile", *dbt.common_arguments(settings), *which])
    outcome.raise_for_failure()
    manifest = json.loads((settings.dbt_target_dir / "manifest.json").read_text("utf-8"))
    nodes = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    by_name = {node["name"]: unique_id for unique_id, node in nodes.items()}
    order = ancestors(nodes, by_name[PRICED], stop=by_name[ATTEMPTS])
    compiled = settings.dbt_target_dir / "compiled" / "tokencost"

    def model(unique_id: str) -> Model:
        node = nodes[unique_id]
        sql = (compiled / node["original_file_path"]).read_text("utf-8")
        kind = "table" if node["config"]["materialized"] == "table" else "view"
        return Model(node["name"], f"{node['schema']}.{node['name']}", kind, landed_tables(sql))

    return PricingSql(
        models=tuple(model(unique_id) for unique_id in order),
        attempts=model(by_name[ATTEMPTS]).relation,
        shape=model(by_name[EVENTS]).sql,
    )


def ancestors(nodes: Mapping[str, Any], of: str, *, stop: str) -> list[str]:
    """`of` and the models it is made from, parents first; without `stop` and what only that is made from."""
    order: list[str] = []

    def visit(unique_id: str) -> None:
        if unique_id == stop or unique_id not in nodes or unique_id in order:
            return
        for parent in nodes[unique_id]["depends_on"]["nodes"]:
            visit(parent)
        order.append(unique_id)

    visit(of)
    return order


def landed_tables(sql: str) -> str:
    """Compiled SQL that reads tables named `landed.<shape>` where it read Parquet files."""
    return LANDED_FILE.sub(r"warehouse.landed.\1", sql)


class Pricing:
    """The models at work in a DuckDB of their own, in memory. Fill `attempts` and `landed.*`, then `resolve`."""

    def __init__(self, sql: PricingSql, connection: duckdb.DuckDBPyConnection | None = None) -> None:
        self.sql = sql
        self.connection = connection or duckdb.connect()
        run = self.connection.execute
        run("set TimeZone = 'UTC'")
        run("set preserve_insertion_order = false")  # as in profiles.yml
        run("attach ':memory:' as warehouse")
        run("use warehouse")
        schemas = {model.relation.split(".")[0] for model in sql.models} | {"landed"}
        for schema in sorted(schemas | {sql.attempts.split(".")[0]}):
            run(f"create schema {schema}")
        for name, shape in SHAPES.items():
            self.create(f"landed.{name}", shape.empty_table())
        run(f"create table {sql.attempts} as select * from ({sql.shape})")
        for model in sql.models:
            run(f"create {model.kind} {model.relation} as {model.sql}")

    def create(self, relation: str, rows: pa.Table) -> None:
        self.connection.register("arriving", rows)
        self.connection.execute(f"create or replace table {relation} as select * from arriving")
        self.connection.unregister("arriving")

    def fill(self, relation: str, rows: pa.Table, *, also: str = "") -> None:
        """Replace a table's rows. `also`: further columns as SQL, such as ", true as is_billed"."""
        self.connection.register("arriving", rows)
        self.connection.execute(f"truncate {relation}")
        self.connection.execute(f"insert into {relation} by name select *{also} from arriving")
        self.connection.unregister("arriving")

    def land(self, tables: Mapping[str, pa.Table]) -> None:
        """Put reference tables (of `pricing.expand.to_arrow` and its like) in force."""
        for name, rows in tables.items():
            self.fill(f"landed.{name}", rows)

    def attempts(self, rows: pa.Table) -> None:
        """Replace the attempts to price: columns of the landing schema, all of one source, all billed."""
        self.fill(self.sql.attempts, rows, also=", 1 as source_rank, true as is_billed")

    def resolve(self) -> None:
        """Compute the tables between the book and the priced attempts anew."""
        for model in self.sql.models:
            if model.kind == "table":
                self.store(model.name)

    def store(self, name: str) -> None:
        """Compute one table anew."""
        model = self.sql.model(name)
        self.connection.execute(f"create or replace table {model.relation} as {model.sql}")
