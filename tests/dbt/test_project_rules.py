"""The house rules of the dbt project, read off its manifest: one rule, one test."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from dbt.adapters.duckdb import environments

from tokencost_pipeline.settings import PROJECT_ROOT, Settings
from tokencost_pipeline.warehouse.dbt import common_arguments, invoke, manifest_text, project_files
from tokencost_pipeline.warehouse.read_only import read_only

NAMES = {
    "staging": r"stg_[a-z_]+__[a-z_]+",
    "intermediate": r"int_[a-z]+__[a-z_]+",
    "marts": r"(fct|dim|agg)_[a-z_]+|routing_savings_daily|anomalies|reconciliation|restatements",
}
MAY_READ = {
    "staging": {"staging"},
    "intermediate": {"staging", "intermediate", "marts"},
    "marts": {"staging", "intermediate", "marts"},
    "ingest": {"staging", "marts"},
    "alerts": {"staging"},
}
READS_A_MART = {"int_requests__touched"}  # it asks which requests stand in the touched hours


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("manifest"))
    return json.loads(manifest_text(settings))


def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def test_names_follow_their_layer(manifest: dict[str, Any]) -> None:
    wrong = [
        model["name"]
        for model in models(manifest)
        if model["fqn"][1] in NAMES and not re.fullmatch(NAMES[model["fqn"][1]], model["name"])
    ]
    assert wrong == []


def test_every_model_says_its_grain(manifest: dict[str, Any]) -> None:
    silent = [
        model["name"] for model in models(manifest) if not re.search(r"One row\b", model["description"])
    ]
    assert silent == []


def test_every_model_has_a_yml_with_columns(manifest: dict[str, Any]) -> None:
    assert [model["name"] for model in models(manifest) if not model["columns"]] == []


def test_marts_have_an_enforced_contract(manifest: dict[str, Any]) -> None:
    assert [
        model["name"]
        for model in models(manifest)
        if model["fqn"][1] == "marts" and not model["config"]["contract"]["enforced"]
    ] == []


def test_layers_only_look_down(manifest: dict[str, Any]) -> None:
    wrong = []
    for model in models(manifest):
        for upstream in model["depends_on"]["nodes"]:
            node = manifest["nodes"].get(upstream)
            if node is None:  # a source: staging and the ledgers of ingest only
                if model["fqn"][1] not in {"staging", "ingest", "alerts"}:
                    wrong.append((model["name"], upstream))
            elif node["fqn"][1] not in MAY_READ[model["fqn"][1]] or (
                model["fqn"][1] == "intermediate"
                and node["fqn"][1] == "marts"
                and model["name"] not in READS_A_MART
            ):
                wrong.append((model["name"], node["name"]))
    assert wrong == []


def test_every_published_mart_has_a_key_test(manifest: dict[str, Any]) -> None:
    keyed = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node["test_metadata"] or {}).get("name") in {"key", "unique", "unique_combination"}
    }
    assert [
        model["name"]
        for model in models(manifest)
        if model["fqn"][1] == "marts" and model["unique_id"] not in keyed
    ] == []


def sql_without_comments(path: Path) -> str:
    text = re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.DOTALL)
    text = re.sub(r"--[^\n]*", "", text)
    return re.sub(r"'[^'\n]*'", "''", text)


def test_no_sql_divides_averages_or_uses_floats() -> None:
    """`/`, avg and DOUBLE turn exact money into binary floating point; `//` on whole numbers is fine."""
    wrong = []
    for path in project_files(PROJECT_ROOT / "dbt_project"):
        if path.suffix == ".sql":
            text = sql_without_comments(path).replace("//", "")
            if re.search(r"/|\bavg\s*\(|\bdouble\b|\bfloat\b|\breal\b", text, flags=re.IGNORECASE):
                wrong.append(path.name)
    assert wrong == []


def test_engine_functions_stand_in_the_engine_macros_alone() -> None:
    """What only DuckDB spells that way is behind a dispatched macro, so that another engine is one more file."""
    foreign = re.compile(
        r"\b(read_parquet|read_text|epoch_us|to_microseconds|date_trunc|strftime|list_contains|string_split|"
        r"regexp_full_match|hugeint|unnest)\s*\(?",
        flags=re.IGNORECASE,
    )
    wrong = [
        (path.name, found.group())
        for path in project_files(PROJECT_ROOT / "dbt_project")
        if path.suffix == ".sql" and "engine" not in path.parts
        for found in [foreign.search(sql_without_comments(path))]
        if found
    ]
    assert wrong == []


def test_what_dbt_held_is_closed_when_it_ends_whoever_still_knows_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a reader is refused until garbage is collected: the file is open with another configuration."""
    settings = Settings(data_dir=tmp_path)
    known: list[Any] = []
    create = environments.create

    def created(credentials: Any) -> Any:
        known.append(create(credentials))
        return known[-1]

    monkeypatch.setattr(environments, "create", created)
    outcome = invoke(settings, ["show", "--inline", "select 1 as one", *common_arguments(settings)])
    assert outcome.success, outcome.error
    assert len(known) == 1
    with read_only(settings) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
