"""Charts to SVG, without a browser and without Node."""

from __future__ import annotations

import re
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import altair as alt
import orjson
import vl_convert
from altair.utils.schemapi import debug_mode

from tokencost_pipeline.reports.charts.theme import BROWSER, Theme, colours
from tokencost_pipeline.reports.model import Draw

VEGA_LITE = "v" + "_".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


_TAG = re.compile(r"<[a-z][^<>]*>")
_COLOUR = re.compile(r'(?<==")var\(--([a-z0-9-]+)\)(?=")')
_CLIP = re.compile(r'(?<=id="clip)\d+(?=")|(?<=url\(#clip)\d+(?=\))')


class Images:
    """Draws charts, and takes over from `drawn` (digest of a chart -> its SVG) those that have not changed.

    A chart is drawn once, in colours that are only named, and coloured for each theme.
    """

    def __init__(self, drawn: dict[str, str]) -> None:
        self._before = drawn
        self.drawn: dict[str, str] = {}
        self._images: dict[Draw, str] = {}

    def svg(self, draw: Draw, theme: Theme) -> str:
        """The chart in `theme` as SVG text; the same rows always give the same bytes."""
        image = self._images.get(draw)
        if image is None:
            spec = specification(draw, BROWSER)
            key = digest(spec)
            image = self._images[draw] = self._before.get(key) or self.drawn.get(key) or render(spec)
            self.drawn[key] = image
        return coloured(image, theme)


def svg(draw: Draw, theme: Theme) -> str:
    """The chart in `theme` as SVG text; the same rows always give the same bytes."""
    return Images({}).svg(draw, theme)


def coloured(image: str, theme: Theme) -> str:
    """The image with the theme's colours for the names of `BROWSER`. Only within tags: a name out of the data may look
    like a colour."""
    named = colours(theme)
    return _TAG.sub(lambda tag: _COLOUR.sub(lambda match: named[match[1]], tag[0]), image)


def specification(draw: Draw, theme: Theme) -> dict[str, Any]:
    """The chart in `theme` as a Vega-Lite specification with its data and colours.

    altair holds every part of a chart against the schema of Vega-Lite as it is made, which costs more than all the
    rest; a test does that once for each chart, a report of hundreds of them need not.
    """
    with debug_mode(False):
        chart = draw(theme)
        spec: dict[str, Any] = chart if isinstance(chart, dict) else chart.to_dict(validate=False)
    return {**spec, "config": theme.config()}


def digest(spec: dict[str, object]) -> str:
    """What a chart's image depends on: its specification with data, and the renderer."""
    renderer = f"{VEGA_LITE} {version('vl-convert-python')}".encode()
    return sha256(renderer + orjson.dumps(spec, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()


def render(spec: dict[str, object]) -> str:
    image = str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))
    # the renderer numbers clip paths through the life of the process
    numbers: dict[str, int] = {}
    return _CLIP.sub(lambda match: str(numbers.setdefault(match[0], len(numbers))), image)
