"""Every face of the report, rendered from the exports and put in place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from tokencost_pipeline import atomic
from tokencost_pipeline.pricing.suggest import suggester
from tokencost_pipeline.publication import Failure, in_words
from tokencost_pipeline.reports import csvs, stats
from tokencost_pipeline.reports.charts.svg import Images
from tokencost_pipeline.reports.charts.theme import THEMES
from tokencost_pipeline.reports.markdown import MarkdownFace
from tokencost_pipeline.reports.model import Page
from tokencost_pipeline.reports.pages import MODULES, on_every_page
from tokencost_pipeline.reports.report import Report, open_report
from tokencost_pipeline.reports.shards.links import page_links
from tokencost_pipeline.reports.shards.update import update_shards
from tokencost_pipeline.reports.site import render_site
from tokencost_pipeline.reports.site_data.rollups import rollup_files
from tokencost_pipeline.reports.site_publish import SiteWriter
from tokencost_pipeline.reports.sitemap import Limits
from tokencost_pipeline.reports.source import open_exports
from tokencost_pipeline.reports.summaries import remember
from tokencost_pipeline.reports.swap import write_folders
from tokencost_pipeline.settings import Settings


@dataclass(frozen=True)
class Rendered:
    """Pages and files in place, their size in bytes, and how many of the site's files were written."""

    pages: int
    files: int
    bytes: int
    written: int


def render_faces(
    settings: Settings, limits: Limits | None, failure: Failure | None, *, whole_run: bool
) -> Rendered:
    """Render everything, then replace what is there. `failure` is told of on each page, as over where a `whole_run`
    publishes."""
    connection = open_exports(settings.exports_dir)
    try:
        report = open_report(
            connection, limits, suggester(settings), (settings.pricing_dir / "budgets.yaml").exists()
        )
        cache = settings.data_dir / "cache"
        remember(connection, settings.exports_dir, cache / "summaries", report.limits)
        pages = [page for module in MODULES for page in module.pages(report)]
        images = Images(drawn_before(settings))
        late = in_words(failure, report.zone, over=whole_run) if failure else None
        files = render(report, pages, images, late)
        writer = SiteWriter(settings.reports_dir / "site")
        shards = update_shards(settings.exports_dir, writer, cache / "shards")
        rollups = rollup_files(settings.exports_dir, writer, cache / "rollups", report.last_hour, report.zone)
        links, linked = page_links(report.sitemap.features, report.sitemap.tenants)
        rendered = render_site(
            report, pages, cache, rollups=rollups.index, requests=shards.root, links=links, late=late
        )
        site = {
            shards.root: shards.content,
            links: linked,
            **rendered,
            **below_site(files),
        }
    finally:
        connection.close()
    write_folders(settings.reports_dir, files)
    published = writer.publish(site, kept=(*shards.folders, *rollups.files))
    keep_drawn(settings, images)
    return Rendered(
        pages=len(pages),
        files=len(files) + published.files,
        bytes=sum(map(len, files.values())) + published.bytes,
        written=published.written,
    )


def below_site(files: dict[str, bytes]) -> dict[str, bytes]:
    """What the site has of the other faces: CSV files and figures for programs, so that it is whole by itself."""
    return {path: content for path, content in files.items() if path.startswith(("csv/", "api/"))}


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


def render(report: Report, pages: list[Page], images: Images, late: str | None = None) -> dict[str, bytes]:
    """Every file of the report but the site's: path below the reports folder -> content. `late` is said on each
    page."""
    face = MarkdownFace(report.zone, on_every_page(report, late))
    shown = [page for page in pages if page.face != "html"]
    texts = {f"markdown/{page.path}.md": face.render(page) for page in shown}
    for page in shown:
        for figure in (figure for figure in page.figures.values() if figure.face != "html"):
            for theme in THEMES:
                texts[f"markdown/charts/{figure.name}-{theme.name}.svg"] = images.svg(figure.draw, theme)
    for module in MODULES:
        for file in module.csv_files(report):
            texts[f"csv/{file.name}.csv"] = csvs.render(file)
    texts["api/stats.json"] = stats.render(stats.report_stats(report))
    return {path: text.encode("utf-8") for path, text in texts.items()}
