"""The static site: every file of it, from the pages and what their tables rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from tokencost_pipeline.reports import data_scripts, exact_json
from tokencost_pipeline.reports.browser import (
    CHART_SCRIPTS,
    FILTER_SCRIPTS,
    REQUEST_SCRIPTS,
    SCRIPTS,
    Assets,
    chart_specs,
    scripts,
    style,
    vega,
)
from tokencost_pipeline.reports.html import HtmlFace, relative
from tokencost_pipeline.reports.model import Page
from tokencost_pipeline.reports.numbers import instant
from tokencost_pipeline.reports.pages import on_every_page
from tokencost_pipeline.reports.report import Report

VERSION = "version.js"
REFRESH_SECONDS = 30
_BUILD = "\0build"  # no name out of the data can hold it: control characters are shown as escapes


FILTERED = ("index", "features/index", "tenants/index", "models")
"""Pages whose figures follow the filters."""
LOOK_UP = "request/index"


def render_site(
    report: Report,
    pages: Sequence[Page],
    cache: Path,
    rollups: str | None = None,
    requests: str | None = None,
    links: str | None = None,
    late: str | None = None,
) -> dict[str, bytes]:
    """Path below the site -> content, `version.js` last. `cache` keeps what is dear to make (the chart library).

    `rollups`, `requests` and `links` are the paths below the site of what the filters and the look-up of a request load
    first.
    `late` is said on each page: which runs failed before this one.
    `version.js` and each page carry the digest of all pages: an open page asks for the first and reloads itself when
    they differ.
    """
    assets = Assets()
    shared = {
        "style": assets.add("assets", "style", "css", style()),
        **scripts(("theme", *SCRIPTS, *CHART_SCRIPTS, *FILTER_SCRIPTS, *REQUEST_SCRIPTS), assets),
        "vega": assets.add("assets", "vega", "js", vega(cache)),
    }
    face = HtmlFace(
        report.zone,
        {
            **on_every_page(report, late),
            "assets": shared,
            "scripts": [shared[name] for name in SCRIPTS],
            "build": _BUILD,
            "refresh": str(REFRESH_SECONDS),
            "rollups": rollups or "",
            "requests": requests or "",
            "links": links or "",
            "root": lambda path: relative(".", path).rstrip("/") + "/",
        },
    )
    texts = {
        f"{page.path}.html": face.render(page, own_scripts(page, shared, assets))
        for page in pages
        if page.face != "markdown"
    }
    build = digest(texts)
    version = {
        "build": build,
        "as_of": exact_json.instant(report.as_of),
        "shown": instant(report.as_of, report.zone),
        "late": late,
    }
    return {
        **assets.files,
        **{path: text.replace(_BUILD, build).encode() for path, text in texts.items()},
        VERSION: data_scripts.script("version", version),
    }


def own_scripts(page: Page, shared: Mapping[str, str], assets: Assets) -> list[str]:
    """Scripts that this page loads beside those of every page, in their order."""
    names = FILTER_SCRIPTS if page.path in FILTERED else REQUEST_SCRIPTS if page.path == LOOK_UP else ()
    own = [shared[name] for name in names]
    if page.figures:
        charts = assets.add("data", f"charts-{page.path.replace('/', '-')}", "js", chart_specs(page.figures))
        own += [
            charts,
            shared["vega"],
            shared["charts"],
            *([shared["redraw"]] if page.path in FILTERED else []),
        ]
    return own


def digest(texts: Mapping[str, str]) -> str:
    """One name for all pages as they are."""
    whole = sha256()
    for path, text in sorted(texts.items()):
        whole.update(f"{path}\0{text}\0".encode())
    return whole.hexdigest()[:16]
