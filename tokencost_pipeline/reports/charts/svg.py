"""Charts to SVG, without a browser and without Node."""

from __future__ import annotations

import re

import altair as alt
import vl_convert

from tokencost_pipeline.reports.charts.theme import Theme
from tokencost_pipeline.reports.model import Draw

VEGA_LITE = "v" + "_".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


_CLIP = re.compile(r'(?<=id="clip)\d+(?=")|(?<=url\(#clip)\d+(?=\))')


def svg(draw: Draw, theme: Theme) -> str:
    """The chart in `theme` as SVG text; the same rows always give the same bytes."""
    spec = draw(theme).to_dict()
    spec["config"] = theme.config()
    image = str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))
    # the renderer numbers clip paths through the life of the process
    numbers: dict[str, int] = {}
    return _CLIP.sub(lambda match: str(numbers.setdefault(match[0], len(numbers))), image)
