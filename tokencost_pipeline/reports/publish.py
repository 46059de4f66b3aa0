"""Renders every face of the report and puts it in place, all or nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from tokencost_pipeline import atomic
from tokencost_pipeline.pricing.suggest import suggester
from tokencost_pipeline.reports import csvs, stats
from tokencost_pipeline.reports.charts.svg import Images
from tokencost_pipeline.reports.charts.theme import THEMES
from tokencost_pipeline.reports.markdown import MarkdownFace
from tokencost_pipeline.reports.model import Page
from tokencost_pipeline.reports.pages import MODULES, NAVIGATION
from tokencost_pipeline.reports.report import Report, open_report
from tokencost_pipeline.reports.sitemap import Limits
from tokencost_pipeline.reports.source import open_exports
from tokencost_pipeline.reports.swap import write_folders
from tokencost_pipeline.settings import Settings


@dataclass(frozen=True)
class PublishReport:
    """What was published: number of pages and files, their size in bytes, how long it took, where to look
    first."""

    pages: int
    files: int
    bytes: int
    seconds: float
    index: Path
    stats: Path


def publish(settings: Settings, limits: Limits | None = None) -> PublishReport:
    """Render the exports to `settings.reports_dir`: `markdown/`, `csv/`, `api/stats.json`.

    The same exports, price book and installed catalogues give the same bytes. Whatever goes wrong while
    rendering, the report that was there stays. Raises UserError when there are no exports.
    """
    start = time.perf_counter()
    connection = open_exports(settings.exports_dir)
    try:
        report = open_report(connection, limits, suggester(settings))
        pages = [page for module in MODULES for page in module.pages(report)]
        images = Images(drawn_before(settings))
        files = render(report, pages, images)
    finally:
        connection.close()
    write_folders(settings.reports_dir, files)
    keep_drawn(settings, images)
    return PublishReport(
        pages=len(pages),
        files=len(files),
        bytes=sum(len(content) for content in files.values()),
        seconds=time.perf_counter() - start,
        index=settings.reports_dir / "markdown" / "index.md",
        stats=settings.reports_dir / "api" / "stats.json",
    )


def drawn_before(settings: Settings) -> dict[str, str]:
    """The charts of the last report by digest; none when they were not kept or cannot be read."""
    try:
        return dict(orjson.loads(drawn_path(settings).read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def keep_drawn(settings: Settings, images: Images) -> None:
    """Keep this report's charts for the next one. Not being able to costs time only."""
    try:
        atomic.write_bytes(drawn_path(settings), orjson.dumps(images.drawn))
    except OSError:
        return


def drawn_path(settings: Settings) -> Path:
    return settings.data_dir / "cache" / "charts.json"


def render(report: Report, pages: list[Page], images: Images) -> dict[str, bytes]:
    """Every file of the report: path below the reports folder -> content."""
    face = MarkdownFace(
        report.zone,
        {
            "as_of": report.as_of,
            "today": report.today,
            "zone": report.zone.key,
            "is_sample": report.is_sample,
            "freshness": report.freshness,
            "navigation": NAVIGATION,
        },
    )
    texts = {f"markdown/{page.path}.md": face.render(page) for page in pages}
    for page in pages:
        for figure in page.figures.values():
            for theme in THEMES:
                texts[f"markdown/charts/{figure.name}-{theme.name}.svg"] = images.svg(figure.draw, theme)
    for module in MODULES:
        for file in module.csv_files(report):
            texts[f"csv/{file.name}.csv"] = csvs.render(file)
    texts["api/stats.json"] = stats.render(stats.report_stats(report))
    return {path: text.encode("utf-8") for path, text in texts.items()}
