"""Many small landed files are read as one: the same rows, and no pack that is not whole is ever believed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper
from pipeline_lab import Lab, event, new_lab

from tokencost_pipeline.ingest.manifest import read_manifest
from tokencost_pipeline.warehouse.packs import FOLDER, RECORD, landed_files, pack_landed, read_packs

RUNS = 7


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = new_lab(tmp_path_factory.mktemp("packs"))
    for run in range(RUNS):
        at = f"2026-11-{10 + run}T09:00:00Z"
        extra = {"unheard_of": 1} if run == 3 else {}
        lab.drop(
            "events", f"{run}.jsonl", [event(10 * run + n, at, **extra) for n in range(3)] + [{"no": "event"}]
        )
        lab.land()
    return lab


@pytest.fixture
def copy(lab: Lab, tmp_path: Path) -> Lab:
    shutil.copytree(lab.root, tmp_path / "copy")
    return Lab(tmp_path / "copy")


def test_the_marts_are_the_same_with_packs_and_without_and_the_manifest_is_read_once(
    lab: Lab, copy: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    execute = DuckDBCursorWrapper.execute

    def listened(cursor: DuckDBCursorWrapper, sql: str, bindings: object = None) -> object:
        asked.append(sql)
        return execute(cursor, sql, bindings)

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBCursorWrapper, "execute", listened)
        lab.build()
    readers = [sql for sql in asked if "read_text" in sql and "manifest.json" in sql]
    assert len(readers) == len(set(readers)) == 2, "the batches, and the retention"
    packs = pack_landed(copy.settings, files=3)
    copy.build()

    assert sorted((pack.table, len(pack.replaces)) for pack in packs) == [
        ("events", 3), ("events", 3), ("quarantine", 3), ("quarantine", 3)
    ]  # fmt: skip
    read = copy.ask("select sql from duckdb_views() where view_name = 'stg_events__attempts'")[0][0]
    for pack in packs:
        if pack.table == "events":
            assert pack.file in read
            assert not any(file in read for file in pack.replaces)
    assert copy.marts() == lab.marts()
    refused = "select path, line_no, reason from ingest.quarantine order by all"
    assert copy.ask(refused) == lab.ask(refused)
    assert len(copy.ask(refused)) == RUNS


def test_packs_grow_by_whole_groups_and_stay_as_they_are(copy: Lab) -> None:
    first = pack_landed(copy.settings, files=4)
    assert pack_landed(copy.settings, files=4) == first
    copy.drop("events", "late.jsonl", [event(900, "2026-11-20T09:00:00Z"), {"no": "event"}])
    copy.land()

    second = pack_landed(copy.settings, files=4)

    assert first == [pack for pack in second if pack in first]
    assert len(second) == 2 * len(first)
    assert {file for pack in second for file in pack.replaces} == {
        file for small in landed_files(copy.settings).values() for file, _ in small
    }


def test_a_pack_is_given_up_when_one_of_its_files_is_not_in_force(copy: Lab) -> None:
    packs = pack_landed(copy.settings, files=3)
    manifest = copy.settings.landing_dir / "manifest.json"
    assert read_manifest(copy.settings.landing_dir).batches
    shutil.rmtree(copy.settings.landing_dir / "batches")
    manifest.unlink()

    assert pack_landed(copy.settings, files=3) == []
    assert not list((copy.settings.landing_dir / FOLDER).iterdir())
    assert packs


@pytest.mark.parametrize("harm", ["deleted", "torn record"])
def test_a_harmed_pack_is_made_anew(copy: Lab, harm: str) -> None:
    packs = pack_landed(copy.settings, files=3)
    if harm == "deleted":
        (copy.settings.landing_dir / packs[0].file).unlink()
    else:
        (copy.settings.landing_dir / RECORD).write_text("[{", "utf-8")

    again = pack_landed(copy.settings, files=3)

    assert {pack.replaces for pack in again} == {pack.replaces for pack in packs}
    assert all((copy.settings.landing_dir / pack.file).exists() for pack in again)
    assert read_packs(copy.settings) == again
