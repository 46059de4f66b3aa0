"""Charts to SVG, without a browser and without Node."""

from __future__ import annotations

import re
from hashlib import sha256
from importlib.metadata import version

import altair as alt
import orjson
import vl_convert

from tokencost_pipeline.reports.charts.theme import Theme
from tokencost_pipeline.reports.model import Draw

VEGA_LITE = "v" + "_".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


_CLIP = re.compile(r'(?<=id="clip)\d+(?=")|(?<=url\(#clip)\d+(?=\))')


class Images:
    """Draws charts, and takes over from `drawn` (digest of a chart -> its SVG) those that have not changed."""

    def __init__(self, drawn: dict[str, str]) -> None:
        self._before = drawn
        self.drawn: dict[str, str] = {}

    def svg(self, draw: Draw, theme: Theme) -> str:
        """The chart in `theme` as SVG text; the same rows always give the same bytes."""
        spec = draw(theme).to_dict()
        spec["config"] = theme.config()
        key = digest(spec)
        image = self._before.get(key) or self.drawn.get(key) or render(spec)
        self.drawn[key] = image
        return image


def svg(draw: Draw, theme: Theme) -> str:
    """The chart in `theme` as SVG text; the same rows always give the same bytes."""
    return Images({}).svg(draw, theme)


def digest(spec: dict[str, object]) -> str:
    """What a chart's image depends on: its specification with data, and the renderer."""
    renderer = f"{VEGA_LITE} {version('vl-convert-python')}".encode()
    return sha256(renderer + orjson.dumps(spec, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()


def render(spec: dict[str, object]) -> str:
    image = str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))
    # the renderer numbers clip paths through the life of the process
    numbers: dict[str, int] = {}
    return _CLIP.sub(lambda match: str(numbers.setdefault(match[0], len(numbers))), image)
