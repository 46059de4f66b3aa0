"""Whoever reads the warehouse stays within the memory that the engine may take."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.store import open_store


def test_a_reader_has_the_limit_of_the_settings_and_a_place_for_the_rest(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, memory_limit_mib=300)
    duckdb.connect(str(settings.warehouse_path)).close()
    with open_store(settings) as store:
        [(limit, place)] = store.rows(
            "select current_setting('memory_limit'), current_setting('temp_directory')"
        )
    assert limit == "300.0 MiB"
    assert Path(place).parent == tmp_path
