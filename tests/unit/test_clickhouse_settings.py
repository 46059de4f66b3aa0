"""The target clickhouse before any engine answers: settings, errors, and what both sides must agree on."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import yaml

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.settings import PROJECT_ROOT, Settings, with_target
from tokencost_pipeline.warehouse.clickhouse.connect import SESSION, connect, embedded_for_dbt, load_driver
from tokencost_pipeline.warehouse.clickhouse.examine import examine, look_settings
from tokencost_pipeline.warehouse.clickhouse.load import columns_of, landed_files, on_cluster
from tokencost_pipeline.warehouse.clickhouse.store import ClickHouseStore
from tokencost_pipeline.warehouse.dbt import engine_environment
from tokencost_pipeline.warehouse.ready import make_ready
from tokencost_pipeline.warehouse.reference import SHAPES

SECRET = "kein-wort-davon"


@pytest.fixture
def nobody(tmp_path: Path) -> Settings:
    """A server's settings, with a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Settings(
        data_dir=tmp_path, target="clickhouse", clickhouse_host="127.0.0.1", clickhouse_port=port,
        clickhouse_user="me", clickhouse_password=SECRET,
    )  # fmt: skip


def test_dbt_and_python_ask_under_the_same_settings() -> None:
    profile = yaml.safe_load((PROJECT_ROOT / "dbt_project" / "profiles.yml").read_text("utf-8"))
    assert profile["tokencost"]["outputs"]["clickhouse"]["custom_settings"] == SESSION


def test_a_server_that_does_not_answer_is_named_with_what_to_check(nobody: Settings) -> None:
    with pytest.raises(UserError, match=r"127\.0\.0\.1: ClickHouse does not answer") as caught:
        connect(nobody)
    assert "TOKENCOST_CLICKHOUSE_HOST" in (caught.value.hint or "")
    assert SECRET not in str(caught.value)


def test_doctor_stops_at_the_first_thing_that_makes_the_rest_pointless(nobody: Settings) -> None:
    found = list(examine(nobody))
    assert [(look, state) for look, state, _ in found][-1] == ("clickhouse reachable", "fail")
    assert SECRET not in repr(found)


def test_the_password_is_shown_to_dbt_alone(nobody: Settings) -> None:
    assert SECRET not in repr(nobody)
    assert SECRET not in nobody.model_dump_json()
    assert look_settings(nobody)[1].startswith("me@127.0.0.1, with a password")
    assert engine_environment(nobody)["TOKENCOST_CLICKHOUSE_PASSWORD"] == SECRET
    assert engine_environment(nobody.model_copy(update={"target": "duckdb"})) == {}


def test_an_unencrypted_way_to_another_machine_is_noted(nobody: Settings) -> None:
    far = nobody.model_copy(update={"clickhouse_host": "ch.example.com"})
    assert look_settings(far)[0] == "note"
    assert "TOKENCOST_CLICKHOUSE_SECURE" in look_settings(far)[1]


def test_an_unknown_engine_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'postgres' is no engine") as caught:
        with_target(Settings(data_dir=tmp_path), "postgres")
    assert caught.value.hint == "write duckdb or clickhouse"


def test_a_prefix_that_could_end_a_statement_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no plain name"):
        Settings(data_dir=tmp_path, clickhouse_database="x; drop database y")


def test_closed_days_are_refused_before_anything_is_loaded(nobody: Settings) -> None:
    with pytest.raises(UserError, match="does not know closed days"):
        make_ready(nobody.model_copy(update={"raw_retention_days": 30}))


def test_each_engine_remembers_its_own_builds(tmp_path: Path) -> None:
    duck = Settings(data_dir=tmp_path)
    assert duck.dbt_target_dir != duck.model_copy(update={"target": "clickhouse"}).dbt_target_dir
    assert duck.dbt_target_dir == tmp_path / "dbt_target"


def test_dbt_is_given_the_embedded_engine_and_the_driver_back_afterwards(tmp_path: Path) -> None:
    driver = load_driver()
    ordinary = driver.get_client
    with embedded_for_dbt(Settings(data_dir=tmp_path, target="clickhouse")):
        assert driver.get_client is not ordinary
    assert driver.get_client is ordinary


def test_landed_columns_keep_their_types_and_their_right_to_be_unknown() -> None:
    columns = columns_of(SHAPES["attempts"])
    assert "event_id String" in columns
    assert "cache_hit Nullable(Bool)" in columns
    assert "reported_cost_usd Nullable(Decimal(38, 15))" in columns
    assert "occurred_at Nullable(DateTime64(6, 'UTC'))" in columns


def test_only_files_in_force_are_loaded() -> None:
    batch = {"seq": 3, "tables": {"events": {"file": "a.parquet"}, "files": {"file": "b.parquet"}}}
    manifest = {"batches": [batch], "retention": {"purged": ["a.parquet"]}}
    assert [(table, file) for (_, table), file in landed_files(manifest)] == [("files", "b.parquet")]


def test_statements_name_the_cluster_only_where_there_is_one(nobody: Settings) -> None:
    assert on_cluster(nobody) == ""
    assert on_cluster(nobody.model_copy(update={"clickhouse_cluster": "c"})) == " on cluster 'c'"


def test_layers_become_databases_with_the_prefix() -> None:
    store = ClickHouseStore(client=None, prefix="acme")  # type: ignore[arg-type]
    asked = "select a.marts from marts.agg_daily as a join ingest.files on true where path = 'marts'"
    assert store.qualified(asked) == asked.replace("marts.agg", "acme_marts.agg").replace(
        "ingest.f", "acme_ingest.f"
    )
