from __future__ import annotations

from collections.abc import Iterator

import pytest
from sample_exports import Published, build_warehouse, export, sample_attempts

from tokencost_pipeline.reports.publish import publish
from tokencost_pipeline.settings import Settings


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """The sample, exported and published once; tests only read it."""
    folder = tmp_path_factory.mktemp("published")
    settings = Settings(data_dir=folder / "data", reports_dir=folder / "out")
    warehouse = build_warehouse(list(sample_attempts()))
    export(warehouse, settings.exports_dir)
    yield Published(settings.reports_dir, warehouse, publish(settings), settings)
    warehouse.close()
