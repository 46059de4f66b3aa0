"""Publishes the report, all of it or nothing, and only when there is something new to say."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tokencost_pipeline.publication import note_published, read_failure
from tokencost_pipeline.reports.sitemap import Limits
from tokencost_pipeline.reports.unchanged import forget_published, keep_published, made_from, read_published
from tokencost_pipeline.settings import Settings


@dataclass(frozen=True)
class PublishReport:
    """What was published: number of pages and files, their size in bytes, how many of the site's files were written
    because they changed, how long it took, where to look first."""

    pages: int
    files: int
    bytes: int
    written: int
    seconds: float
    index: Path
    stats: Path
    site: Path


def publish(settings: Settings, limits: Limits | None = None, *, whole_run: bool = False) -> PublishReport:
    """Render the exports to `settings.reports_dir`: `markdown/`, `csv/`, `api/stats.json`, `site/`.

    The same exports, price book and installed catalogues give the same bytes, so where all of that and our own code
    are as they were, and all published files too, nothing is rendered. Runs that failed since the last report are told
    of, and forgotten where this one ends a `whole_run`. Whatever goes wrong while rendering, the report that was there
    stays. Raises UserError when there are no exports.
    """
    start = time.perf_counter()
    failure = read_failure(settings)
    inputs = made_from(settings, limits)
    told = None if failure else read_published(settings, inputs)
    if told is None:
        # What draws and renders takes half a second to import.
        from tokencost_pipeline.reports.rendering import render_faces

        forget_published(settings)
        told = asdict(render_faces(settings, limits, failure, whole_run=whole_run))
        if failure is None:
            keep_published(settings, inputs, {**told, "written": 0})
    note_published(settings, renewed=whole_run)
    return PublishReport(
        **told,
        seconds=time.perf_counter() - start,
        index=settings.reports_dir / "markdown" / "index.md",
        stats=settings.reports_dir / "api" / "stats.json",
        site=settings.reports_dir / "site" / "index.html",
    )
