"""The rollups as compact files, so that filters work without a server. Entry point: `rollups.rollup_files`."""

from tokencost_pipeline.reports.site_data.rollups import Rollups, rollup_files

__all__ = ["Rollups", "rollup_files"]
