"""What a page of the site loads: style sheet, scripts, the chart library and the charts, each named by its content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import vl_convert

from tokencost_pipeline import atomic
from tokencost_pipeline.reports import data_scripts
from tokencost_pipeline.reports.charts.svg import VEGA_LITE, specification
from tokencost_pipeline.reports.charts.theme import BROWSER, DARK, LIGHT, css_variables
from tokencost_pipeline.reports.model import Figure

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("core", "app")
"""Scripts of every page, in the order they run; charts.js follows on pages that have any."""
CHART_SCRIPTS = ("charts", "redraw")
FILTER_SCRIPTS = ("data", "money", "csv", "rollups", "tables", "follow", "filters")
REQUEST_SCRIPTS = ("data", "money", "csv", "sha256", "lookup", "request")


class Assets:
    """Files named by their content, so that a browser may keep them for ever. `files` is path below the site ->
    content."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def add(self, folder: str, name: str, suffix: str, content: bytes) -> str:
        """Keep `content`; its path below the site."""
        path = f"{folder}/{name}-{sha256(content).hexdigest()[:10]}.{suffix}"
        self.files[path] = content
        return path


def style() -> bytes:
    """The style sheet, with the colours of the themes in front."""
    light, dark = css_variables(LIGHT), css_variables(DARK)
    colours = (
        f":root {{ color-scheme: dark; {dark} }}\n"
        f':root[data-theme="light"] {{ color-scheme: light; {light} }}\n'
        f"@media print {{ :root:root {{ color-scheme: light; {light} }} }}\n"
    )
    return (colours + (STATIC / "style.css").read_text("utf-8")).encode()


def script(name: str) -> bytes:
    """The text of static/<name>.js."""
    return (STATIC / f"{name}.js").read_bytes()


def vega(cache: Path) -> bytes:
    """The chart library that vl-convert ships, as one script. Bundling takes a second and a half, so it is kept
    below `cache`."""
    kept = cache / f"vega-embed-{version('vl-convert-python')}-{VEGA_LITE}.js"
    try:
        return kept.read_bytes()
    except OSError:
        bundle: bytes = vl_convert.javascript_bundle(
            "window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE
        ).encode()
    with suppress(OSError):  # then it is bundled again next time
        atomic.write_bytes(kept, bundle)
    return bundle


def chart_specs(figures: Mapping[str, Figure]) -> bytes:
    """The charts of a page as a script, in colours that the style sheet names."""
    specs = {
        figure.name: {**specification(figure.draw, BROWSER), "description": figure.alt}
        for figure in figures.values()
        if figure.face != "markdown"
    }
    return data_scripts.script("charts", specs)


def scripts(names: Iterable[str], assets: Assets) -> dict[str, str]:
    """Add the named scripts; name -> path below the site."""
    return {name: assets.add("assets", name, "js", script(name)) for name in dict.fromkeys(names)}
